import type { Sidecar } from "../world/service.ts";

interface Dump {
  readonly configs: readonly Readonly<Record<string, unknown>>[];
}

/** Where a configuration dump keeps the resources of each type that came over xDS, and where their names are. */
const PLACES = [
  ["listener", "dynamic_listeners", ["name"], ["active_state", "version_info"]],
  ["route", "dynamic_route_configs", ["route_config", "name"], ["version_info"]],
  ["cluster", "dynamic_active_clusters", ["cluster", "name"], ["version_info"]],
  ["secret", "dynamic_active_secrets", ["name"], ["version_info"]],
  ["endpoint", "dynamic_endpoint_configs", ["endpoint_config", "cluster_name"], ["endpoint_config"]],
] as const;

/**
 * What an Envoy itself says that it holds: the version of each resource, by type and name. It does not say which version
 * of endpoints it has, and adds what it found out about them: of those the addresses are told.
 */
export async function held(sidecar: Sidecar): Promise<ReadonlyMap<string, string>> {
  const dump = JSON.parse(await sidecar.admin("/config_dump?include_eds")) as Dump;
  const versions = new Map<string, string>();
  for (const [type, list, name, version] of PLACES) {
    for (const config of dump.configs) {
      const items = config[list];
      for (const item of Array.isArray(items) ? items : []) {
        const found = at(item, version);
        // It is on its way in or out.
        if (found === undefined) continue;
        const text = JSON.stringify(found);
        const addresses = text.match(/"(address|path)":"[^"]*"|"port_value":\d+/g);
        const value = type === "endpoint" ? (addresses ?? []).join(" ") : text;
        versions.set(`${type} ${String(at(item, name))}`, value);
      }
    }
  }
  return versions;
}

/** What became of resources between two times, in the words of a preview. */
export function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .map((key) => `${key} ${!before.has(key) ? "added" : !after.has(key) ? "removed" : "changed"}`)
    .sort();
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), value);
}
