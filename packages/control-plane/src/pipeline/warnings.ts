import {
  type DataplaneResource,
  LABEL,
  type MeshIdentityResource,
  type MeshResource,
  type MeshServiceResource,
  type Resource,
} from "@skein/model";
import { contains, type PolicyResource, select } from "@skein/policies";
import { matchingIdentities } from "../identity/selection.ts";
import { trafficProtocol } from "../plan/destinations.ts";
import type { Store } from "../store/store.ts";
import { selectable } from "../view/selectable.ts";
import { selectsDataplane } from "../view/service-members.ts";
import { inboundWarnings } from "./inbound-warnings.ts";
import { opaWarnings } from "./opa-warnings.ts";
import { passthroughWarnings } from "./passthrough-warnings.ts";
import { backendWarnings, routeTargetWarnings } from "./route-warnings.ts";

/** What a written document says that is fine and probably not what its writer wanted. */
export function warningsFor(
  written: Resource,
  store: Store,
  isPolicy: (type: string) => boolean,
): readonly string[] {
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh: written.mesh });
  if (isPolicy(written.type)) return policyWarnings(written as PolicyResource, dataplanes, store);
  switch (written.type) {
    case "MeshService":
      return serviceWarnings(written as MeshServiceResource, dataplanes);
    case "MeshIdentity":
      return identityWarnings(written as MeshIdentityResource, dataplanes, store);
    case "Dataplane":
      return dataplaneWarnings(written as DataplaneResource, store);
    default:
      return [];
  }
}

function policyWarnings(
  policy: PolicyResource,
  dataplanes: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  const warnings: string[] = [];
  const inForce = asIfInForce(policy);
  const selected = dataplanes.filter((dataplane) => select(inForce, selectable(dataplane)).kind !== "none");
  if (dataplanes.length > 0 && selected.length === 0) {
    warnings.push("spec.targetRef selects none of the dataplanes that are there now");
  }
  const services = store.list<MeshServiceResource>({ type: "MeshService", mesh: policy.mesh });
  for (const [i, { targetRef, default: conf }] of (policy.spec.to ?? []).entries()) {
    if (targetRef.kind !== "MeshService") continue;
    const found = services.filter(
      (service) =>
        (targetRef.name === undefined || targetRef.name === service.name) &&
        contains(service.labels, targetRef.labels ?? {}),
    );
    if (found.length === 0) {
      warnings.push(`spec.to[${i}].targetRef: there is no such MeshService now, so this rule has no effect`);
    }
    const isHttpRule =
      policy.type === "MeshHTTPRoute" ||
      (typeof conf === "object" && conf !== null && ("http" in conf || "grpc" in conf));
    const tcpOnly = found.filter((service) =>
      (service.spec.ports ?? []).every(({ appProtocol }) => trafficProtocol(appProtocol) === "tcp"),
    );
    for (const service of isHttpRule ? tcpOnly : []) {
      warnings.push(
        policy.type === "MeshHTTPRoute"
          ? `spec.to[${i}]: MeshService "${service.name}" speaks tcp only, so its rules have no effect; set appProtocol on its port`
          : `spec.to[${i}].default: MeshService "${service.name}" speaks tcp only, so its HTTP part has no effect; set appProtocol on its port`,
      );
    }
  }
  warnings.push(...backendWarnings(policy, store), ...routeTargetWarnings(policy, store));
  warnings.push(...inboundWarnings(policy, selected), ...opaWarnings(policy, selected, store));
  warnings.push(...passthroughWarnings(policy, selected, store));
  const byCaller = (policy.spec.rules ?? []).some(({ matches }) => (matches ?? []).length > 0);
  const needsIdentity = policy.type === "MeshTrafficPermission" || policy.type === "MeshTLS" || byCaller;
  if (needsIdentity && selected.length > 0) {
    const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name: policy.mesh });
    const identities = store.list<MeshIdentityResource>({ type: "MeshIdentity", mesh: policy.mesh });
    const without = mesh?.spec.mtls?.enabledBackend
      ? []
      : selected.filter((dataplane) => matchingIdentities(identities, dataplane.labels).length === 0);
    if (without.length > 0) {
      warnings.push(
        `${count(without.length, "dataplane")} that it selects ${without.length === 1 ? "has" : "have"} no identity, so ${byCaller ? "rules with matches have" : "it has"} no effect there: ${examples(without)}`,
      );
    }
  }
  return warnings;
}

/** A policy on trial selects nobody, by its label; what there is to warn of is what it would do without. */
function asIfInForce(policy: PolicyResource): PolicyResource {
  const { [LABEL.effect]: _effect, ...labels } = policy.labels;
  return { ...policy, labels };
}

function serviceWarnings(
  service: MeshServiceResource,
  dataplanes: readonly DataplaneResource[],
): readonly string[] {
  const warnings = (service.spec.ports ?? []).flatMap((port, i) =>
    port.targetPort === undefined
      ? [`spec.ports[${i}].targetPort is not set, so no inbound is found for port ${port.port}`]
      : [],
  );
  if (dataplanes.length > 0 && !dataplanes.some((dataplane) => selectsDataplane(service, dataplane))) {
    warnings.push("spec.selector finds none of the dataplanes that are there now");
  }
  return warnings;
}

function identityWarnings(
  identity: MeshIdentityResource,
  dataplanes: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name: identity.mesh });
  const warnings: string[] = [];
  if (mesh?.spec.meshServices?.mode !== "Exclusive") {
    warnings.push(
      `mesh "${identity.mesh}" has no meshServices.mode: Exclusive, so no certificates are issued`,
    );
  }
  if (
    dataplanes.length > 0 &&
    !dataplanes.some(({ labels }) => matchingIdentities([identity], labels).length > 0)
  ) {
    warnings.push("spec.selector selects none of the dataplanes that are there now");
  }
  return warnings;
}

function dataplaneWarnings(dataplane: DataplaneResource, store: Store): readonly string[] {
  const services = store.list<MeshServiceResource>({ type: "MeshService", mesh: dataplane.mesh });
  const { outbound = [], transparentProxying } = dataplane.spec.networking ?? {};
  const missing = outbound.flatMap(({ backendRef }, i) => {
    if (backendRef?.kind !== "MeshService" || backendRef.name === undefined) return [];
    if (services.some(({ name }) => name === backendRef.name)) return [];
    return [`networking.outbound[${i}].backendRef: there is no MeshService "${backendRef.name}" now`];
  });
  return transparentProxying?.redirectPortOutbound && outbound.length > 0
    ? [
        ...missing,
        "networking.outbound: is not needed with transparentProxying, and a proxy started with --transparent-proxy refuses its Dataplane while there are outbounds",
      ]
    : missing;
}

/** `1 dataplane`, `2 dataplanes`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** The first names of some, for a sentence. */
export function examples(dataplanes: readonly DataplaneResource[]): string {
  const names = dataplanes.slice(0, 3).map(({ name }) => name);
  return dataplanes.length > 3 ? `${names.join(", ")}, …` : names.join(", ");
}
