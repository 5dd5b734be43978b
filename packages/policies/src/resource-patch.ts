import type { Cluster } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import type { Listener } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import type { RouteConfiguration } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import type { Origin } from "./plan/origin.ts";

/**
 * What an Envoy resource is there for, in Kuma's words: `inbound`, `outbound`, `admin` and so on; every part of the
 * control plane that makes resources has one, and so do patches that add some.
 */
export type ResourceOrigin = string;

/** A finished Envoy resource that patches may change. */
export type PatchableResource = { readonly origin: ResourceOrigin } & (
  | { readonly type: "cluster"; readonly message: Cluster }
  | { readonly type: "listener"; readonly message: Listener }
  | { readonly type: "route"; readonly message: RouteConfiguration }
);

/** A modification that could not be done on a resource, which was left as it was. */
export interface PatchProblem {
  readonly origin: Origin;
  /** Type and name of the resource. */
  readonly resource: string;
  readonly message: string;
}

/** What became of a resource. */
export interface PatchedResource {
  /** Absent where it was taken away. */
  readonly resource: PatchableResource | undefined;
  /** The modifications that found something to do in it. */
  readonly by: readonly Origin[];
  readonly problems: readonly PatchProblem[];
}

/** Changes to the finished resources of a proxy. A pure function of the plan entry it is made from. */
export interface ResourcePatch {
  /** Whether it could change such a resource: answered without decoding it. */
  concerns(type: PatchableResource["type"], name: string, origin: ResourceOrigin): boolean;
  /** `resource` is the patch's to change. */
  apply(resource: PatchableResource): PatchedResource;
  /** The resources that it adds to every proxy; one of these takes the place of another with its name. */
  added(): readonly PatchedResource[];
}
