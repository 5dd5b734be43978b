import { Command } from "commander";
import type { Session } from "../session.ts";
import { addAskCommands } from "./ask-commands.ts";
import { addConfigCommands } from "./config-commands.ts";
import { addGenerateCommands } from "./generate-commands.ts";
import { addInspectCommands } from "./inspect-commands.ts";
import { addInstallCommands } from "./install-commands.ts";
import { addResourceCommands } from "./resource-commands.ts";
import { addToolCommands } from "./tool-commands.ts";

/** Gives a command's action the session of this run, once the global options are known. */
export type OpenSession = () => Session;

/** The whole command tree. It only declares: what a command does is imported when it is called. */
export function createProgram(name: string, openSession: OpenSession): Command {
  const program = new Command(name)
    .description(`${name} manages a Skein or Kuma service mesh through its control plane's API.`)
    .option(
      "--config-file <path>",
      "configuration file (default: $SKEINCTL_CONFIG, $KUMACTL_CONFIG or ~/.kumactl/config)",
    )
    .option("--context <name>", "control plane of the configuration to use instead of the active one")
    .option("--no-config", "use http://localhost:5681 and neither read nor write a configuration")
    .option(
      "--api-timeout <duration>",
      "how long to wait for the control plane to answer; 0 waits for ever",
      "1m",
    )
    .option(
      "--log-level <level>",
      "off, info or debug: what was asked of the control plane, on stderr",
      "off",
    )
    .helpCommand(true)
    .showSuggestionAfterError(true);
  addResourceCommands(program, openSession);
  addInspectCommands(program, openSession);
  addAskCommands(program, openSession);
  addGenerateCommands(program, openSession);
  addConfigCommands(program, openSession);
  addInstallCommands(program, openSession);
  addToolCommands(program, openSession);
  return program;
}
