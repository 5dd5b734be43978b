import { SERVICELESS_INBOUND_PORT } from "@skein/model";
import { instancesOf } from "../explain/instances.ts";
import { destinationKey } from "../plan/destination-keys.ts";
import { isReady } from "../plan/destinations.ts";
import { outboundTarget } from "../plan/outbound-target.ts";
import { sectionOf, targetPortOf } from "../view/selectable.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

/** SK0202: outbounds to services or ports that are not there. */
export function outboundsToNothing({ dataplanes, mesh }: Scope): readonly Finding[] {
  return dataplanes.flatMap((dataplane) =>
    (dataplane.spec.networking?.outbound ?? []).flatMap((outbound, i): readonly Finding[] => {
      const target = outboundTarget(mesh.index, outbound);
      if (target.ok) return [];
      return [finding("SK0202", dataplane, `networking.outbound[${i}]`, target.error)];
    }),
  );
}

/** SK0601: inbounds that nobody can call, because no service leads to them. */
export function unselectedInbounds(scope: Scope): readonly Finding[] {
  const { dataplanes, services, mesh } = scope;
  const mode = mesh.index.mesh.get()?.spec.meshServices?.mode ?? "Disabled";
  if (mode === "Disabled") return [];
  const reached = new Set(
    services.flatMap(({ name, spec }) =>
      (spec.ports ?? []).flatMap(({ port }) =>
        instancesOf(mesh, `${name}|${port}`).map(({ plan, inbound }) => `${plan.name} ${inbound.section}`),
      ),
    ),
  );
  return dataplanes.flatMap((dataplane) =>
    (dataplane.spec.networking?.inbound ?? []).flatMap((inbound, i): readonly Finding[] => {
      if (inbound.state === "Ignored" || inbound.port === SERVICELESS_INBOUND_PORT) return [];
      if (reached.has(`${dataplane.name} ${sectionOf(inbound)}`)) return [];
      const path = `networking.inbound[${i}]`;
      return [
        finding("SK0601", dataplane, path, `no MeshService has a port that leads to port ${inbound.port}`),
      ];
    }),
  );
}

/** SK0602: ports of services behind which nobody takes traffic. */
export function servicesWithoutEndpoints({ services, mesh, dataplanes }: Scope): readonly Finding[] {
  const ready = new Set(
    dataplanes.filter(({ spec }) => (spec.networking?.inbound ?? []).some(isReady)).map(({ name }) => name),
  );
  return services.flatMap((service) =>
    (service.spec.ports ?? []).flatMap((servicePort, i): readonly Finding[] => {
      const { port } = servicePort;
      const instances = instancesOf(mesh, `${service.name}|${port}`);
      if (instances.some((instance) => instance.ready)) return [];
      const members = mesh.index.members.at(service.name).get();
      const why =
        members.length === 0
          ? "its selector finds no dataplane"
          : instances.length > 0
            ? `none of its ${instances.length} instances is ready`
            : `none of its ${members.length} dataplanes (${members.filter(({ name }) => ready.has(name)).length} ready) has an inbound for targetPort ${targetPortOf(servicePort)}`;
      return [finding("SK0602", service, `spec.ports[${i}]`, `port ${port} has no endpoints: ${why}`)];
    }),
  );
}

/** SK0603: external and multi-zone services to which nothing can be sent. */
export function destinationsOfNothing({ callables, mesh }: Scope): readonly Finding[] {
  return callables.flatMap(({ kind, name, ports }) =>
    ports.flatMap(({ port }, i): readonly Finding[] => {
      const found = mesh.planner.destination.at(destinationKey(kind, name, port)).get();
      const problem = found?.external?.problem ?? found?.problem;
      if (problem === undefined) return [];
      const path = kind === "MeshMultiZoneService" ? `spec.ports[${i}]` : "spec";
      return [finding("SK0603", { type: kind, mesh: mesh.name, name }, path, problem)];
    }),
  );
}
