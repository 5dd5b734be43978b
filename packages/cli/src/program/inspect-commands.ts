import type { Command } from "commander";
import type { InspectDataplanesOptions } from "../commands/inspect-lists.ts";
import type { InspectProxyOptions } from "../commands/inspect-proxy.ts";
import { meshOption, outputOption, repeatable } from "./options.ts";
import type { OpenSession } from "./program.ts";

interface MeshOutput {
  readonly mesh: string;
  readonly output: string;
}

/** Declares `inspect` and what can be inspected. */
export function addInspectCommands(program: Command, open: OpenSession): void {
  const inspect = program
    .command("inspect")
    .description("show how the mesh is doing; with a policy's type and name, the proxies it affects")
    .argument("[policy]", "type of a policy, such as meshtimeout")
    .argument("[name]")
    .addOption(meshOption())
    .addOption(outputOption())
    .option("--new-api", "accepted for compatibility; it is always used");
  inspect.action(async (policy: string | undefined, name: string | undefined, options: MeshOutput) => {
    const { usageError } = await import("../exit.ts");
    if (policy === undefined)
      throw usageError(`"inspect" needs to know what: see "${program.name()} inspect --help"`);
    const session = open();
    (await session.kinds()).demand(policy);
    if (name === undefined) throw usageError(`"inspect ${policy}" needs the name of one`);
    await (await import("../commands/inspect-proxy.ts")).inspectPolicy(session, policy, name, options);
  });

  const lists = (): Promise<typeof import("../commands/inspect-lists.ts")> =>
    import("../commands/inspect-lists.ts");
  const proxies = (): Promise<typeof import("../commands/inspect-proxy.ts")> =>
    import("../commands/inspect-proxy.ts");
  inspect
    .command("meshes")
    .description("proxies and policies of each mesh")
    .addOption(outputOption())
    .action(async (_: unknown, command: Command) =>
      (await lists()).inspectMeshes(open(), command.optsWithGlobals()),
    );
  inspect
    .command("dataplanes")
    .description("proxies of a mesh, their connections and certificates")
    .addOption(meshOption())
    .addOption(outputOption())
    .addOption(repeatable("--tag <key=value>", "only proxies with this tag; repeat for more"))
    .option("--gateway", "only gateways")
    .option("--ingress", "accepted for compatibility")
    .action(async (_: unknown, command: Command) =>
      (await lists()).inspectDataplanes(open(), command.optsWithGlobals<InspectDataplanesOptions>()),
    );
  inspect
    .command("zones")
    .description("zones and their connections")
    .addOption(outputOption())
    .action(async (_: unknown, command: Command) =>
      (await lists()).inspectZones(open(), command.optsWithGlobals()),
    );
  for (const kind of ["zoneingresses", "zoneegresses"] as const) {
    inspect
      .command(kind)
      .alias(kind.replace("zone", "zone-"))
      .description(kind === "zoneingresses" ? "zone ingresses" : "zone egresses")
      .addOption(outputOption())
      .action(async (_: unknown, command: Command) =>
        (await lists()).inspectZoneProxies(open(), kind, command.optsWithGlobals()),
      );
  }
  inspect
    .command("services")
    .description("state of each service of a mesh")
    .addOption(meshOption())
    .addOption(outputOption())
    .action(async (_: unknown, command: Command) =>
      (await lists()).inspectServices(open(), command.optsWithGlobals<MeshOutput>()),
    );
  inspect
    .command("dataplane")
    .description("one proxy: its policies, its Envoy, or the plan it was configured from")
    .argument("<name>")
    .addOption(meshOption())
    .addOption(outputOption())
    .option("--type <type>", "policies, fields, config-dump, stats, clusters, config or plan", "policies")
    .option("--inbound <section>", "with --type=fields: one inbound, by name or port")
    .option("--outbound <service>", "with --type=fields: one outbound, by service or service:port")
    .option("--include-eds", "with --type=config-dump: endpoints too")
    .option("--shadow", "with --type=config: with policies labelled kuma.io/effect: shadow")
    .addOption(repeatable("--include <field>", "with --type=config: diff adds what --shadow would change"))
    .action(async (name: string, _: unknown, command: Command) =>
      (await proxies()).inspectDataplane(open(), name, command.optsWithGlobals<InspectProxyOptions>()),
    );
  for (const kind of ["zoneingresses", "zoneegresses"] as const) {
    inspect
      .command(kind.slice(0, -2))
      .description(`Envoy of one zone ${kind === "zoneingresses" ? "ingress" : "egress"}`)
      .argument("<name>")
      .option("--type <type>", "config-dump, stats or clusters", "config-dump")
      .option("--include-eds", "with --type=config-dump: endpoints too")
      .action(async (name: string, options: InspectProxyOptions) =>
        (await proxies()).inspectZoneProxy(open(), kind, name, options),
      );
  }
  inspect
    .command("meshgateway")
    .description("proxies that serve a gateway")
    .argument("<name>")
    .addOption(meshOption())
    .addOption(outputOption())
    .action(async (name: string, _: unknown, command: Command) =>
      (await proxies()).inspectMeshGateway(open(), name, command.optsWithGlobals<MeshOutput>()),
    );
}
