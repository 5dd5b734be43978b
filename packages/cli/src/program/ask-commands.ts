import type { Command } from "commander";
import type { AnalyzeOptions } from "../commands/analyze.ts";
import type { ExplainOptions } from "../commands/explain.ts";
import type { TestOptions } from "../commands/policy-tests.ts";
import { meshOption, outputOption, repeatable } from "./options.ts";
import type { OpenSession } from "./program.ts";

/** Declares `explain`, `analyze` and `test`. */
export function addAskCommands(program: Command, open: OpenSession): void {
  program
    .command("explain")
    .description(
      "what would happen to a request, hop by hop, and which policy decides; exit code 3 if it is refused",
    )
    .argument(
      "<source>",
      "who calls: a dataplane, a workload, an app, a service; or a gateway that a client outside calls",
    )
    .argument(
      "<destination>",
      "what is called: a MeshService, a dataplane or a workload, with :port where it has several; at a gateway also the host that the client names",
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
  program
    .command("analyze")
    .description("what in a mesh, or in files, is probably not what was meant; exit code 2 for errors")
    .option("-m, --mesh <mesh>", "mesh to look at (default: default; with -f all meshes of the files)")
    .addOption(
      repeatable("-f, --file <path>", "documents instead of a live mesh, as in apply; repeat for more"),
    )
    .option(
      "--severity <least>",
      "show info, warning and error; or only warning and error; or only error",
      "info",
    )
    .option("--strict", "exit code 1 for warnings")
    .addOption(outputOption())
    .action(async (options: AnalyzeOptions) =>
      (await import("../commands/analyze.ts")).analyze(open(), options),
    );
  program
    .command("test")
    .description("run expectations about requests against files of resources, without a control plane")
    .argument("<file...>", "files of policy tests")
    .option("--junit <file>", "write the results there as JUnit XML too")
    .addOption(outputOption())
    .action(async (files: readonly string[], options: TestOptions) =>
      (await import("../commands/policy-tests.ts")).runPolicyTests(open(), files, options),
    );
}
