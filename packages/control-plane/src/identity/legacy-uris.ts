import { failure, type Outcome, success } from "./outcome.ts";

/** What names a proxy in a mesh with `Mesh.mtls`. */
export interface LegacyProxy {
  readonly mesh: string;
  /** All values of each tag over all inbounds. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
  readonly labels: Readonly<Record<string, string>>;
}

const serviceTag = "kuma.io/service";

/**
 * The URI names of a `Mesh.mtls` certificate: `spiffe://<mesh>/<service>` for each service, then
 * `kuma://<tag>/<value>` for each tag value, each sorted. A proxy without a service tag is named by its workload.
 */
export function legacyUris(proxy: LegacyProxy): Outcome<readonly string[], string> {
  const workload = proxy.labels["kuma.io/workload"];
  const tagged = proxy.tags[serviceTag] ?? [];
  const services = tagged.length > 0 ? tagged : workload === undefined ? [] : [workload];
  if (services.length === 0) {
    return failure(
      `the proxy has neither the tag ${serviceTag} nor the label kuma.io/workload to be named by`,
    );
  }
  const ids = services.map((service) => `spiffe://${proxy.mesh}/${service}`);
  const tags = Object.entries(proxy.tags).flatMap(([tag, values]) =>
    values.map((value) => `kuma://${tag}/${value}`),
  );
  return success([...sortedUnique(ids), ...sortedUnique(tags)]);
}

function sortedUnique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}
