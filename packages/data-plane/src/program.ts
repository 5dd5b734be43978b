import { parseDuration } from "@skein/model/duration";
import { Command, Option } from "commander";
import { LaunchError } from "./launch-error.ts";
import { type FlagValues, SETTINGS, type Setting } from "./settings.ts";
import { launcherVersion } from "./version.ts";

/** What the command line can ask for. */
export interface Actions {
  run(flags: FlagValues, variables: readonly string[]): Promise<void>;
  drain(inputs: {
    readonly workDir: string;
    readonly drainTimeMs: number | undefined;
    readonly quit: boolean;
  }): Promise<void>;
}

/** The command line of `skein-dp`. */
export function buildProgram(actions: Actions): Command {
  const program = new Command("skein-dp")
    .description("Runs a data plane proxy: Envoy, configured by the control plane")
    .version(launcherVersion(), "--version");
  const run = program.command("run").description("start a proxy and keep it running");
  for (const setting of SETTINGS as readonly Setting[]) {
    for (const [index, flag] of [setting.flag, ...(setting.aliases ?? [])].entries()) {
      const option = new Option(
        flag,
        setting.env === undefined ? setting.help : `${setting.help} [${setting.env}]`,
      );
      if (setting.repeats) option.argParser((value, earlier: string[] = []) => collect(value, earlier));
      run.addOption(index === 0 ? option : option.hideHelp());
    }
  }
  run.option(
    "-v, --dataplane-var <key=value...>",
    "variable of the Dataplane template; may be repeated",
    collect,
    [],
  );
  run.action(async (values: Readonly<Record<string, unknown>>) => {
    const { dataplaneVar } = values;
    await actions.run(flagValues(values), Array.isArray(dataplaneVar) ? dataplaneVar.map(String) : []);
  });
  program
    .command("drain")
    .description("drain a proxy that was started with --lean, before ending it")
    .requiredOption("--workdir <dir>", "its work directory")
    .option("--drain-time <duration>", "longest time this may take (default: as the proxy was started with)")
    .option("--quit", "end Envoy afterwards")
    .action(async (values: { workdir: string; drainTime?: string; quit?: boolean }) => {
      await actions.drain({
        workDir: values.workdir,
        drainTimeMs: values.drainTime === undefined ? undefined : durationMs(values.drainTime),
        quit: values.quit === true,
      });
    });
  return program;
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

/** Maps commander's camel-cased flag names back to setting keys. */
function flagValues(values: Readonly<Record<string, unknown>>): FlagValues {
  const found: Record<string, string | boolean | readonly string[]> = {};
  for (const setting of SETTINGS as readonly Setting[]) {
    for (const flag of [setting.flag, ...(setting.aliases ?? [])]) {
      const value = values[new Option(flag).attributeName()];
      if (typeof value === "string" || typeof value === "boolean") found[setting.key] = value;
      else if (Array.isArray(value)) found[setting.key] = value.map(String);
    }
  }
  return found;
}

function durationMs(text: string): number {
  const nanos = parseDuration(text);
  if (nanos !== undefined && nanos > 0n) return Number(nanos / 1_000_000n);
  throw new LaunchError(
    "invalid-options",
    `--drain-time: ${JSON.stringify(text)} is not a positive duration; write for example 30s`,
  );
}
