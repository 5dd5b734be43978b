import { parseKri, type ResourceKey } from "@skein/model";
import type { TargetRef } from "@skein/policies";
import type { GatewayHostPlan, GatewayPlan } from "@skein/policies/plan/gateway-plan";
import type { Origin, PolicyPlans } from "@skein/policies/plan/origin";
import type { OutboundPlan } from "@skein/policies/plan/outbound-plan";
import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";
import { isRecord } from "../insights/fields.ts";
import { gatewayParts } from "../plan/gateways/parts.ts";
import type { ApiDeps } from "./deps.ts";
import { resourceOfKri } from "./kri-lookup.ts";
import { type Meta, metaOf } from "./meta.ts";
import { type EntryRule, policiesOf, rulesOf, wholeRules } from "./plan-entry.ts";
import { rulesWarnings } from "./rules-warnings.ts";

/**
 * The body of `_rules`: for each kind of policy, what it says of the inbounds and of the destinations of a proxy. `key` is the
 * resource that was asked about: its Dataplane, or the MeshGateway that it serves.
 */
export function rulesOfPlan(deps: ApiDeps, key: ResourceKey, plan: ProxyPlan | undefined): unknown {
  const asked = deps.store.get(key);
  const resource = asked && metaOf(deps, asked);
  if (plan === undefined) return { httpMatches: [], resource, rules: [] };
  const types = deps.registry.kinds.flatMap(({ type, policy }) => (policy?.isTargetRef ? [type] : []));
  const rules = types
    .toSorted()
    .map((type) => ({
      type,
      toRules: taggedDestinationRules(deps, plan, type),
      toResourceRules: destinationRules(deps, plan, type),
      fromRules: fromRules(deps, plan, type),
      inboundRules: inboundRules(deps, plan, type),
      ...proxyRule(deps, plan, type),
      warnings: rulesWarnings(deps, plan, type),
    }))
    .filter(
      ({ toRules, toResourceRules, fromRules, inboundRules, proxyRule, warnings }) =>
        [toRules, toResourceRules, fromRules, inboundRules, warnings].some((list) => list.length > 0) ||
        proxyRule !== undefined,
    );
  return { httpMatches: [], resource, rules };
}

/** The body of the older `policies`: which policies matched which part of a proxy. */
export function matchedPolicies(deps: ApiDeps, plan: ProxyPlan): unknown {
  if (plan.gateway !== undefined) return gatewayPolicies(deps, plan, plan.gateway);
  const inbounds = plan.inbounds.map(({ address, port, tags, shared }) => ({
    type: "inbound",
    name: `${address}:${port}:${shared.service.port}`,
    service: tags["kuma.io/service"] ?? "",
    matchedPolicies: policyMetas(deps, shared.policies),
  }));
  const outbounds = plan.outbounds.map(({ address, port, upstream }) => ({
    type: "outbound",
    name: `${address}:${port}`,
    service: upstream.destination.legacyName,
    matchedPolicies: policyMetas(deps, upstream.policies),
  }));
  const items = [...inbounds, ...outbounds].filter((item) => Object.keys(item.matchedPolicies).length > 0);
  return { kind: "SidecarDataplane", total: items.length, items };
}

/** The same of a built-in gateway, by listener, host name, route and destination. */
function gatewayPolicies(deps: ApiDeps, plan: ProxyPlan, { name, ports }: GatewayPlan): unknown {
  const byCluster = new Map(plan.backends.map(({ upstream }) => [upstream.clusterName, upstream]));
  const destinationsOf = (backends: GatewayHostPlan["backends"], keys: readonly string[]) =>
    keys.flatMap((key) => {
      const backend = backends[key];
      if (backend?.kind !== "resolved") return [];
      const policies = byCluster.get(backend.clusterName)?.policies ?? {};
      const tags = { "kuma.io/service": backend.destination.legacyName };
      return [{ tags, policies: policyMetas(deps, policies) }];
    });
  const listeners = ports.map(({ port, protocol, chains }) => ({
    port,
    protocol,
    hosts: chains.flatMap(({ hosts }) =>
      hosts.flatMap(({ hostname, virtualHosts, connections, backends }) => [
        ...virtualHosts.map((host) => ({
          hostName: host.hostname,
          routes: host.routes.map((route) => ({
            route: route.name,
            destinations: destinationsOf(
              backends,
              (route.backends ?? []).map(({ key }) => key),
            ),
          })),
        })),
        ...(connections === undefined
          ? []
          : [
              {
                hostName: hostname,
                routes: [
                  {
                    route: connections.backends[0]?.origin.policy ?? "",
                    destinations: destinationsOf(
                      backends,
                      connections.backends.map(({ key }) => key),
                    ),
                  },
                ],
              },
            ]),
      ]),
    ),
  }));
  return {
    kind: "MeshGatewayDataplane",
    gateway: { mesh: plan.mesh, name },
    listeners,
    policies: policyMetas(deps, plan.policies),
  };
}

/** What a proxy calls for applications, and what a gateway calls for its clients. */
function calledBy(plan: ProxyPlan): readonly Pick<OutboundPlan, "upstream">[] {
  return plan.gateway === undefined ? plan.outbounds : plan.backends;
}

/** What `rules` say of each inbound. */
function inboundRules(deps: ApiDeps, plan: ProxyPlan, type: string) {
  return byInbound(plan, type, (rule) => {
    if (targetOf(rule) !== undefined) return [];
    const { conf, matches, origins } = rule;
    return [
      {
        conf: [conf],
        ...(matches === undefined ? {} : { match: matches[0] }),
        origin: ruleOrigins(deps, origins),
      },
    ];
  });
}

