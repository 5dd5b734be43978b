import type { Command } from "commander";
import type { ExplainOptions } from "../commands/explain.ts";
import { meshOption, outputOption, repeatable } from "./options.ts";
import type { OpenSession } from "./program.ts";

/** Declares `explain`. */
export function addAskCommands(program: Command, open: OpenSession): void {
  program
    .command("explain")
    .description(
      "what would happen to a request, hop by hop, and which policy decides; exit code 3 if it is refused",
    )
    .argument("<source>", "who calls: a dataplane, a workload, an app or a service")
    .argument(
      "<destination>",
      "what is called: a MeshService, a dataplane or a workload, with :port where it has several",
    )
    .addOption(meshOption())
    .option("--port <port>", "port of the destination")
    .option("--method <method>", "of the request", "GET")
    .option("--path <path>", "of the request", "/")
    .addOption(repeatable("--header <key=value>", "of the request; repeat for more"))
    .addOption(outputOption())
    .action(async (source: string, destination: string, options: ExplainOptions) =>
      (await import("../commands/explain.ts")).explain(open(), source, destination, options),
    );
}
