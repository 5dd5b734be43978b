import {
  type DataplaneResource,
  displayName,
  type HostnameGeneratorResource,
  LABEL,
  type MeshExternalServiceResource,
  type MeshGatewayResource,
  type MeshIdentityResource,
  type MeshMultiZoneServiceResource,
  type MeshResource,
  type MeshServiceResource,
  type Resource,
} from "@skein/model";
import { type PolicyResource, select } from "@skein/policies";
import { matchingIdentities } from "../identity/selection.ts";
import type { AddressedDraft } from "../naming/addressed.ts";
import { isCallableKind, isMeant, portsOfSection } from "../plan/callable.ts";
import { trafficProtocol } from "../plan/destinations.ts";
import type { Store } from "../store/store.ts";
import { isBuiltinGateway } from "../view/gateways.ts";
import { isTarget, selectable } from "../view/selectable.ts";
import { selectsDataplane } from "../view/service-members.ts";
import { isAboutRequests, protocolRemedy } from "./about-requests.ts";
import { effectWarnings } from "./dataplane-warnings.ts";
import {
  listenerWarnings,
  notAtEgressWarnings,
  routingWarnings,
  serverNameWarnings,
} from "./egress-warnings.ts";
import { externalServiceWarnings } from "./external-warnings.ts";
import { filterStateWarnings } from "./filter-state-warnings.ts";
import { gatewayPolicyWarnings } from "./gateway-policy-warnings.ts";
import { gatewayTargetWarnings, meshGatewayWarnings, unselectedGatewayWarnings } from "./gateway-warnings.ts";
import { inboundWarnings } from "./inbound-warnings.ts";
import { generatorWarnings, hostnameWarnings, memberWarnings } from "./naming-warnings.ts";
import { opaWarnings } from "./opa-warnings.ts";
import { partWarnings, routePartWarnings } from "./part-warnings.ts";
import { passthroughWarnings } from "./passthrough-warnings.ts";
import { meshModeWarnings, reachableListWarnings } from "./reachability-warnings.ts";
import { retryWarnings } from "./retry-warnings.ts";
import { putAsideWarnings } from "./route-conflicts.ts";
import { backendWarnings, callablesOf, routeTargetWarnings } from "./route-warnings.ts";
import { count, examples } from "./sentences.ts";

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
      return [
        ...serviceWarnings(written as MeshServiceResource, dataplanes),
        ...hostnameWarnings(written as AddressedDraft, store),
      ];
    case "MeshExternalService":
      return [
        ...externalServiceWarnings(written as MeshExternalServiceResource, store),
        ...hostnameWarnings(written as AddressedDraft, store),
      ];
    case "MeshMultiZoneService":
      return [
        ...memberWarnings(written as MeshMultiZoneServiceResource, store),
        ...hostnameWarnings(written as AddressedDraft, store),
      ];
    case "HostnameGenerator":
      return generatorWarnings(written as HostnameGeneratorResource, store);
    case "MeshGateway":
      return meshGatewayWarnings(written as MeshGatewayResource, store);
    case "MeshIdentity":
      return identityWarnings(written as MeshIdentityResource, dataplanes, store);
    case "Dataplane":
      return [
        ...dataplaneWarnings(written as DataplaneResource, store),
        ...reachableListWarnings(written as DataplaneResource, store),
        ...unselectedGatewayWarnings(written as DataplaneResource, store),
      ];
    case "Mesh":
      return [
        ...meshModeWarnings(written as MeshResource, store),
        ...routingWarnings(written as MeshResource, store),
      ];
    default:
      return [];
  }
}

