import { displayName, formatKri } from "@skein/model";
import type { RouteIdentity } from "../definition.ts";
import type { DestinationPlan } from "../plan/destination-plan.ts";
import type { Origin } from "../plan/origin.ts";
import type { Contribution } from "./merge.ts";
import { compareNames, comparePolicies, compareTo, compareTop } from "./order.ts";
import { type CallerMatch, type PolicyResource, type TargetRef, topTarget } from "./policy-resource.ts";
import { contains } from "./select.ts";

/** One inbound rule of one policy. */
export interface InboundRule extends Contribution {
  /** Absent: for every caller. */
  readonly matches: readonly CallerMatch[];
}

/** One entry of a `from` list, for the policies where it is more than a rule for everybody. */
export interface FromRule extends Contribution {
  readonly target: TargetRef;
}

const kris = new WeakMap<PolicyResource, string>();

/** KRI of a policy, remembered with the object: it is asked for at every merge. */
export function policyKri(policy: PolicyResource, shortName: string): string {
  let kri = kris.get(policy);
  if (kri === undefined) {
    kri = formatKri({
      shortName,
      mesh: policy.mesh,
      zone: policy.labels["kuma.io/zone"] ?? "",
      namespace: policy.labels["k8s.kuma.io/namespace"] ?? "",
      name: displayName(policy),
      section: "",
    });
    kris.set(policy, kri);
  }
  return kri;
}

/**
 * What the `to` lists of these policies say of one destination, from lowest to highest precedence. Policies must select
 * the caller already; an entry counts when its target is the destination, its service, or the whole mesh.
 */
export function outboundRules(
  policies: readonly PolicyResource[],
  destination: DestinationPlan,
  shortName: string,
): readonly Contribution[] {
  return outboundEntries(policies, destination).map((entry) => contribution(entry, shortName));
}

/**
 * Whether what a policy says of calls can matter to a destination. A policy for which it cannot may be left out when
 * that destination is planned. What is about routes, and what has no `to` list, may matter to any.
 */
export function concernsDestination(policy: PolicyResource, destination: DestinationPlan): boolean {
  const { to } = policy.spec;
  if (to === undefined || isAboutRoute(policy)) return true;
  return to.some(
    ({ targetRef }) => targetRef.kind === "MeshHTTPRoute" || targets(targetRef, policy, destination),
  );
}

/** Whether a policy says the same of every call, whatever is called. */
export function isAboutMesh(policy: PolicyResource): boolean {
  return !isAboutRoute(policy) && (policy.spec.to ?? []).every(({ targetRef }) => targetRef.kind === "Mesh");
}

/** The `to` entries behind `outboundRules`, in the same order. */
export function outboundEntries(
  policies: readonly PolicyResource[],
  destination: DestinationPlan,
): readonly ToEntry[] {
  return toEntries(policies)
    .filter(({ target, policy }) => !isAboutRoute(policy) && targets(target, policy, destination))
    .sort(compareEntries);
}

/** The `to` entries of the policies that are about a MeshGateway by name, from lowest to highest precedence. */
export function gatewayEntries(policies: readonly PolicyResource[]): readonly ToEntry[] {
  return toEntries(policies.filter((policy) => topTarget(policy).kind === "MeshGateway")).sort(
    compareEntries,
  );
}

/**
 * What the `to` lists of these policies say of the whole mesh, from lowest to highest precedence: what holds for a
 * listener of a gateway, or for requests that are shared out to several destinations.
 */
export function meshRules(policies: readonly PolicyResource[], shortName: string): readonly Contribution[] {
  return toEntries(policies)
    .filter(({ target, policy }) => target.kind === "Mesh" && !isAboutRoute(policy))
    .sort(compareEntries)
    .map((entry) => contribution(entry, shortName));
}

/**
 * What the `to` lists of these policies say of one route, from lowest to highest precedence: what they say of the whole
 * mesh and of the route itself. Empty where no entry is about the route.
 */
export function routeRules(
  policies: readonly PolicyResource[],
  route: RouteIdentity,
  shortName: string,
): readonly Contribution[] {
  const entries = toEntries(policies);
  if (!entries.some((entry) => namesRoute(entry, route))) return [];
  return entries
    .filter(
      (entry) => namesRoute(entry, route) || (entry.target.kind === "Mesh" && !isAboutRoute(entry.policy)),
    )
    .sort(compareEntries)
    .map((entry) => contribution(entry, shortName));
}

/**
 * Those routes about which some entry of these policies says something of its own. The routes are looked at only where
 * some entry is about routes: whoever plans may notice.
 */
