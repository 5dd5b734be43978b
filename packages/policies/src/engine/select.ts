import { displayName } from "@skein/model";
import { type PolicyResource, type TargetRef, topTarget } from "./policy-resource.ts";

/** What selection needs to know of a proxy. */
export interface Selectable {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Tags of the gateway, for proxies that are one. */
  readonly gatewayTags: Readonly<Record<string, string>> | undefined;
  readonly inbounds: readonly { readonly section: string; readonly tags: Readonly<Record<string, string>> }[];
  /** What a MeshGateway makes of the proxy; only for built-in gateways. */
  readonly gateway?: SelectableGateway;
}

/** What selection needs to know of a built-in gateway. */
export interface SelectableGateway {
  /** Names of the MeshGateway that the proxy serves; none while no MeshGateway selects it. */
  readonly names: readonly string[];
  /** Of the MeshGateway: a zone's policies are about the gateways of their zone. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its listeners. Their tags are those of the proxy, of the MeshGateway and their own. */
  readonly listeners: readonly {
    readonly section: string;
    readonly tags: Readonly<Record<string, string>>;
  }[];
}

/** Which part of a proxy a policy is about. */
export type Selection =
  | { readonly kind: "none" }
  /** Everything: outbounds and all inbounds. */
  | { readonly kind: "proxy" }
  /** Some inbounds, by section name; outbounds too unless the reference names a section. */
  | { readonly kind: "inbounds"; readonly sections: ReadonlySet<string>; readonly outbounds: boolean }
  /** Listeners of a built-in gateway, by section name, and whether they are all that it has. */
  | { readonly kind: "gateway"; readonly sections: ReadonlySet<string>; readonly whole: boolean };

const NONE: Selection = { kind: "none" };
const PROXY: Selection = { kind: "proxy" };
const OUTBOUNDS: Selection = { kind: "inbounds", sections: new Set(), outbounds: true };

/**
 * Whether a policy is about a proxy, and about which of its inbounds.
 * Rules: shadow policies never are; a zone's policy stays in its zone; then the top-level targetRef decides.
 */
export function select(policy: PolicyResource, proxy: Selectable): Selection {
  if (policy.labels["kuma.io/effect"] === "shadow") return NONE;
  if (!sameZone(policy.labels, proxy.gateway?.labels ?? proxy.labels)) return NONE;
  if (!sameNamespace(policy.labels, proxy.labels)) return NONE;
  const target = topTarget(policy);
  return proxy.gateway === undefined
    ? selectTarget(target, policy, proxy)
    : selectGateway(target, proxy, proxy.gateway);
}

/** A built-in gateway has listeners where others have inbounds. References to Dataplanes never mean one. */
function selectGateway(
  ref: TargetRef,
  proxy: Selectable,
  { names, listeners }: SelectableGateway,
): Selection {
  const withTags = (tags: Readonly<Record<string, string>> = {}): Selection => {
    const sections = new Set(
      listeners.filter((listener) => contains(listener.tags, tags)).map(({ section }) => section),
    );
    if (sections.size === 0 && !contains(proxy.gatewayTags ?? {}, tags)) return NONE;
    return { kind: "gateway", sections, whole: sections.size === listeners.length };
  };
  switch (ref.kind) {
    case "Mesh":
      return matchesProxyTypes(ref, proxy) ? withTags() : NONE;
    case "MeshSubset":
      return matchesProxyTypes(ref, proxy) ? withTags(ref.tags) : NONE;
    case "MeshService":
    case "MeshServiceSubset":
      return ref.name === undefined ? NONE : withTags({ ...ref.tags, "kuma.io/service": ref.name });
    case "MeshGateway":
      return ref.name !== undefined && names.includes(ref.name) ? withTags(ref.tags) : NONE;
    case "MeshHTTPRoute":
      return withTags();
    default:
      return NONE;
  }
}

function selectTarget(ref: TargetRef, policy: PolicyResource, proxy: Selectable): Selection {
  switch (ref.kind) {
    case "Mesh":
      return matchesProxyTypes(ref, proxy) ? PROXY : NONE;
    case "Dataplane":
      return selectDataplane(ref, policy, proxy);
    case "MeshSubset":
      return matchesProxyTypes(ref, proxy) ? selectTags(ref.tags ?? {}, proxy) : NONE;
    case "MeshService":
    case "MeshServiceSubset":
      return ref.name === undefined ? NONE : selectTags({ ...ref.tags, "kuma.io/service": ref.name }, proxy);
    case "MeshHTTPRoute":
      // About a route, wherever it is: whether this proxy has it, its outbounds tell.
      return OUTBOUNDS;
    default:
      return NONE;
  }
}

function selectDataplane(ref: TargetRef, policy: PolicyResource, proxy: Selectable): Selection {
  if (ref.labels !== undefined && !contains(proxy.labels, ref.labels)) return NONE;
  if (ref.name !== undefined) {
    if (ref.name !== proxy.name && ref.name !== displayName(proxy)) return NONE;
    const namespace = ref.namespace ?? policy.labels["k8s.kuma.io/namespace"];
    if (namespace !== undefined && namespace !== proxy.labels["k8s.kuma.io/namespace"]) return NONE;
  } else if (ref.namespace !== undefined && ref.namespace !== proxy.labels["k8s.kuma.io/namespace"]) {
    return NONE;
  }
  if (ref.sectionName === undefined) return PROXY;
  const sections = new Set(
    proxy.inbounds.map(({ section }) => section).filter((name) => name === ref.sectionName),
  );
  return sections.size === 0 ? NONE : { kind: "inbounds", sections, outbounds: false };
}

function selectTags(tags: Readonly<Record<string, string>>, proxy: Selectable): Selection {
  if (proxy.gatewayTags !== undefined) return contains(proxy.gatewayTags, tags) ? PROXY : NONE;
  const sections = proxy.inbounds
    .filter((inbound) => contains(inbound.tags, tags))
    .map(({ section }) => section);
  if (sections.length === 0) return NONE;
  if (sections.length === proxy.inbounds.length) return PROXY;
  return { kind: "inbounds", sections: new Set(sections), outbounds: true };
}

function matchesProxyTypes(ref: TargetRef, proxy: Selectable): boolean {
  if (ref.proxyTypes === undefined || ref.proxyTypes.length === 0) return true;
  return ref.proxyTypes.includes(proxy.gatewayTags === undefined ? "Sidecar" : "Gateway");
}

function sameZone(
  policy: Readonly<Record<string, string>>,
  proxy: Readonly<Record<string, string>>,
): boolean {
  if (policy["kuma.io/origin"] !== "zone" || proxy["kuma.io/origin"] !== "zone") return true;
  if (policy["kuma.io/policy-role"] === "producer") return true;
  const zone = policy["kuma.io/zone"];
  return zone === undefined || zone === proxy["kuma.io/zone"];
}

function sameNamespace(
  policy: Readonly<Record<string, string>>,
  proxy: Readonly<Record<string, string>>,
): boolean {
  const role = policy["kuma.io/policy-role"];
  if (role !== "consumer" && role !== "workload-owner") return true;
  return policy["k8s.kuma.io/namespace"] === proxy["k8s.kuma.io/namespace"];
}

/** Whether every pair of `wanted` is among `actual`; `*` as a value asks only that the key is there. */
export function contains(
  actual: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  for (const key in wanted) {
    const value = actual[key];
    if (value === undefined || (wanted[key] !== "*" && wanted[key] !== value)) return false;
  }
  return true;
}
