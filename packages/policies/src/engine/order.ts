import { displayName } from "@skein/model";
import { type PolicyResource, type TargetRef, topTarget } from "./policy-resource.ts";

const TOP_KINDS = [
  "Mesh",
  "Dataplane",
  "MeshSubset",
  "MeshGateway",
  "MeshService",
  "MeshServiceSubset",
  "MeshHTTPRoute",
];
const TO_KINDS = ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService", "MeshHTTPRoute"];
const ROLES = ["system", "producer", "consumer", "workload-owner"];

/** The place of a reference's kind in the order of specificity; higher wins. */
function rank(order: readonly string[], value: string | undefined): number {
  return value === undefined ? 0 : order.indexOf(value);
}

function originRank(labels: Readonly<Record<string, string>>): number {
  switch (labels["kuma.io/origin"]) {
    case "global":
      return 0;
    case "zone":
      return 2;
    default:
      return 1;
  }
}

function dataplaneRank(ref: TargetRef): number {
  return (ref.name === undefined ? 0 : 2) + (ref.sectionName === undefined ? 0 : 1);
}

function countTags({ tags }: TargetRef): number {
  return Object.keys(tags ?? {}).length;
}

/**
 * Orders policies from lowest to highest precedence, as far as their top level decides: kind of the target, then by
 * name over by labels and with a section over without, then origin (a zone's own over the global one), then more over
 * fewer tags of a MeshGateway, then role.
 * Names are left to the caller: for `to` entries the target comes before them.
 */
export function compareTop(a: PolicyResource, b: PolicyResource): number {
  const [aRef, bRef] = [topTarget(a), topTarget(b)];
  return (
    rank(TOP_KINDS, aRef.kind) - rank(TOP_KINDS, bRef.kind) ||
    (aRef.kind === "Dataplane" ? dataplaneRank(aRef) - dataplaneRank(bRef) : 0) ||
    originRank(a.labels) - originRank(b.labels) ||
    (aRef.kind === "MeshGateway" ? countTags(aRef) - countTags(bRef) : 0) ||
    rank(ROLES, a.labels["kuma.io/policy-role"] ?? "system") -
      rank(ROLES, b.labels["kuma.io/policy-role"] ?? "system")
  );
}

/**
 * The last resort: of two equal policies the one whose name comes first in the alphabet wins. Display names need not be
 * unique; where they are equal the stored names decide, so that the order of arrival never shows.
 */
export function compareNames(a: PolicyResource, b: PolicyResource): number {
  return reversed(displayName(a), displayName(b)) || reversed(a.name, b.name);
}

function reversed(a: string, b: string): number {
  return a < b ? 1 : a > b ? -1 : 0;
}

/** Orders policies that apply as a whole, from lowest to highest precedence. */
export function comparePolicies(a: PolicyResource, b: PolicyResource): number {
  return compareTop(a, b) || compareNames(a, b);
}

/** Orders targets of `to` entries: the mesh, a service, a port of a service, and so on. */
export function compareTo(a: TargetRef, b: TargetRef): number {
  return (
    rank(TO_KINDS, a.kind) - rank(TO_KINDS, b.kind) ||
    Number(a.sectionName !== undefined) - Number(b.sectionName !== undefined)
  );
}
