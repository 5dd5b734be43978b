import { formatKri } from "@skein/model";
import type { PolicyPlans } from "@skein/policies/plan/origin";
import type { OutboundPlan } from "@skein/policies/plan/outbound-plan";
import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { child, text } from "../insights/fields.ts";
import type { ApiDeps } from "./deps.ts";
import { requireDataplane } from "./envoy-admin.ts";
import { sendJson } from "./json.ts";
import { requireKri } from "./kri.ts";
import { type EntryRule, fieldOrigins, policiesOf, routeRules, rulesOf, wholeRules } from "./plan-entry.ts";
import { routesOf } from "./plan-routes.ts";
import { matchedPolicies, rulesOfPlan } from "./plan-rules.ts";
import { notFound, Problem, titles } from "./problem.ts";
import { callsTo, destinationsOf, egressParts, inboundParts } from "./proxy-parts.ts";
import { param } from "./query.ts";
import { requireMesh } from "./source.ts";

/** What a proxy should do and why, all read from its plan. */
export function registerInspection(app: FastifyInstance, deps: ApiDeps): void {
  const base = "/meshes/:mesh/dataplanes/:name";
  app.get(`${base}/_plan`, async (request, reply) =>
    sendJson(reply, 200, shownPlan(requirePlan(request, deps))),
  );
  app.get("/meshes/:mesh/_access", async (request, reply) => {
    const mesh = requireMesh(deps, param(request, "mesh"));
    return sendJson(reply, 200, { items: deps.plans.access(mesh.name) });
  });
  app.get(`${base}/_rules`, async (request, reply) =>
    sendJson(reply, 200, rulesOfPlan(deps, requireDataplane(request, deps), requirePlan(request, deps))),
  );
  app.get("/meshes/:mesh/meshgateways/:name/_rules", async (request, reply) => {
    const mesh = requireMesh(deps, param(request, "mesh"));
    const key = { type: "MeshGateway", mesh: mesh.name, name: param(request, "name") };
    const gateway = deps.store.get(key);
    if (!gateway) throw notFound(titles.retrieve);
    // All that serve it say the same of it; while nobody does, nothing is said of anything.
    const plan = deps.plans.selectedBy(gateway).flatMap((each) => deps.plans.plan(each) ?? [])[0];
    return sendJson(reply, 200, rulesOfPlan(deps, key, plan));
  });
  app.get(`${base}/policies`, async (request, reply) =>
    sendJson(reply, 200, matchedPolicies(deps, requirePlan(request, deps))),
  );
  app.get(`${base}/_layout`, async (request, reply) => {
    requireExclusive(request, deps, "_layout");
    return sendJson(reply, 200, layoutOf(requirePlan(request, deps)));
  });
  app.get(`${base}/_policies`, async (request, reply) => {
    requireExclusive(request, deps, "_policies");
    return sendJson(reply, 200, { policies: proxyPolicies(requirePlan(request, deps).policies) });
  });
  app.get(`${base}/_inbounds/:kri/_policies`, async (request, reply) => {
    requireExclusive(request, deps, "_policies");
    return sendJson(reply, 200, { policies: inboundPolicies(requireInbound(request, deps).policies) });
  });
  app.get(`${base}/_outbounds/:kri/_policies`, async (request, reply) => {
    requireExclusive(request, deps, "_policies");
    return sendJson(reply, 200, { policies: outboundPolicies(requireCalls(request, deps)) });
  });
  app.get(`${base}/_outbounds/:kri/_routes`, async (request, reply) => {
    requireExclusive(request, deps, "_policies");
    return sendJson(reply, 200, { routes: requireCalls(request, deps).flatMap(routesOf) });
  });
  app.get(`${base}/_outbounds/:kri/_routes/:route/_policies`, async (request, reply) => {
    requireExclusive(request, deps, "_policies");
    const route = param(request, "route");
    const { section: _, ...kri } = requireKri(route);
    const policies = outboundPolicies(requireCalls(request, deps), formatKri({ ...kri, section: "" }));
    return sendJson(reply, 200, { policies });
  });
}

