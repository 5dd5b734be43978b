import type { KindDefinition } from "@skein/model";
import { type Command, CommanderError } from "commander";
import { CliError, type ExitCode, exitCode, Finished } from "./exit.ts";
import type { Io } from "./io.ts";
import type { Kinds } from "./kinds.ts";
import { normalizeArguments } from "./program/normalize-arguments.ts";
import { createProgram } from "./program/program.ts";
import { createSession, type GlobalOptions, type Session } from "./session.ts";

/** What tests and embedders may replace. */
export interface RunOptions {
  /** The kinds that the command line knows; by default those of Skein. */
  readonly loadKinds?: () => Promise<Kinds<KindDefinition>>;
}

/** Runs one command line (without the program's own name) and answers with its exit code. Never throws. */
export async function runCli(args: readonly string[], io: Io, options: RunOptions = {}): Promise<ExitCode> {
  let session: Session | undefined;
  const program = createProgram(io.programName, () => {
    session ??= createSession(io, program.opts<GlobalOptions>(), options.loadKinds ?? loadKinds);
    return session;
  });
  configure(program, io);
  if (args.length === 0) {
    program.outputHelp();
    return exitCode.ok;
  }
  try {
    await program.parseAsync([...normalizeArguments(args, program)], { from: "user" });
    return exitCode.ok;
  } catch (error) {
    return report(error, args, program, io);
  } finally {
    session?.close();
  }
}

async function loadKinds(): Promise<Kinds<KindDefinition>> {
  return (await import("./skein-kinds.ts")).skeinKinds();
}

/** Subcommands were made before this, so each is told. */
function configure(command: Command, io: Io): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: io.out,
    writeErr: io.err,
    outputError: (text) => io.err(text.replace(/^error: /, "Error: ")),
  });
  for (const child of command.commands) configure(child, io);
}

function report(error: unknown, args: readonly string[], program: Command, io: Io): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCode.ok;
    if (error.code !== "commander.help") hint(args, program, io);
    return exitCode.usage;
  }
  if (error instanceof Finished) return error.exitCode;
  if (!(error instanceof CliError)) {
    io.err(`Error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    io.err("This is a mistake in this program: please report it.\n");
    return exitCode.error;
  }
  io.err(`Error: ${error.message}\n`);
  for (const line of error.details) io.err(`${line}\n`);
  if (error.exitCode === exitCode.usage) hint(args, program, io);
  return error.exitCode;
}

function hint(args: readonly string[], program: Command, io: Io): void {
  let command = program;
  const path = [program.name()];
  for (const arg of args.filter((candidate) => !candidate.startsWith("-"))) {
    const child = command.commands.find(
      (candidate) => candidate.name() === arg || candidate.aliases().includes(arg),
    );
    if (child === undefined) break;
    command = child;
    path.push(child.name());
  }
  io.err(`Run "${path.join(" ")} --help" for usage.\n`);
}