function policyWarnings(
  policy: PolicyResource,
  dataplanes: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  const warnings: string[] = [...gatewayTargetWarnings(policy, store)];
  const inForce = asIfInForce(policy);
  const gateways = store.list<MeshGatewayResource>({ type: "MeshGateway", mesh: policy.mesh });
  const selected = dataplanes.filter(
    (dataplane) => select(inForce, selectable(dataplane, gateways)).kind !== "none",
  );
  if (dataplanes.length > 0 && selected.length === 0 && warnings.length === 0) {
    warnings.push("spec.targetRef selects none of the dataplanes that are there now");
  }
  warnings.push(...serverNameWarnings(policy, store), ...notAtEgressWarnings(inForce, selected));
  const services = callablesOf(store, policy.mesh);
  for (const [i, { targetRef, default: conf }] of (policy.spec.to ?? []).entries()) {
    const { kind } = targetRef;
    if (kind === "MeshHTTPRoute") warnings.push(...routePartWarnings(policy, `spec.to[${i}].default`, conf));
    if (!isCallableKind(kind)) continue;
    const found = services.filter((service) => isMeant(targetRef, service));
    if (found.length === 0) {
      warnings.push(`spec.to[${i}].targetRef: there is no such ${kind} now, so this rule has no effect`);
    }
    const isHttpRule = policy.type === "MeshHTTPRoute" || isAboutRequests(conf);
    const { sectionName } = targetRef;
    const meant = found.map((service) => ({ ...service, ports: portsOfSection(service, sectionName) }));
    if (found.length > 0 && sectionName && meant.every(({ ports }) => ports.length === 0)) {
      const known = [...new Set(found.flatMap(({ ports }) => ports.map(({ name, port }) => name ?? port)))];
      warnings.push(
        `spec.to[${i}].targetRef.sectionName: ${kind} "${found[0]?.name}" has no port "${sectionName}" (it has: ${known.join(", ") || "none"}), so this rule has no effect`,
      );
    }
    const tcpOnly = meant.filter(
      ({ ports }) =>
        ports.length > 0 && ports.every(({ appProtocol }) => trafficProtocol(appProtocol) === "tcp"),
    );
    warnings.push(...partWarnings(policy, `spec.to[${i}].default`, conf, meant));
    const remedy = protocolRemedy(kind);
    for (const { name } of isHttpRule ? tcpOnly : []) {
      warnings.push(
        policy.type === "MeshHTTPRoute"
          ? `spec.to[${i}]: ${kind} "${name}" speaks tcp only, so its rules have no effect; ${remedy}`
          : `spec.to[${i}].default: ${kind} "${name}" speaks tcp only, so its HTTP part has no effect; ${remedy}`,
      );
    }
  }
  warnings.push(...backendWarnings(policy, store), ...routeTargetWarnings(policy, store));
  warnings.push(...putAsideWarnings(inForce, selected, store));
  warnings.push(...inboundWarnings(policy, selected), ...opaWarnings(policy, selected, store));
  warnings.push(...retryWarnings(policy, dataplanes));
  warnings.push(...passthroughWarnings(policy, selected, store));
  warnings.push(...filterStateWarnings(policy, store));
  warnings.push(...gatewayPolicyWarnings(inForce, selected, gateways));
  const byCaller = (policy.spec.rules ?? []).some(({ matches }) => (matches ?? []).length > 0);
  const needsIdentity = policy.type === "MeshTrafficPermission" || policy.type === "MeshTLS" || byCaller;
  // Clients of gateways have none: only TLS of what gateways call is about them.
  const concerned =
    policy.type === "MeshTLS" ? selected : selected.filter((dataplane) => !isBuiltinGateway(dataplane));
  if (needsIdentity && concerned.length > 0) {
    const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name: policy.mesh });
    const identities = store.list<MeshIdentityResource>({ type: "MeshIdentity", mesh: policy.mesh });
    const without = mesh?.spec.mtls?.enabledBackend
      ? []
      : concerned.filter((dataplane) => matchingIdentities(identities, dataplane.labels).length === 0);
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
  const members = dataplanes.filter((dataplane) => selectsDataplane(service, dataplane));
  if (dataplanes.length > 0 && members.length === 0) {
    return ["spec.selector finds none of the dataplanes that are there now"];
  }
  const inbounds = members.flatMap(({ spec }) => spec.networking?.inbound ?? []);
  return (service.spec.ports ?? []).flatMap((port, i) => {
    if (members.length === 0 || inbounds.some((inbound) => isTarget(inbound, port))) return [];
    return [
      port.targetPort === undefined
        ? `spec.ports[${i}].targetPort is not set, so it is ${port.port}, and none of the dataplanes that it selects has an inbound with that port`
        : `spec.ports[${i}].targetPort: none of the dataplanes that it selects has an inbound ${port.targetPort}`,
    ];
  });
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
  const services = callablesOf(store, dataplane.mesh);
  const { outbound = [], transparentProxying } = dataplane.spec.networking ?? {};
  const missing = outbound.flatMap(({ backendRef }, i) => {
    if (backendRef?.name === undefined) return [];
    const { kind, name } = backendRef;
    if (services.some((each) => each.kind === kind && (each.name === name || displayName(each) === name)))
      return [];
    return [`networking.outbound[${i}].backendRef: there is no ${kind} "${name}" now`];
  });
  const needless =
    transparentProxying?.redirectPortOutbound && outbound.length > 0
      ? [
          "networking.outbound: is not needed with transparentProxying, and a proxy started with --transparent-proxy refuses its Dataplane while there are outbounds",
        ]
      : [];
  return [...missing, ...needless, ...effectWarnings(dataplane), ...listenerWarnings(dataplane, store)];
}
