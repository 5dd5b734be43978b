import { type BackendRef, displayName, type MeshServiceResource } from "@skein/model";
import { contains, type PolicyResource } from "@skein/policies";
import { trafficProtocol } from "../plan/destinations.ts";
import type { Store } from "../store/store.ts";

/** References of a policy's rules that lead nowhere now. */
export function backendWarnings(policy: PolicyResource, store: Store): readonly string[] {
  const services = store.list<MeshServiceResource>({ type: "MeshService", mesh: policy.mesh });
  return (policy.spec.to ?? []).flatMap(({ rules }, i) =>
    backendRefs(rules, `spec.to[${i}].rules`).flatMap(({ path, ref }) => {
      const problem = problemOf(ref, services, policy.type === "MeshHTTPRoute");
      return problem === undefined ? [] : [`${path}: ${problem}, so nothing is sent there`];
    }),
  );
}

/** Routes that a policy is about and that are not there. */
export function routeTargetWarnings(policy: PolicyResource, store: Store): readonly string[] {
  const routes = store.list({ type: "MeshHTTPRoute", mesh: policy.mesh });
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
    return isThere ? [] : [`${path}: there is no such MeshHTTPRoute now, so this has no effect`];
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
  services: readonly MeshServiceResource[],
  isHttp: boolean,
): string | undefined {
  if (ref.kind !== "MeshService") return undefined;
  const found = services.filter((service) =>
    ref.name === undefined
      ? contains(service.labels, ref.labels ?? {})
      : ref.name === service.name || ref.name === displayName(service),
  );
  if (found.length === 0) return "there is no such MeshService now";
  const ports = found.flatMap((service) => service.spec.ports ?? []);
  const wanted = ports.filter(
    ({ port, name }) =>
      (ref.port === undefined || ref.port === port) &&
      (ref.sectionName === undefined || ref.sectionName === name || ref.sectionName === String(port)),
  );
  const known = ports.map(({ port }) => port).join(", ") || "none";
  if (wanted.length === 0) return `no such port (the service has: ${known})`;
  if (isHttp && wanted.every(({ appProtocol }) => trafficProtocol(appProtocol) === "tcp")) {
    return "it speaks tcp only (set appProtocol on its port)";
  }
  return undefined;
}
