import {
  refusedSettings,
  type Setting,
  type SettingPath,
  settings,
} from "@skein/transparent-proxy/config/settings";
import { type Command, Option } from "commander";
import type { InstallOptions } from "../commands/install-transparent-proxy.ts";
import { repeatable } from "./options.ts";
import type { OpenSession } from "./program.ts";

/** What of the settings matters for taking rules away. */
export const uninstallSettings = [
  "iptablesExecutables",
  "wait",
  "waitInterval",
  "retry.maxRetries",
  "retry.sleepBetweenRetries",
  "verbose",
  "dryRun",
] as const satisfies readonly SettingPath[];

const FIRST_STEPS = `
The proxy runs as a user of its own, whose traffic is not captured; the user must exist. A Dataplane names the ports:
  networking: {transparentProxying: {redirectPortInbound: 15006, redirectPortOutbound: 15001}}
Rules last until the machine, or its network namespace, ends. A second run with other flags replaces those of the first.
When anything fails, everything is put back. To take the rules away: uninstall transparent-proxy.

Settings can also be said in files (--config) and in variables KUMA_TRANSPARENT_PROXY_…; flags count more than variables,
variables more than files.`;

/** Declares `install` and `uninstall`: what is done to this machine, not to the mesh. */
export function addInstallCommands(program: Command, open: OpenSession): void {
  const load = (): Promise<typeof import("../commands/install-transparent-proxy.ts")> =>
    import("../commands/install-transparent-proxy.ts");
  const install = program
    .command("install")
    .description("prepare this machine")
    .command("transparent-proxy")
    .description("redirect this machine's traffic to the proxy that runs on it (root)")
    .addOption(
      repeatable("--config <paths>", "file of settings, YAML or JSON, - for stdin; a later one counts more"),
    )
    .addHelpText("after", FIRST_STEPS);
  for (const path of Object.keys(settings) as SettingPath[]) addSetting(install, path);
  addFormerFlags(install);
  install.action(async (options: InstallOptions) =>
    // --config-file is this program's own; Kuma's command means its settings by it.
    (await load()).installTransparentProxy(
      open(),
      options,
      program.opts<{ configFile?: string }>().configFile,
    ),
  );

  const uninstall = program
    .command("uninstall")
    .description("undo what install did to this machine")
    .command("transparent-proxy")
    .description("take the redirection away, whatever flags it was installed with (root)");
  for (const path of uninstallSettings) addSetting(uninstall, path);
  uninstall.action(async (options: InstallOptions) =>
    (await load()).uninstallTransparentProxy(open(), options),
  );
}

function addSetting(command: Command, path: SettingPath): void {
  const { flag, argument, repeatable: many, help = "", fallback }: Setting<unknown> = settings[path];
  if (flag === undefined) return;
  if (argument === undefined) {
    command.option(`--${flag}`, `${help}${fallback === true ? " (default: true)" : ""}`);
    if (fallback === true) command.addOption(new Option(`--no-${flag}`, `do not ${help}`));
    return;
  }
  const shown = typeof fallback === "number" && !help.includes("(default") ? ` (default: ${fallback})` : "";
  const option = new Option(
    `--${flag} ${argument}`,
    `${help}${shown}${many === true ? "; repeat for more" : ""}`,
  );
  if (many === true) option.argParser((value: string, before: readonly string[] = []) => [...before, value]);
  command.addOption(option);
}

/** Flags of Kuma that are no more, or that mean nothing here; whoever uses one is told. */
function addFormerFlags(command: Command): void {
  command.addOption(new Option("--kuma-dp-uid <uid>").hideHelp());
  for (const flag of Object.values(refusedSettings).flatMap(({ flags }) => flags)) {
    command.addOption(new Option(flag).hideHelp());
  }
}
