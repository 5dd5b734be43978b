import { create } from "@bufbuild/protobuf";
import { BoolValueSchema } from "@bufbuild/protobuf/wkt";
import type { RouteAction } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { ExternalPlan, OutboundDraft } from "@skein/policies";
import { sendToBackends } from "@skein/policies/engine/weighted-clusters";
import { externalTls, locate } from "./external.ts";

/** What is outside the mesh is found, spoken with and addressed in its own way. */
export function leaveMesh(draft: OutboundDraft, external: ExternalPlan): void {
  const { cluster, routes, protocol } = draft;
  locate(cluster, external);
  const { tls, problem } = external;
  if (problem === undefined && tls !== undefined) cluster.transportSocket = externalTls(tls, protocol);
  for (const { route } of routes) {
    const { action } = route;
    if (action.case !== "route") continue;
    const isOwn =
      action.value.clusterSpecifier.case === "cluster" &&
      action.value.clusterSpecifier.value === cluster.name;
    if (problem !== undefined && isOwn) sendToBackends(route, [], problem);
    else rewriteHost(action.value);
  }
}

/** Requests that a route sends out of the mesh are for another host than the application named. */
export function rewriteHostsOfBackends({ backends, routes }: OutboundDraft): void {
  const outside = new Set(
    Object.values(backends).flatMap((backend) =>
      backend.kind === "resolved" && backend.destination.kind === "MeshExternalService"
        ? [backend.clusterName]
        : [],
    ),
  );
  if (outside.size === 0) return;
  for (const { action } of routes.map(({ route }) => route)) {
    if (action.case !== "route") continue;
    const { clusterSpecifier } = action.value;
    const clusters =
      clusterSpecifier.case === "cluster"
        ? [clusterSpecifier.value]
        : clusterSpecifier.case === "weightedClusters"
          ? clusterSpecifier.value.clusters.map(({ name }) => name)
          : [];
    if (clusters.some((name) => outside.has(name))) rewriteHost(action.value);
  }
}

/** Only endpoints that have a name change anything. What a policy says of the host counts more. */
function rewriteHost(action: RouteAction): void {
  if (action.hostRewriteSpecifier.case !== undefined) return;
  action.hostRewriteSpecifier = {
    case: "autoHostRewrite",
    value: create(BoolValueSchema, { value: true }),
  };
}
