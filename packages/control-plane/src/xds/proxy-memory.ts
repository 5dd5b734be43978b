import type { Fragment, XdsType } from "./fragment.ts";

/**
 * What has to outlive one stream of a proxy: the resource versions that its Envoy rejected, those that it applied
 * without reporting them, and the endpoints it is owed. The caller keeps one per proxy and passes it to every stream of that proxy.
 */
export interface ProxyMemory {
  isQuarantined(type: XdsType, name: string, version: string): boolean;
  /** Never sends this version of this resource to this proxy again. `lastGood` is what Envoy still uses, if known. */
  quarantine(fragment: Fragment, lastGood: Fragment | undefined): void;
  /** What Envoy uses in place of the rejected versions of a resource, as far as it is known. */
  lastGood(type: XdsType, name: string): Fragment | undefined;
  /** Notes a resource that Envoy applied out of a response it rejected: it will not report it when it reconnects. */
  unrecorded(fragment: Fragment): void;
  /** The resource is reported from now on, or gone. */
  recorded(type: XdsType, name: string): void;
  /** The noted resources of a type. */
  allUnrecorded(type: XdsType): readonly Fragment[];
  /** EDS names whose clusters were updated and whose endpoints were not acknowledged since; see `stream-core.ts`. */
  readonly owedEndpoints: Set<string>;
  /** Whether there is nothing to remember. */
  readonly empty: boolean;
}

/** @param capacity rejected versions kept; the oldest are forgotten, which costs one more rejection */
export function createProxyMemory(capacity = 256): ProxyMemory {
  const rejected = new Set<string>();
  const lastGood = new Map<string, Fragment>();
  const unrecorded = new Map<string, Fragment>();
  const owedEndpoints = new Set<string>();
  return {
    owedEndpoints,
    get empty() {
      return rejected.size === 0 && unrecorded.size === 0 && owedEndpoints.size === 0;
    },
    unrecorded: (fragment) => void unrecorded.set(`${fragment.type}\0${fragment.name}`, fragment),
    recorded(type, name) {
      if (unrecorded.size > 0) unrecorded.delete(`${type}\0${name}`);
    },
    allUnrecorded: (type) =>
      unrecorded.size === 0 ? [] : [...unrecorded.values()].filter((fragment) => fragment.type === type),
    isQuarantined: (type, name, version) => rejected.size > 0 && rejected.has(`${type}\0${name}\0${version}`),
    quarantine(fragment, good) {
      const { type, name, version } = fragment;
      rejected.add(`${type}\0${name}\0${version}`);
      if (good !== undefined) lastGood.set(`${type}\0${name}`, good);
      for (const oldest of rejected.keys()) {
        if (rejected.size <= capacity) break;
        rejected.delete(oldest);
        lastGood.delete(oldest.slice(0, oldest.lastIndexOf("\0")));
      }
    },
    lastGood: (type, name) => lastGood.get(`${type}\0${name}`),
  };
}
