import { create } from "@bufbuild/protobuf";
import { DataSourceSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  WeightedCluster_ClusterWeightSchema as ClusterWeightSchema,
  DirectResponseActionSchema,
  type Route,
  RouteActionSchema,
  WeightedClusterSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { LiveBackend } from "./backends.ts";

/**
 * Has a route share its requests out. Where nobody is left to send them to it answers 503 with `message`: falling
 * through to another route would hand them to someone whom the rule did not name.
 */
export function sendToBackends(route: Route, live: readonly LiveBackend[], message: string): void {
  const [first] = live;
  if (first === undefined) {
    route.action = {
      case: "directResponse",
      value: create(DirectResponseActionSchema, {
        status: 503,
        body: create(DataSourceSchema, { specifier: { case: "inlineString", value: `${message}\n` } }),
      }),
    };
    return;
  }
  const action = route.action.case === "route" ? route.action.value : create(RouteActionSchema);
  route.action = { case: "route", value: action };
  action.clusterSpecifier =
    live.length === 1
      ? { case: "cluster", value: first.clusterName }
      : {
          case: "weightedClusters",
          value: create(WeightedClusterSchema, {
            clusters: live.map(({ clusterName, weight }) =>
              create(ClusterWeightSchema, { name: clusterName, weight }),
            ),
          }),
        };
}
