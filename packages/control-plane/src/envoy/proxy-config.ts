import type { DestinationKey, EndpointsPlan, EndpointsView, ProxyPlan } from "@skein/policies";
import { PASSTHROUGH_ORIGIN } from "@skein/policies/mesh-passthrough/conf";
import type { Fragment, PatchReport, ProxyConfig } from "../xds/fragment.ts";
import { type Fragments, LayeredFragments, sameFragments } from "../xds/fragments.ts";
import { ADMIN_SECRETS } from "./admin.ts";
import type { CommonFragments } from "./common-outbounds.ts";
import { Placed, placeOutbounds, secretsOf } from "./placed.ts";
import type { Translator } from "./translator.ts";

/** What MeshProxyPatches call the resources by which others leave the mesh. */
const EGRESS_ORIGIN = "egress";
/** And those of a built-in gateway. */
const GATEWAY_ORIGIN = "gateway";

export interface ProxyConfigParts {
  readonly plan: ProxyPlan;
  /** What the plan's outbounds begin with, where other proxies have the same. */
  readonly common: CommonFragments | undefined;
  readonly endpoints: (target: DestinationKey, view: EndpointsView | undefined) => EndpointsPlan;
  /** Secrets by name, as far as they exist. */
  readonly secret: (name: string) => Fragment | undefined;
  readonly reusePort: boolean;
}

/** Everything that a proxy with this plan should hold. */
export function proxyConfig(translator: Translator, parts: ProxyConfigParts): ProxyConfig {
  const { plan, common, reusePort } = parts;
  const own = new Placed(translator.patch(plan.policies));
  if (plan.admin !== undefined) {
    const { cluster, listener } = translator.admin(plan.admin);
    own.place(own.clusters, cluster, "admin");
    own.place(own.listeners, listener, "admin");
    own.wanted.add(ADMIN_SECRETS.certificate).add(ADMIN_SECRETS.validation);
  }
  if (plan.dns !== undefined) {
    const { listener, route } = translator.dns(plan.dns);
    own.place(own.listeners, listener, "dynamic-config");
    own.place(own.routes, route, "dynamic-config");
  }
  for (const inbound of plan.inbounds) {
    const { cluster, services, listener, route } = translator.inbound(inbound, reusePort);
    for (const service of services) own.place(own.clusters, service, "inbound");
    if (route !== undefined) own.place(own.routes, route, "inbound");
    if (inbound.shared.tls !== undefined) {
      own.wanted.add(inbound.shared.tls.certificateSecret).add(inbound.shared.tls.validationSecret);
    }
    own.place(own.clusters, cluster, "inbound");
    own.place(own.listeners, listener, "inbound");
  }
  for (const egress of plan.egresses ?? []) {
    const { listener, chains } = translator.egress(egress, reusePort);
    for (const { cluster, services, route } of chains) {
      for (const each of [cluster, ...services]) own.place(own.clusters, each, EGRESS_ORIGIN);
      if (route !== undefined) own.place(own.routes, route, EGRESS_ORIGIN);
    }
    for (const { tls, external } of egress.chains) {
      own.wanted.add(tls.certificateSecret).add(tls.validationSecret);
      for (const secret of secretsOf(external)) own.wanted.add(secret);
    }
    if (listener !== undefined) own.place(own.listeners, listener, EGRESS_ORIGIN);
  }
  for (const port of plan.gateway?.ports ?? []) {
    const { listener, chains } = translator.gateway(port, plan.gateway?.kri ?? "", reusePort);
    for (const { services, route } of chains) {
      for (const each of services) own.place(own.clusters, each, GATEWAY_ORIGIN);
      if (route !== undefined) own.place(own.routes, route, GATEWAY_ORIGIN);
    }
    for (const { certificates = [] } of port.chains) for (const each of certificates) own.wanted.add(each);
    own.place(own.listeners, listener, GATEWAY_ORIGIN);
  }
  placeOutbounds(
    translator,
    own,
    {
      outbounds: common === undefined ? plan.outbounds : plan.outbounds.slice(common.shared.outbounds.length),
      backends:
        common === undefined
          ? plan.backends
          : plan.backends.filter((each) => !common.shared.backends.includes(each)),
    },
    { reusePort, origin: plan.gateway === undefined ? "outbound" : GATEWAY_ORIGIN },
  );
  for (const [made, origin] of [
    [translator.transparent(plan, reusePort), "transparent"],
    [translator.directAccess(plan, reusePort), "direct-access"],
  ] as const) {
    for (const cluster of made.clusters) {
      const isOfEntry = cluster.name.startsWith(`${PASSTHROUGH_ORIGIN}_`);
      own.place(own.clusters, cluster, isOfEntry ? PASSTHROUGH_ORIGIN : origin);
    }
    for (const listener of made.listeners) own.place(own.listeners, listener, origin);
  }
  for (const { tls } of plan.directAccess ?? []) {
    if (tls !== undefined) own.wanted.add(tls.certificateSecret).add(tls.validationSecret);
  }
  own.addPatched();
  const endpoints = new Map<string, Fragment>();
  for (const [name, { target, view }] of own.eds) {
    endpoints.set(name, translator.endpoints(name, parts.endpoints(target, view)));
  }
  const secrets = new Map<string, Fragment>();
  const missing: string[] = [];
  for (const name of new Set([...own.wanted, ...(common?.fragments.wanted ?? [])])) {
    const secret = parts.secret(name);
    if (secret === undefined) missing.push(name);
    else secrets.set(name, secret);
  }
  const patched = joinedReport(own.report(), common?.fragments.report());
  const { clusters, listeners, routes } = own;
  const over = (mine: Fragments, others: Fragments | undefined): Fragments =>
    others === undefined ? mine : new LayeredFragments(mine, others);
  return {
    clusters: over(clusters, common?.fragments.clusters),
    endpoints: over(endpoints, common?.endpoints),
    listeners: over(listeners, common?.fragments.listeners),
    routes: over(routes, common?.fragments.routes),
    secrets,
    missing,
    ...(patched === undefined ? {} : { patched }),
  };
}

function joinedReport(
  own: PatchReport | undefined,
  common: PatchReport | undefined,
): PatchReport | undefined {
  if (own === undefined || common === undefined) return own;
  return {
    by: [...new Set([...own.by, ...common.by])],
    problems: [...own.problems, ...common.problems],
  };
}

/** Whether two configurations are the same: fragments are shared, so comparing them compares identities. */
export function sameConfig(a: ProxyConfig | undefined, b: ProxyConfig | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    sameFragments(a.clusters, b.clusters) &&
    sameFragments(a.endpoints, b.endpoints) &&
    sameFragments(a.listeners, b.listeners) &&
    sameFragments(a.routes, b.routes) &&
    a.missing.join(" ") === b.missing.join(" ") &&
    sameFragments(a.secrets, b.secrets) &&
    JSON.stringify(a.patched) === JSON.stringify(b.patched)
  );
}
