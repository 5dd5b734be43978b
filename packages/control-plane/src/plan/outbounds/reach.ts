import type { DataplaneResource, MeshResource } from "@skein/model";

/** One entry of `networking.transparentProxying.reachableBackends.refs`. */
export interface ReachableRef {
  readonly kind: "MeshService" | "MeshExternalService" | "MeshMultiZoneService";
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** A port number; every port where absent. */
  readonly port?: number | undefined;
}

/**
 * What a proxy asks to reach at the addresses of destinations, before anybody looked which destinations there are.
 * Equal texts of `key` mean the same, so that proxies which ask for the same share the answer.
 */
export interface Reach {
  /** MeshServices, MeshExternalServices and MeshMultiZoneServices. */
  readonly resources: "all" | readonly ReachableRef[];
  /** Services by their tag `kuma.io/service`, as in meshes that have no MeshServices. */
  readonly tags: "all" | readonly string[];
  /**
   * The certificates of the caller, each as its URIs, where only what permissions allow is reachable; absent where
   * permissions do not count.
   */
  readonly caller: readonly (readonly string[])[] | undefined;
  readonly key: string;
}

/** How a mesh knows its services. */
export type MeshServicesMode = "Disabled" | "Everywhere" | "ReachableBackends" | "Exclusive";

/** The mode of a mesh; one that says nothing has no MeshServices. */
export function meshServicesMode(mesh: MeshResource): MeshServicesMode {
  return mesh.spec.meshServices?.mode ?? "Disabled";
}

/**
 * What a transparent proxy asks for, by its Dataplane and the mode of its mesh. What a list names is reachable whatever
 * permissions say; permissions (`certificates`, absent where they do not count) narrow only what nobody listed.
 *
 * `reachableServices` leaves no resources where no `reachableBackends` stands beside it: that is how the API has always
 * been, and `reachabilityWarnings` says so.
 */
export function reachOf(
  dataplane: DataplaneResource,
  mode: MeshServicesMode,
  certificates: readonly (readonly string[])[] | undefined,
): Reach {
  const { reachableServices = [], reachableBackends } = dataplane.spec.networking?.transparentProxying ?? {};
  const listsServices = reachableServices.length > 0;
  const tags = mode === "Exclusive" ? [] : listsServices ? [...new Set(reachableServices)].sort() : "all";
  const resources =
    mode === "Disabled"
      ? []
      : reachableBackends !== undefined
        ? (reachableBackends.refs ?? [])
        : mode === "ReachableBackends" || listsServices
          ? []
          : "all";
  const caller = resources === "all" || tags === "all" ? certificates : undefined;
  return { resources, tags, caller, key: JSON.stringify([resources, tags, caller]) };
}
