import {
  type DataplaneResource,
  type MeshExternalServiceResource,
  type MeshIdentityResource,
  type MeshResource,
  meshExternalServiceKind,
  sniOf,
} from "@skein/model";
import { type PolicyResource, policies, select } from "@skein/policies";
import { matchingIdentities } from "../identity/selection.ts";
import { meshServicesMode } from "../plan/outbounds/reach.ts";
import type { Store } from "../store/store.ts";
import { egressListeners, sectionOf, selectable } from "../view/selectable.ts";
import { count, examples } from "./sentences.ts";

/** Whether some proxy of a mesh has a listener by which others leave it. */
export function hasEgress(mesh: string, store: Store): boolean {
  return store
    .list<DataplaneResource>({ type: "Dataplane", mesh })
    .some((dataplane) => egressListeners(dataplane).length > 0);
}

/** What keeps the listeners of a Dataplane from listening. */
export function listenerWarnings(dataplane: DataplaneResource, store: Store): readonly string[] {
  const { mesh, labels, spec } = dataplane;
  const why = egressListeners(dataplane).length === 0 ? undefined : notListening(mesh, labels, store);
  return (spec.networking?.listeners ?? []).flatMap(({ type }, i) => {
    const at = `networking.listeners[${i}]`;
    if (type === "ZoneIngress") {
      return [`${at}: zone ingresses are not available in this version, so nothing listens`];
    }
    return why === undefined ? [] : [`${at}: nothing listens for ZoneEgress, as ${why}`];
  });
}

function notListening(mesh: string, labels: DataplaneResource["labels"], store: Store): string | undefined {
  const found = store.get<MeshResource>({ type: "Mesh", mesh: "", name: mesh });
  if (found === undefined || meshServicesMode(found) !== "Exclusive") {
    return `meshServices.mode of Mesh "${mesh}" is not Exclusive`;
  }
  const identities = store.list<MeshIdentityResource>({ type: "MeshIdentity", mesh });
  return matchingIdentities(identities, labels).some(({ spec }) => spec.provider !== undefined)
    ? undefined
    : "no MeshIdentity selects this proxy, and callers must know it by its certificate";
}

/** What a Mesh says of leaving it that comes to nothing, or to less than it says. */
export function routingWarnings({ name, spec }: MeshResource, store: Store): readonly string[] {
  if (spec.routing?.zoneEgress !== true) return [];
  const services = store.list<MeshExternalServiceResource>({ type: "MeshExternalService", mesh: name });
  const warnings: string[] = [];
  if (services.length > 0 && !hasEgress(name, store)) {
    warnings.push(
      `routing.zoneEgress: no Dataplane of this mesh has a listener of type ZoneEgress, so nothing is sent to ${count(services.length, "external service")}, ${examples(services)}`,
    );
  }
  if (spec.routing.defaultForbidMeshExternalServiceAccess === true) {
    warnings.push(
      "routing.defaultForbidMeshExternalServiceAccess: has no effect with zoneEgress: true, as an egress forbids everything that no MeshTrafficPermission for the egress allows",
    );
  }
  return warnings;
}

/** Server names that look like an external service's, and are nobody's. */
export function serverNameWarnings(policy: PolicyResource, store: Store): readonly string[] {
  if (policy.type !== "MeshTrafficPermission") return [];
  const known = new Set(
    store
      .list<MeshExternalServiceResource>({ type: "MeshExternalService", mesh: policy.mesh })
      .map((service) => sniOf(meshExternalServiceKind, service, service.spec.match)),
  );
  return (policy.spec.rules ?? []).flatMap(({ default: conf }, i) =>
    Object.entries((conf ?? {}) as Record<string, readonly { readonly sni?: { readonly value: string } }[]>)
      .flatMap(([list, matches]) =>
        matches.map(({ sni }, j) => ({ at: `${list}[${j}].sni`, name: sni?.value })),
      )
      .filter(({ name }) => name?.startsWith("sni.extsvc.") === true && !known.has(name))
      .map(
        ({ at, name }) =>
          `spec.rules[${i}].default.${at}: no MeshExternalService of this mesh has the server name "${name}" now`,
      ),
  );
}

/** What has a say where others are let in, and none where they are let out, with what to write instead. */
const NOT_AT_EGRESSES: Readonly<Record<string, string>> = {
  MeshOPA: "a MeshTrafficPermission says who leaves",
  MeshGlobalRateLimit: "a MeshRateLimit limits what each egress lets out",
};

/**
 * A policy for egresses of a kind that has no say there. One for a whole mesh is meant for the others: it is about
 * nothing only where all that it selects are egresses.
 */
export function notAtEgressWarnings(
  policy: PolicyResource,
  selected: readonly DataplaneResource[],
): readonly string[] {
  const { type, spec } = policy;
  if (!policies.some(({ kind, atEgresses }) => kind.type === type && atEgresses === false)) return [];
  const egresses = selected.filter((dataplane) => {
    const selection = select(policy, selectable(dataplane, []));
    return egressListeners(dataplane).some(
      (listener) => selection.kind !== "inbounds" || selection.sections.has(sectionOf(listener)),
    );
  });
  const isForAll = (spec.targetRef?.kind ?? "Mesh") === "Mesh";
  if (egresses.length === 0 || (isForAll && egresses.length < selected.length)) return [];
  const instead = NOT_AT_EGRESSES[type];
  return [
    `spec.targetRef: selects ${count(egresses.length, "dataplane")} by which others leave the mesh, ${examples(egresses)}, and has no effect on what leaves there${instead === undefined ? "" : `; ${instead}`}`,
  ];
}
