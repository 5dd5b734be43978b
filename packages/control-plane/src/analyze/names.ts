import type { MeshMultiZoneServiceResource } from "@skein/model";
import { ADDRESSED_TYPES, type AddressedStatus } from "../naming/addressed.ts";
import { matchesLabels } from "../view/label-matches.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

/** SK0603: services that a generator selects and that have no name from it. */
export function servicesWithoutName({ resources }: Scope): readonly Finding[] {
  const types: readonly string[] = ADDRESSED_TYPES;
  return resources
    .filter(({ type }) => types.includes(type))
    .flatMap((service) =>
      ((service.status as AddressedStatus | undefined)?.hostnameGenerators ?? []).flatMap((generator, i) =>
        (generator.conditions ?? [])
          .filter(({ type, status }) => type === "Generated" && status === "False")
          .map(({ message }) =>
            finding(
              "SK0603",
              service,
              `status.hostnameGenerators[${i}]`,
              `no host name from HostnameGenerator "${generator.hostnameGeneratorRef.coreName}": ${message}`,
            ),
          ),
      ),
    );
}

/** SK0604: ports of MeshMultiZoneServices that no MeshService has. */
export function multiZoneServicesToNothing({ resources, services }: Scope): readonly Finding[] {
  return resources
    .filter((each): each is MeshMultiZoneServiceResource => each.type === "MeshMultiZoneService")
    .flatMap((multiZone) => {
      const { selector, ports } = multiZone.spec;
      const matched = services.filter((service) => matchesLabels(service, selector.meshService.matchLabels));
      if (matched.length === 0) {
        const path = "spec.selector.meshService.matchLabels";
        return [finding("SK0604", multiZone, path, "it finds no MeshService")];
      }
      const numbers = new Set(matched.flatMap(({ spec }) => (spec.ports ?? []).map(({ port }) => port)));
      return ports.flatMap(({ port }, i) => {
        if (numbers.has(port)) return [];
        const message = `none of the ${matched.length} MeshServices that it finds has a port ${port}`;
        return [finding("SK0604", multiZone, `spec.ports[${i}].port`, message)];
      });
    });
}
