import { isDeepStrictEqual } from "node:util";
import {
  LABEL,
  type Labels,
  type MeshServiceResource,
  type MeshServiceSpec,
  type MeshServiceStatus,
  type NewResource,
  type Resource,
  type WorkloadResource,
  type WorkloadSpec,
  type WorkloadStatus,
} from "@skein/model";
import type { Write } from "../store/store.ts";

/** A MeshService on its way to the store: each stage takes one and gives the same one back where it has no change. */
export type MeshServiceDraft = NewResource<MeshServiceSpec, MeshServiceStatus> | MeshServiceResource;
/** A Workload on its way to the store. */
export type WorkloadDraft = NewResource<WorkloadSpec, WorkloadStatus> | WorkloadResource;

/** Whether this zone owns the resource; copies of other zones' resources are not ours to change. */
export function isLocal({ labels }: { readonly labels: Labels }): boolean {
  const origin = labels[LABEL.origin];
  return origin === undefined || origin === "" || origin === "zone";
}

/** The draft with other parts, or the draft itself where they are equal to what it has. */
export function revised<D extends NewResource>(
  draft: D,
  parts: Partial<Pick<D, "labels" | "spec" | "status">>,
): D {
  const entries = Object.entries(parts) as [keyof D, unknown][];
  return entries.every(([key, value]) => isDeepStrictEqual(draft[key], value))
    ? draft
    : { ...draft, ...parts };
}

/**
 * The write that takes the store from one document to the other; `undefined` where they are the same. An update holds
 * only for the revision that was read, so a user's write in between is never lost.
 */
export function writeOf(
  before: Resource | undefined,
  after: NewResource | Resource | undefined,
): Write | undefined {
  if (before === after) return undefined;
  if (after === undefined) {
    return before && { op: "delete", key: keyOf(before), ifRevision: before.revision };
  }
  const { type, mesh, name, labels, spec, status, owner } = after;
  const resource: NewResource = {
    ...{ type, mesh, name, labels, spec },
    ...(status === undefined ? {} : { status }),
    ...(owner === undefined ? {} : { owner }),
  };
  return before === undefined
    ? { op: "create", resource }
    : { op: "update", resource, ifRevision: before.revision };
}

/**
 * Whether two documents differ in counts of proxies only. Such a difference changes nothing for any proxy, so it may
 * wait.
 */
export function differInCountsOnly(
  before: Resource | undefined,
  after: NewResource | Resource | undefined,
): boolean {
  if (before === undefined || after === undefined) return false;
  return (
    isDeepStrictEqual(before.labels, after.labels) &&
    isDeepStrictEqual(before.spec, after.spec) &&
    isDeepStrictEqual(withoutCounts(before.status), withoutCounts(after.status))
  );
}

function withoutCounts(status: unknown): object {
  return { ...(status as object | undefined), dataplaneProxies: undefined };
}

function keyOf({ type, mesh, name }: Resource): Pick<Resource, "type" | "mesh" | "name"> {
  return { type, mesh, name };
}
