import type { Fragment, ProxyConfig, XdsType } from "../xds/fragment.ts";
import type { ResourceChange } from "./report.ts";

const TYPES = [
  ["listener", "listeners"],
  ["route", "routes"],
  ["cluster", "clusters"],
  ["endpoint", "endpoints"],
  ["secret", "secrets"],
] as const satisfies readonly (readonly [XdsType, keyof ProxyConfig])[];

const NOTHING: ReadonlyMap<string, Fragment> = new Map();

/** The resources in which two configurations differ for Envoy, by type and name. */
export function changedResources(
  before: ProxyConfig | undefined,
  after: ProxyConfig | undefined,
): readonly ResourceChange[] {
  if (before === after) return [];
  return TYPES.flatMap(([type, field]) => {
    const [old, now] = [before?.[field] ?? NOTHING, after?.[field] ?? NOTHING];
    const changes: ResourceChange[] = [];
    for (const [name, fragment] of now) {
      const held = old.get(name);
      if (held === undefined) changes.push({ type, name, change: "added" });
      // Fragments of equal content and other origins have one version: Envoy is not sent the second.
      else if (held !== fragment && held.version !== fragment.version)
        changes.push({ type, name, change: "changed" });
    }
    for (const name of old.keys()) if (!now.has(name)) changes.push({ type, name, change: "removed" });
    return changes.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  });
}
