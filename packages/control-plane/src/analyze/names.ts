import {
  ADDRESSED_TYPES,
  type AddressedStatus,
  type AddressedType,
  VIP_SETTINGS,
  vipsOf,
} from "../naming/addressed.ts";
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

/**
 * SK0605: services that have no address, so that no application behind redirection can call them. Naming gives one
 * within milliseconds; who has none for longer waits for one to come free.
 */
export function servicesWithoutAddress({ resources }: Scope): readonly Finding[] {
  const types: readonly string[] = ADDRESSED_TYPES;
  return resources
    .filter((resource) => types.includes(resource.type) && vipsOf(resource).length === 0)
    .map((service) => {
      const message = `it has no address, and applications cannot call it by name: the range ${VIP_SETTINGS[service.type as AddressedType]} is used up, unless the service was written this very moment`;
      return finding("SK0605", service, "status", message);
    });
}
