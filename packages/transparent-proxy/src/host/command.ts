import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A hung tool must not hang a machine's start for ever. */
const LONGEST_MS = 120_000;
/** Where administrators' programs are, which a plain user's PATH may lack. */
const FALLBACKS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/**
 * Runs a program to its end; a failing one is no exception. In a process group of its own: a Ctrl-C is for us, who
 * decide when to stop, and must not hit a tool amid its work.
 *
 * @throws Error when it cannot be started.
 */
export function runCommand(path: string, args: readonly string[], stdin = ""): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      stdio: "pipe",
      detached: true,
      timeout: LONGEST_MS,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code, signal) =>
      resolve({
        code: code ?? 128,
        stdout,
        stderr: signal === null ? stderr : `${stderr}ended by ${signal}\n`,
      }),
    );
    // A command that ends without reading its input breaks the pipe; its exit code says why.
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
  });
}

/** Where an executable is; `undefined` where there is none. */
export function findExecutable(name: string, path = process.env.PATH ?? ""): string | undefined {
  const directories = isAbsolute(name) ? [""] : [...path.split(delimiter).filter(isAbsolute), ...FALLBACKS];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