/** What the older `from` says of each inbound, where it tells callers apart by their tags. */
function fromRules(deps: ApiDeps, plan: ProxyPlan, type: string) {
  return byInbound(plan, type, (rule) => {
    const target = targetOf(rule);
    if (target === undefined || !isRecord(rule.conf)) return [];
    const { target: _, ...conf } = rule.conf;
    return [{ conf, matchers: tagMatchers(target), origin: policyOrigins(deps, rule) }];
  });
}

/** Of whom an entry of `from` is about. */
function targetOf({ conf }: EntryRule): TargetRef | undefined {
  return isRecord(conf) && isRecord(conf.target) ? (conf.target as unknown as TargetRef) : undefined;
}

function tagMatchers({ kind, name, tags }: TargetRef): readonly TagMatcher[] {
  const isService = kind === "MeshService" || kind === "MeshServiceSubset";
  const all = { ...(isService && name !== undefined ? { "kuma.io/service": name } : {}), ...tags };
  return Object.entries(all).map(([key, value]) => ({ key, value, not: false }));
}

interface TagMatcher {
  readonly key: string;
  readonly value: string;
  readonly not: false;
}

/** The rules of each inbound, egress and listener of a gateway: whatever an egress leads to, the same policies are about it. */
function byInbound<Rule>(plan: ProxyPlan, type: string, shown: (rule: EntryRule) => readonly Rule[]) {
  const egresses = (plan.egresses ?? []).flatMap(({ chains: [shared], ...listener }) =>
    shared === undefined ? [] : [{ ...listener, tags: {}, shared }],
  );
  const listeners = gatewayParts(plan).map(({ port: { port }, host: { section, tags }, policies }) => ({
    ...{ section, port, tags },
    shared: { policies },
  }));
  return [...plan.inbounds, ...egresses, ...listeners].flatMap(({ section, port, tags, shared }) => {
    const rules = rulesOf(shared.policies[type]).flatMap(shown);
    const inbound = { ...(section === String(port) ? {} : { name: section }), port, tags };
    return rules.length === 0 ? [] : [{ inbound, rules }];
  });
}

/** What a policy says of the proxy as a whole: nothing, or one configuration. */
function proxyRule(deps: ApiDeps, plan: ProxyPlan, type: string): { readonly proxyRule?: unknown } {
  const rules = rulesOf(plan.policies[type]);
  if (rules.length === 0) return {};
  return {
    proxyRule: {
      conf: rules.length === 1 ? rules[0]?.conf : plan.policies[type],
      origin: policiesOf(rules).map((kri) => metaOfKri(deps, kri)),
    },
  };
}

/** What a policy says of destinations that are known by a tag. */
function taggedDestinationRules(deps: ApiDeps, plan: ProxyPlan, type: string) {
  return calledBy(plan).flatMap(({ upstream: { destination, policies } }) => {
    if (destination.kind !== "ServiceTag") return [];
    const matchers: readonly TagMatcher[] = [{ key: "kuma.io/service", value: destination.name, not: false }];
    return wholeRules(policies[type]).map((rule) => ({
      conf: rule.conf,
      matchers,
      origin: policyOrigins(deps, rule),
    }));
  });
}

/** What a policy says of destinations, and of routes to them for which it says something else. */
function destinationRules(deps: ApiDeps, plan: ProxyPlan, type: string) {
  const routes = new Map<string, ResourceRule>();
  const destinations = calledBy(plan).flatMap(({ upstream: { destination, policies } }) => {
    const { kind, mesh, name, labels, portName, port, kri } = destination;
    for (const { route, conf, origins } of rulesOf(policies[type])) {
      if (route === undefined) continue;
      const origin = ruleOrigins(deps, origins);
      routes.set(route, { resourceMeta: metaOfKri(deps, route), conf: [conf], origin });
    }
    const rules = wholeRules(policies[type]);
    if (kind === "ServiceTag" || rules.length === 0) return [];
    return [
      {
        resourceMeta: { type: kind, mesh, name, labels, kri: kri.slice(0, kri.lastIndexOf("_") + 1) },
        resourceSectionName: portName === "" ? String(port) : portName,
        conf: rules.map(({ conf }) => conf),
        origin: ruleOrigins(
          deps,
          rules.flatMap(({ origins }) => origins),
        ),
      },
    ];
  });
  return [...destinations, ...routes.values()];
}

interface ResourceRule {
  readonly resourceMeta: Meta;
  readonly conf: readonly unknown[];
  readonly origin: readonly unknown[];
}

function ruleOrigins(deps: ApiDeps, origins: readonly Origin[]): readonly unknown[] {
  return origins.map(({ policy, rule }) => ({
    resourceMeta: metaOfKri(deps, policy),
    ruleIndex: Number(/\[(\d+)\]/.exec(rule)?.[1] ?? 0),
  }));
}

function policyOrigins(deps: ApiDeps, rule: EntryRule): readonly Meta[] {
  return policiesOf([rule]).map((kri) => metaOfKri(deps, kri));
}

function policyMetas(deps: ApiDeps, policies: PolicyPlans): Readonly<Record<string, readonly Meta[]>> {
  const metas = Object.entries(policies).map(([type, entry]) => {
    const kris = policiesOf(rulesOf(entry));
    return [type, kris.map((kri) => metaOfKri(deps, kri))] as const;
  });
  return Object.fromEntries(metas.filter(([, each]) => each.length > 0));
}

/** A policy that is gone since the plan was made is still named. */
function metaOfKri(deps: ApiDeps, text: string): Meta {
  const kri = parseKri(text);
  const resource = kri && resourceOfKri(deps, kri);
  if (resource) return metaOf(deps, resource);
  return { type: "", mesh: kri?.mesh ?? "", name: kri?.name ?? text, labels: {}, kri: text };
}
