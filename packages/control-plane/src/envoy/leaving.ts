import { create } from "@bufbuild/protobuf";
import { BoolValueSchema } from "@bufbuild/protobuf/wkt";
import type { HeaderValueOption } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import type { Route, RouteAction } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { ExternalPlan, OutboundDraft } from "@skein/policies";
import { sendToBackends } from "@skein/policies/engine/weighted-clusters";
import { getOrMake } from "../get-or-make.ts";
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
    const { clusterSpecifier } = action.value;
    const isOwn = clusterSpecifier.case === "cluster" && clusterSpecifier.value === cluster.name;
    if (problem !== undefined && isOwn) sendToBackends(route, [], problem);
    else rewriteHost(action.value);
  }
}

/**
 * Requests of a service inside that a route sends out of the mesh are for another host than the application named, and
 * what proxies tell each other of a caller (`headers`) is nobody's business there. An egress names the host anew, so
 * that on the way to it nothing has to be done; but it is not always an egress that is called when routes change.
 * `isOutside`: the draft's own destination is one of those. Returns whether there are such
 * routes: then the headers are on what stays inside, and not on the virtual host.
 */
export function partlyLeaveMesh(
  { backends, routes, cluster }: OutboundDraft,
  headers: readonly HeaderValueOption[],
  isOutside: boolean,
): boolean {
  return leaveByRoutes(routes, backends, headers, isOutside ? [cluster.name] : []);
}

/** The same for any routes. @param known names of clusters that lead outside, besides those among `backends` */
export function leaveByRoutes(
  routes: readonly { readonly route: Route }[],
  backends: OutboundDraft["backends"],
  headers: readonly HeaderValueOption[],
  known: readonly string[],
): boolean {
  const others = leadingOutside(backends);
  const outside = known.length === 0 ? others : new Set([...known, ...others]);
  if (outside.size === 0) return false;
  for (const { route } of routes) {
    if (route.action.case !== "route") continue;
    const parts = partsOf(route, route.action.value);
    if (parts.some(({ name }) => outside.has(name))) rewriteHost(route.action.value);
    for (const { name, requestHeadersToAdd } of parts) {
      if (!outside.has(name)) requestHeadersToAdd.push(...headers);
    }
  }
  return true;
}

/** Remembered with the backends: a gateway has routes to the same ones for each of its host names. */
const outsideBackends = new WeakMap<object, ReadonlySet<string>>();

/** Names of the clusters among backends that lead out of the mesh. */
function leadingOutside(backends: OutboundDraft["backends"]): ReadonlySet<string> {
  return getOrMake(
    outsideBackends,
    backends,
    () =>
      new Set(
        Object.values(backends).flatMap((backend) =>
          backend.kind === "resolved" && backend.destination.kind === "MeshExternalService"
            ? [backend.clusterName]
            : [],
        ),
      ),
  );
}

/** Where a route sends its requests, each with the place for headers of just those. */
function partsOf(
  { requestHeadersToAdd }: Route,
  { clusterSpecifier }: RouteAction,
): readonly { readonly name: string; readonly requestHeadersToAdd: HeaderValueOption[] }[] {
  if (clusterSpecifier.case === "cluster") return [{ name: clusterSpecifier.value, requestHeadersToAdd }];
  return clusterSpecifier.case === "weightedClusters" ? clusterSpecifier.value.clusters : [];
}

/** Only endpoints that have a name change anything. What a policy says of the host counts more. */
function rewriteHost(action: RouteAction): void {
  if (action.hostRewriteSpecifier.case !== undefined) return;
  action.hostRewriteSpecifier = {
    case: "autoHostRewrite",
    value: create(BoolValueSchema, { value: true }),
  };
}