/** A plan without what ways share, which repeats what they say themselves. */
function shownPlan(plan: ProxyPlan): ProxyPlan {
  const shown = <Way extends Pick<OutboundPlan, "upstream">>(way: Way): Way => {
    const { core: _, said: __, ...upstream } = way.upstream;
    return { ...way, upstream };
  };
  return { ...plan, outbounds: plan.outbounds.map(shown), backends: plan.backends.map(shown) };
}

function requirePlan(request: FastifyRequest, deps: ApiDeps): ProxyPlan {
  const plan = deps.plans.plan(requireDataplane(request, deps));
  if (!plan) throw notFound(titles.retrieve);
  return plan;
}

function requireInbound(request: FastifyRequest, deps: ApiDeps): { readonly policies: PolicyPlans } {
  const { section } = requireKri(param(request, "kri"));
  const plan = requirePlan(request, deps);
  const found = [...inboundParts(plan), ...egressParts(plan)].find((part) => part.section === section);
  if (!found) throw notFound(titles.retrieve);
  return found;
}

function requireCalls(request: FastifyRequest, deps: ApiDeps): readonly PolicyPlans[] {
  const kri = param(request, "kri");
  requireKri(kri);
  const found = callsTo(requirePlan(request, deps), kri);
  if (!found) throw notFound(titles.retrieve);
  return found;
}

function requireExclusive(request: FastifyRequest, deps: ApiDeps, endpoint: string): void {
  const mesh = requireMesh(deps, param(request, "mesh"));
  if (text(child(mesh.spec, "meshServices"), "mode") === "Exclusive") return;
  const detail = `bad request: can't use ${endpoint} endpoint without meshService enabled`;
  throw new Problem(
    400,
    titles.retrieve,
    `${detail}: set meshServices.mode of mesh "${mesh.name}" to Exclusive`,
  );
}

function layoutOf(plan: ProxyPlan): unknown {
  return {
    inbounds: inboundParts(plan).map(({ kri, port, protocol, resourceName }) => ({
      ...{ kri, port, protocol },
      proxyResourceName: resourceName,
    })),
    kri: plan.kri,
    labels: plan.labels,
    listeners: egressParts(plan).map(({ kri, port, resourceName }) => ({
      ...{ kri, type: "ZoneEgress", port },
      proxyResourceName: resourceName,
    })),
    outbounds: destinationsOf(plan).map(({ kri, port, protocol }) => ({
      ...{ kri, port, protocol },
      proxyResourceName: kri,
    })),
    ...(plan.identity?.uris[0] === undefined ? {} : { spiffeId: plan.identity.uris[0] }),
  };
}

function proxyPolicies(policies: PolicyPlans): readonly unknown[] {
  return entries(policies, rulesOf).map(({ kind, rules, entry }) => ({
    kind,
    conf: rules.length === 1 ? rules[0]?.conf : entry,
    origins: originsOf(rules),
    fields: fieldOrigins(entry),
  }));
}

function inboundPolicies(policies: PolicyPlans): readonly unknown[] {
  return entries(policies, rulesOf).map(({ kind, rules, entry }) => ({
    kind,
    rules: rules.map(({ conf, matches, origins }) => ({
      conf,
      kri: origins[0]?.policy ?? "",
      ...(matches === undefined ? {} : { matches }),
    })),
    origins: originsOf(rules),
    fields: fieldOrigins(entry),
  }));
}

function outboundPolicies(calls: readonly PolicyPlans[], route?: string): readonly unknown[] {
  const rulesFor = (entry: unknown) => (route === undefined ? wholeRules(entry) : routeRules(entry, route));
  const all = calls.flatMap((policies) => entries(policies, rulesFor));
  return Array.from(Map.groupBy(all, ({ kind }) => kind))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, list]) => {
      const rules = list.flatMap((each) => each.rules);
      return {
        conf: rules.map(({ conf }) => conf),
        kind,
        origins: originsOf(rules),
        fields: list.flatMap(({ entry }) => fieldOrigins(entry, route)),
      };
    });
}

function originsOf(rules: readonly EntryRule[]): readonly { readonly kri: string }[] {
  return policiesOf(rules).map((kri) => ({ kri }));
}

function entries(policies: PolicyPlans, rulesFor: (entry: unknown) => readonly EntryRule[]) {
  return Object.entries(policies)
    .map(([kind, entry]) => ({ kind, entry, rules: rulesFor(entry) }))
    .filter(({ rules }) => rules.length > 0)
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));
}
