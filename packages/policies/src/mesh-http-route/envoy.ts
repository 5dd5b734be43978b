import { create } from "@bufbuild/protobuf";
import {
  type Route,
  RouteActionSchema,
  RouteSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { OutboundDraft, OutboundRouteDraft } from "../draft.ts";
import { liveBackends } from "../engine/backends.ts";
import { sendToBackends } from "../engine/weighted-clusters.ts";
import type { HttpRouteFilter } from "./conf.ts";
import { mirror, modifyRequest, modifyResponse, redirect, rewrite } from "./envoy-filters.ts";
import { routeMatch } from "./envoy-match.ts";
import type { HttpRoutePlan, HttpRoutesPlan } from "./plan.ts";

/** The routes of policies come first; the one that takes the rest stays, unless some rule takes every request. */
export function httpRoutes(plan: HttpRoutesPlan, draft: OutboundDraft): void {
  if (draft.hcm === undefined) return;
  const rest = plan.isTotal ? [] : draft.routes;
  const own = plan.routes.map(
    (each): OutboundRouteDraft => ({ route: routeOf(each, draft), policy: each.policy }),
  );
  draft.routes.splice(0, draft.routes.length, ...own, ...rest);
}

function routeOf(plan: HttpRoutePlan, draft: OutboundDraft): Route {
  const own = create(RouteActionSchema, { clusterSpecifier: { case: "cluster", value: draft.cluster.name } });
  const route = create(RouteSchema, {
    name: plan.name,
    match: routeMatch(plan.match),
    action: { case: "route", value: own },
  });
  if (plan.backends !== undefined) share(route, plan, draft.backends);
  for (const [i, filter] of plan.filters.entries()) applyFilter(filter, i, plan, route, draft.backends);
  return route;
}

/** A route of a built-in gateway: it leads to its backends and nowhere else. */
export function gatewayRoute(plan: HttpRoutePlan, backends: Backends): Route {
  const route = create(RouteSchema, { name: plan.name, match: routeMatch(plan.match) });
  share(route, plan, backends);
  for (const [i, filter] of plan.filters.entries()) applyFilter(filter, i, plan, route, backends);
  return route;
}

type Backends = OutboundDraft["backends"];

function share(route: Route, plan: HttpRoutePlan, backends: Backends): void {
  const live = liveBackends(plan.backends ?? [], backends);
  sendToBackends(route, live, `no backend of route ${plan.policy} can be served`);
}

function applyFilter(
  filter: HttpRouteFilter,
  index: number,
  plan: HttpRoutePlan,
  route: Route,
  backends: Backends,
): void {
  if (filter.requestHeaderModifier !== undefined) modifyRequest(route, filter.requestHeaderModifier);
  if (filter.responseHeaderModifier !== undefined) modifyResponse(route, filter.responseHeaderModifier);
  if (filter.requestRedirect !== undefined) {
    route.action = { case: "redirect", value: redirect(filter.requestRedirect, plan.match) };
  }
  if (route.action.case !== "route") return;
  if (filter.urlRewrite !== undefined) rewrite(route.action.value, filter.urlRewrite, plan.match);
  const target = backends[plan.mirrors[index] ?? ""];
  if (filter.requestMirror === undefined || target?.kind !== "resolved") return;
  mirror(route.action.value, target.clusterName, filter.requestMirror.percentage);
}
