import { ADDRESSED_TYPES, type AddressedStatus } from "../naming/addressed.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

/** SK0604: services that a generator selects and that have no name from it. */
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
              "SK0604",
              service,
              `status.hostnameGenerators[${i}]`,
              `no host name from HostnameGenerator "${generator.hostnameGeneratorRef.coreName}": ${message}`,
            ),
          ),
      ),
    );
}
