import {
  type BackendRef,
  type DataplaneResource,
  displayName,
  type Resource,
  SERVICE_TAG,
} from "@skein/model";
import { contains, type PolicyResource } from "@skein/policies";
import { CALLABLE_KINDS, type Callable, callableOf, isCallableKind, isMeant } from "../plan/callable.ts";
import { speakBytes } from "../plan/destinations.ts";
import type { Store } from "../store/store.ts";
import { protocolRemedy } from "./about-requests.ts";

/** A place in a policy, and what is wrong there. */
export interface PlacedProblem {
  readonly path: string;
  readonly problem: string;
}

/** References of a policy's rules that lead nowhere now. */
export function backendWarnings(policy: PolicyResource, store: Store): readonly string[] {
  const services = callablesOf(store, policy.mesh);
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh: policy.mesh });
  return deadReferences(policy, services, dataplanes).map(
    ({ path, problem }) => `${path}: ${problem}, so nothing is sent there`,
  );
}

/** Everything of a mesh that can be called. */
export function callablesOf(store: Store, mesh: string): readonly Callable[] {
  return CALLABLE_KINDS.flatMap((type) =>
    store.list({ type, mesh }).flatMap((each) => callableOf(each) ?? []),
  );
}

/** References of a policy's rules that lead nowhere among these services and, by their tags, dataplanes. */
export function deadReferences(
  policy: PolicyResource,
  services: readonly Callable[],
  dataplanes: readonly DataplaneResource[],
): readonly PlacedProblem[] {
  const isTagged = (name: string): boolean =>
    dataplanes.some(({ spec }) =>
      (spec.networking?.inbound ?? []).some(({ tags }) => tags?.[SERVICE_TAG] === name),
    );
  return (policy.spec.to ?? []).flatMap(({ rules }, i) =>
    backendRefs(rules, `spec.to[${i}].rules`).flatMap(({ path, ref }) => {
      const problem = problemOf(ref, services, policy.type === "MeshHTTPRoute", isTagged);
      return problem === undefined ? [] : [{ path, problem }];
    }),
  );
}

/** Routes that a policy is about and that are not there. */
export function routeTargetWarnings(policy: PolicyResource, store: Store): readonly string[] {
  return missingRoutes(policy, store.list({ type: "MeshHTTPRoute", mesh: policy.mesh })).map(
    ({ path, problem }) => `${path}: ${problem}, so this has no effect`,
  );
}

/** Routes that a policy is about and that are not among these. */
export function missingRoutes(policy: PolicyResource, routes: readonly Resource[]): readonly PlacedProblem[] {
  const targets = [
    { path: "spec.targetRef", ref: policy.spec.targetRef },
    ...(policy.spec.to ?? []).map(({ targetRef }, i) => ({
      path: `spec.to[${i}].targetRef`,
      ref: targetRef,
    })),
  ];
  return targets.flatMap(({ path, ref }) => {
    if (ref?.kind !== "MeshHTTPRoute") return [];
    const isThere = routes.some((route) =>
      ref.name === undefined
        ? contains(route.labels, ref.labels ?? {})
        : ref.name === route.name || ref.name === displayName(route),
    );
    return isThere ? [] : [{ path, problem: "there is no such MeshHTTPRoute now" }];
  });
}

interface PlacedRef {
  readonly path: string;
  readonly ref: BackendRef;
}

/** Everything under `backendRefs` and `backendRef`, at any depth. */
function backendRefs(value: unknown, path: string): readonly PlacedRef[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => backendRefs(item, `${path}[${i}]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]): readonly PlacedRef[] => {
    const at = `${path}.${key}`;
    if (key === "backendRef") return [{ path: at, ref: inner as BackendRef }];
    if (key === "backendRefs" && Array.isArray(inner)) {
      return inner.map((ref, i) => ({ path: `${at}[${i}]`, ref: ref as BackendRef }));
    }
    return backendRefs(inner, at);
  });
}

function problemOf(
  ref: BackendRef,
  services: readonly Callable[],
  isHttp: boolean,
  isTagged: (name: string) => boolean,
): string | undefined {
  const { kind } = ref;
  if (!isCallableKind(kind)) return undefined;
  const found = services.filter((service) => isMeant(ref, service));
  if (found.length === 0) {
    const isTag = kind === "MeshService" && ref.name !== undefined && isTagged(ref.name);
    return isTag ? undefined : `there is no such ${kind} now`;
  }
  const ports = found.flatMap((service) => service.ports);
  const wanted = ports.filter(
    ({ port, name }) =>
      (ref.port === undefined || ref.port === port) &&
      (ref.sectionName === undefined || ref.sectionName === name || ref.sectionName === String(port)),
  );
  const known = ports.map(({ port }) => port).join(", ") || "none";
  if (wanted.length === 0) return `no such port (the service has: ${known})`;
  if (isHttp && speakBytes(wanted)) {
    return `it speaks tcp only (${protocolRemedy(kind)})`;
  }
  return undefined;
}
