import { type Command, Option } from "commander";
import type { ApplyOptions } from "../commands/apply.ts";
import type { DeleteOptions } from "../commands/delete.ts";
import type { ExportOptions } from "../commands/export.ts";
import type { GetOptions } from "../commands/get.ts";
import { dryRunOption, meshOption, outputOption, repeatable, waitOption } from "./options.ts";
import type { OpenSession } from "./program.ts";

/** Declares `apply`, `get`, `delete` and `export`. */
export function addResourceCommands(program: Command, open: OpenSession): void {
  program
    .command("apply")
    .description("create or change resources")
    .addOption(
      new Option(
        "-f, --file <path>",
        "file, directory (its .yaml, .yml and .json files), http(s) URL, or - for stdin; repeat for more",
      )
        .makeOptionMandatory()
        .argParser((value: string, before: readonly string[] = []) => [...before, value]),
    )
    .addOption(repeatable("-v, --var <key=value>", "value of a {{ key }} in the documents; repeat for more"))
    .addOption(
      dryRunOption(
        "client (the same as --dry-run alone) checks and prints the documents with their defaults and sends nothing; server tells what applying them would do, and changes nothing",
      ),
    )
    .addOption(outputOption())
    .option(
      "--validate <mode>",
      "unknown fields: strict refuses, warn warns, ignore drops them silently",
      "strict",
    )
    .addOption(waitOption())
    .action(async (options: ApplyOptions) => (await import("../commands/apply.ts")).apply(open(), options));
  program
    .command("get")
    .alias("list")
    .description("show resources; without a name the whole list")
    .argument("<type>", "such as meshes, dataplanes or meshtimeouts; singular and plural mean the same")
    .argument("[name]")
    .addOption(meshOption())
    .option("-A, --all-meshes", "list the resources of all meshes")
    .addOption(outputOption())
    .option("--size <count>", "at most that many (default: all)")
    .option("--offset <index>", "skip that many")
    .action(async (type: string, name: string | undefined, options: GetOptions) =>
      (await import("../commands/get.ts")).get(open(), type, name, options),
    );
  program
    .command("delete")
    .description("delete a resource")
    .argument("<type>", "such as mesh, dataplane or meshtimeout")
    .argument("<name>")
    .addOption(meshOption())
    .addOption(dryRunOption("server tells what the deletion would do, and changes nothing"))
    .addOption(outputOption())
    .addOption(waitOption())
    .action(async (type: string, name: string, options: DeleteOptions) =>
      (await import("../commands/delete.ts")).deleteResource(open(), type, name, options),
    );
  program
    .command("export")
    .description("print all resources as documents that apply takes")
    .option(
      "-p, --profile <profile>",
      "federation, federation-with-policies, all or no-dataplanes",
      "federation",
    )
    .option("-f, --format <format>", "universal or kubernetes", "universal")
    .option("-a, --include-admin", "with the profiles all and no-dataplanes: secrets too")
    .option(
      "-n, --system-namespace <namespace>",
      "namespace of the control plane (kubernetes format)",
      "kuma-system",
    )
    .action(async (options: ExportOptions) =>
      (await import("../commands/export.ts")).exportResources(open(), options),
    );
}
