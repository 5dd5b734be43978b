import { displayName } from "@skein/model";
import { type PolicyResource, type TargetRef, topTarget } from "./policy-resource.ts";

/** A part of a proxy by which connections come in. */
export interface SelectablePart {
  readonly section: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** The MeshGateway that a built-in gateway serves. */
export interface SelectableGateway {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The tags of each: of the dataplane, of the gateway and its own, of which the later ones win. */
  readonly listeners: readonly SelectablePart[];
}

/** What selection needs to know of a proxy. */
export interface Selectable {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Tags of the gateway, for proxies that are one. */
  readonly gatewayTags: Readonly<Record<string, string>> | undefined;
  readonly inbounds: readonly SelectablePart[];
  /** Set for built-in gateways; without `serves`, no MeshGateway is for it. */
  readonly builtin?: { readonly serves: SelectableGateway | undefined };
}

/** Which part of a proxy a policy is about. */
export type Selection =
  | { readonly kind: "none" }
  /** Everything: outbounds and all inbounds, or all listeners of a gateway and what they lead to. */
  | { readonly kind: "proxy" }
  /**
   * Some inbounds, by section name; outbounds too unless the reference names a section. Of a built-in gateway: some
   * listeners and what these lead to.
   */
  | { readonly kind: "inbounds"; readonly sections: ReadonlySet<string>; readonly outbounds: boolean };

const NONE: Selection = { kind: "none" };
const PROXY: Selection = { kind: "proxy" };
const OUTBOUNDS: Selection = { kind: "inbounds", sections: new Set(), outbounds: true };

/**
 * Whether a policy is about a proxy, and about which of its inbounds.
 * Rules: shadow policies never are; a zone's policy stays in its zone; then the top-level targetRef decides.
 */
export function select(policy: PolicyResource, proxy: Selectable): Selection {
  if (policy.labels["kuma.io/effect"] === "shadow") return NONE;
  if (!sameZone(policy.labels, proxy.builtin?.serves?.labels ?? proxy.labels)) return NONE;
  if (!sameNamespace(policy.labels, proxy.labels)) return NONE;
  const ref = topTarget(policy);
  return proxy.builtin === undefined
    ? selectTarget(ref, policy, proxy)
    : selectListeners(ref, proxy, proxy.builtin.serves);
}

/** What of a built-in gateway a reference is about: listeners, which no Dataplane names. */
function selectListeners(
  ref: TargetRef,
  proxy: Selectable,
  serves: SelectableGateway | undefined,
): Selection {
  if (serves === undefined) return NONE;
  switch (ref.kind) {
    case "Mesh":
      return matchesProxyTypes(ref, proxy) ? parts({}, serves.listeners) : NONE;
    case "MeshSubset":
      return matchesProxyTypes(ref, proxy) ? parts(ref.tags ?? {}, serves.listeners) : NONE;
    case "MeshService":
    case "MeshServiceSubset":
      return ref.name === undefined ? NONE : parts(serviceTags(ref), serves.listeners);
    case "MeshGateway":
      return ref.name === serves.name || ref.name === displayName(serves)
        ? parts(ref.tags ?? {}, serves.listeners)
        : NONE;
    case "MeshHTTPRoute":
      // About a route, wherever it is: whether a listener has it, its routes tell.
      return parts({}, serves.listeners);
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
      return ref.name === undefined ? NONE : selectTags(serviceTags(ref), proxy);
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
  return parts(tags, proxy.inbounds);
}

/** The parts that have the tags, with what leads out of the proxy. */
function parts(tags: Readonly<Record<string, string>>, all: readonly SelectablePart[]): Selection {
  const sections = all.filter((part) => contains(part.tags, tags)).map(({ section }) => section);
  if (sections.length === 0) return NONE;
  if (sections.length === all.length) return PROXY;
  return { kind: "inbounds", sections: new Set(sections), outbounds: true };
}

function serviceTags({ name = "", tags }: TargetRef): Readonly<Record<string, string>> {
  return { ...tags, "kuma.io/service": name };
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
