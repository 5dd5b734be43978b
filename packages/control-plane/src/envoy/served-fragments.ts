import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import type { PolicyPlans } from "@skein/policies";
import type { Fragment } from "../xds/fragment.ts";
import type { Encoder } from "./encoder.ts";
import type { translateInbound } from "./inbound.ts";
import type { Origins, ShapedType } from "./origins.ts";

/** Resources behind a listener that serves others. */
type ServedResources = Pick<ReturnType<typeof translateInbound>, "cluster" | "services" | "routes">;

/** The fragments behind a listener that serves others. */
export interface ServedFragments {
  readonly cluster: Fragment;
  /** Clusters of services that its filters ask. */
  readonly services: readonly Fragment[];
  /** Absent where traffic is bytes. */
  readonly route: Fragment | undefined;
}

/** What an inbound and a way through an egress have in common, with the KRIs of the policies behind the listener. */
export function servedFragments(
  encoder: Encoder,
  origins: Origins,
  policies: PolicyPlans,
  { cluster, services, routes }: ServedResources,
): ServedFragments & { readonly origins: readonly string[] } {
  const shaping = (type: ShapedType) => origins.of(policies, type);
  return {
    cluster: encoder.message("cluster", cluster.name, ClusterSchema, cluster, shaping("cluster")),
    services: services.map((each) => {
      const asking = origins.ofKind(policies, each.askedBy, "listener");
      return encoder.message("cluster", each.cluster.name, ClusterSchema, each.cluster, asking);
    }),
    route:
      routes && encoder.message("route", routes.name, RouteConfigurationSchema, routes, shaping("route")),
    origins: shaping("listener"),
  };
}
