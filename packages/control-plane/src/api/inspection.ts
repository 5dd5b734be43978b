import { formatKri } from "@skein/model";
import type { InboundPlan, OutboundPlan, PolicyPlans, ProxyPlan } from "@skein/policies/plan/proxy-plan";
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
import { param } from "./query.ts";
import { requireMesh } from "./source.ts";

/** What a proxy should do and why, all read from its plan. */
export function registerInspection(app: FastifyInstance, deps: ApiDeps): void {
  const base = "/meshes/:mesh/dataplanes/:name";
  app.get(`${base}/_plan`, async (request, reply) => sendJson(reply, 200, requirePlan(request, deps)));
  app.get("/meshes/:mesh/_access", async (request, reply) => {
    const mesh = requireMesh(deps, param(request, "mesh"));
    return sendJson(reply, 200, { items: deps.plans.access(mesh.name) });
  });
  app.get(`${base}/_rules`, async (request, reply) =>
    sendJson(reply, 200, rulesOfPlan(deps, requireDataplane(request, deps), requirePlan(request, deps))),
  );
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
    return sendJson(reply, 200, { policies: inboundPolicies(requireInbound(request, deps).shared.policies) });
  });
  app.get(`${base}/_outbounds/:kri/_policies`, async (request, reply) => {
    requireExclusive(request, deps, "_policies");
    return sendJson(reply, 200, {
      policies: outboundPolicies(requireOutbound(request, deps).upstream.policies),
    });
  });
  app.get(`${base}/_outbounds/:kri/_routes`, async (request, reply) => {
    requireExclusive(request, deps, "_policies");
    return sendJson(reply, 200, { routes: routesOf(requireOutbound(request, deps).upstream.policies) });
  });
  app.get(`${base}/_outbounds/:kri/_routes/:route/_policies`, async (request, reply) => {
    requireExclusive(request, deps, "_policies");
    const route = param(request, "route");
    const { section: _, ...kri } = requireKri(route);
    const { policies } = requireOutbound(request, deps).upstream;
    return sendJson(reply, 200, { policies: outboundPolicies(policies, formatKri({ ...kri, section: "" })) });
  });
}

function requirePlan(request: FastifyRequest, deps: ApiDeps): ProxyPlan {
  const plan = deps.plans.plan(requireDataplane(request, deps));
  if (!plan) throw notFound(titles.retrieve);
  return plan;
}

function requireInbound(request: FastifyRequest, deps: ApiDeps): InboundPlan {
  const { section } = requireKri(param(request, "kri"));
  const found = requirePlan(request, deps).inbounds.find((inbound) => inbound.section === section);
  if (!found) throw notFound(titles.retrieve);
  return found;
}

function requireOutbound(request: FastifyRequest, deps: ApiDeps): OutboundPlan {
  const kri = param(request, "kri");
  requireKri(kri);
  const found = requirePlan(request, deps).outbounds.find(({ upstream }) => upstream.destination.kri === kri);
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
    inbounds: plan.inbounds.map(({ kri, port, shared, section }) => ({
      kri,
      port,
      protocol: shared.protocol,
      proxyResourceName: `self_inbound_dp_${section}`,
    })),
    kri: plan.kri,
    labels: plan.labels,
    listeners: [],
    outbounds: plan.outbounds.map(({ upstream: { destination } }) => ({
      kri: destination.kri,
      port: destination.port,
      protocol: destination.protocol,
      proxyResourceName: destination.kri,
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

function outboundPolicies(policies: PolicyPlans, route?: string): readonly unknown[] {
  const rulesFor = (entry: unknown) => (route === undefined ? wholeRules(entry) : routeRules(entry, route));
  return entries(policies, rulesFor).map(({ kind, rules, entry }) => ({
    conf: rules.map(({ conf }) => conf),
    kind,
    origins: originsOf(rules),
    fields: fieldOrigins(entry, route),
  }));
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