export function namedRoutes(input: {
  readonly policies: readonly PolicyResource[];
  readonly routes: readonly RouteIdentity[];
}): readonly RouteIdentity[] {
  const entries = toEntries(input.policies).filter(
    ({ target, policy }) => isAboutRoute(policy) || target.kind === "MeshHTTPRoute",
  );
  if (entries.length === 0) return [];
  return input.routes.filter((route) => entries.some((entry) => namesRoute(entry, route)));
}

function namesRoute({ target, policy }: ToEntry, route: RouteIdentity): boolean {
  return targetsRoute(isAboutRoute(policy) ? topTarget(policy) : target, policy, route);
}

/** Older policies name a route at the top; their entries are about its requests and nothing else. */
function isAboutRoute(policy: PolicyResource): boolean {
  return topTarget(policy).kind === "MeshHTTPRoute";
}

/** One entry of a policy's `to` list. */
export interface ToEntry {
  readonly policy: PolicyResource;
  readonly target: TargetRef;
  /** Its `default`, or `rules` for kinds that have those instead. */
  readonly conf: unknown;
  /** Place in the list. */
  readonly index: number;
}

function toEntries(policies: readonly PolicyResource[]): ToEntry[] {
  return policies.flatMap((policy) =>
    (policy.spec.to ?? []).map((to, index) => ({
      policy,
      target: to.targetRef,
      conf: to.default ?? to.rules,
      index,
    })),
  );
}

/** From lowest to highest precedence. */
function compareEntries(a: ToEntry, b: ToEntry): number {
  return (
    compareTop(a.policy, b.policy) ||
    compareTo(a.target, b.target) ||
    compareNames(a.policy, b.policy) ||
    a.index - b.index
  );
}

function contribution({ policy, conf, index }: ToEntry, shortName: string): Contribution {
  return { conf, origin: origin(policy, shortName, `to[${index}]`) };
}

function targetsRoute(ref: TargetRef, policy: PolicyResource, route: RouteIdentity): boolean {
  if (ref.kind !== route.kind) return false;
  if (ref.labels !== undefined) return contains(route.labels, ref.labels);
  if (ref.name !== route.name && ref.name !== displayName(route)) return false;
  const namespace = ref.namespace ?? policy.labels["k8s.kuma.io/namespace"];
  return namespace === undefined || namespace === route.labels["k8s.kuma.io/namespace"];
}

function targets(ref: TargetRef, policy: PolicyResource, destination: DestinationPlan): boolean {
  if (ref.kind === "Mesh") return true;
  if (destination.kind === "ServiceTag") return ref.kind === "MeshService" && ref.name === destination.name;
  if (ref.kind !== destination.kind) return false;
  if (
    ref.sectionName !== undefined &&
    ref.sectionName !== destination.portName &&
    ref.sectionName !== String(destination.port)
  ) {
    return false;
  }
  if (ref.labels !== undefined) return contains(destination.labels, ref.labels);
  if (ref.name !== destination.name && ref.name !== displayName(destination)) return false;
  const zone = policy.labels["kuma.io/zone"];
  if (
    zone !== undefined &&
    destination.labels["kuma.io/zone"] !== undefined &&
    zone !== destination.labels["kuma.io/zone"]
  ) {
    return false;
  }
  const namespace = ref.namespace ?? policy.labels["k8s.kuma.io/namespace"];
  return namespace === undefined || namespace === destination.labels["k8s.kuma.io/namespace"];
}

/**
 * What the `rules` (and the `from` lists that mean the same) of these policies say of an inbound, from lowest to
 * highest precedence. A policy that has `rules` has no `from` any more.
 */
export function inboundRules(
  policies: readonly PolicyResource[],
  shortName: string,
  fromAsRules: boolean,
): readonly InboundRule[] {
  return [...policies].sort(comparePolicies).flatMap((policy): InboundRule[] => {
    if (policy.spec.rules !== undefined && policy.spec.rules.length > 0) {
      return policy.spec.rules.map((rule, i) => ({
        conf: rule.default,
        matches: rule.matches ?? [],
        origin: origin(policy, shortName, `rules[${i}]`),
      }));
    }
    if (!fromAsRules) return [];
    return (policy.spec.from ?? []).map((from, i) => ({
      conf: from.default,
      matches: [],
      origin: origin(policy, shortName, `from[${i}]`),
    }));
  });
}

/** The `from` entries of these policies, from lowest to highest precedence. */
export function fromRules(policies: readonly PolicyResource[], shortName: string): readonly FromRule[] {
  return [...policies].sort(comparePolicies).flatMap((policy) =>
    (policy.spec.from ?? []).map((from, i) => ({
      conf: from.default,
      target: from.targetRef,
      origin: origin(policy, shortName, `from[${i}]`),
    })),
  );
}

function origin(policy: PolicyResource, shortName: string, rule: string): Origin {
  return { policy: policyKri(policy, shortName), rule };
}
