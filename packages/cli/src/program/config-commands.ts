import type { Command } from "commander";
import type { AddControlPlaneOptions } from "../commands/config.ts";
import { repeatable } from "./options.ts";
import type { OpenSession } from "./program.ts";

/** Declares `config`: which control planes there are and which one is meant. */
export function addConfigCommands(program: Command, open: OpenSession): void {
  const config = program.command("config").description("which control planes this command line talks to");
  const commands = (): Promise<typeof import("../commands/config.ts")> => import("../commands/config.ts");
  config
    .command("view")
    .description("show the configuration, tokens masked")
    .action(async () => (await commands()).viewConfig(open()));
  const controlPlanes = config
    .command("control-planes")
    .description("add, list, remove or switch control planes");
  controlPlanes
    .command("add")
    .description("add a control plane and make it the active one")
    .requiredOption("--name <name>", "name to refer to it by")
    .requiredOption("--address <url>", "URL of its API, such as https://localhost:5682")
    .option("--overwrite", "replace the control plane of that name")
    .option("--auth-type <type>", "how to prove who you are: tokens")
    .addOption(repeatable("--auth-conf <key=value>", "with --auth-type=tokens: token=<token>"))
    .option("--ca-cert-file <path>", "authority that vouches for the server's certificate")
    .option("--client-cert-file <path>", "certificate to show to the server")
    .option("--client-key-file <path>", "key of that certificate")
    .addOption(repeatable("--headers <key=value>", "header to send with each request; repeat for more"))
    .option("--skip-verify", "accept any certificate: for experiments only")
    .option("--skip-check", "do not check that a control plane answers there")
    .action(async (options: AddControlPlaneOptions) => (await commands()).addControlPlane(open(), options));
  controlPlanes
    .command("list")
    .description("list control planes; * marks the active one")
    .action(async () => (await commands()).listControlPlanes(open()));
  controlPlanes
    .command("remove")
    .description("forget a control plane")
    .requiredOption("--name <name>", "its name")
    .action(async (options: { readonly name: string }) =>
      (await commands()).removeControlPlane(open(), options),
    );
  controlPlanes
    .command("switch")
    .description("make a control plane the active one")
    .requiredOption("--name <name>", "its name")
    .action(async (options: { readonly name: string }) =>
      (await commands()).switchControlPlane(open(), options),
    );
}
