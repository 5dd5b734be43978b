import {
  type DataplaneResource,
  displayName,
  LABEL,
  type MeshIdentityResource,
  type MeshResource,
  type MeshServiceResource,
  type Resource,
  SERVICE_TAG,
} from "@skein/model";
import { contains } from "@skein/policies";
import { MESH_SERVICE_GENERATOR } from "../naming/meshservice-generator.ts";
import { meshServicesMode, type ReachableRef } from "../plan/outbounds/reach.ts";
import type { Store } from "../store/store.ts";
import { count, examples } from "./sentences.ts";

const AT = "networking.transparentProxying";

/** What a Dataplane lists to be reachable and that comes to nothing, or to less than its writer may think. */
export function reachableListWarnings(dataplane: DataplaneResource, store: Store): readonly string[] {
  const lists = dataplane.spec.networking?.transparentProxying;
  const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name: dataplane.mesh });
  if (lists === undefined || mesh === undefined) return [];
  const mode = meshServicesMode(mesh);
  const { reachableServices = [], reachableBackends } = lists;
  const warnings: string[] = [];
  if (reachableServices.length > 0 && mode !== "Disabled" && reachableBackends === undefined) {
    warnings.push(
      `${AT}.reachableServices: with it no MeshService, MeshExternalService or MeshMultiZoneService is reachable; list them in ${AT}.reachableBackends`,
    );
  }
  if (reachableServices.length > 0 && mode === "Exclusive") {
    warnings.push(
      `${AT}.reachableServices: mesh "${mesh.name}" has meshServices.mode: Exclusive, in which services are not called by their tags`,
    );
  }
  if (mode === "ReachableBackends" && lists.redirectPortOutbound && reachableBackends === undefined) {
    warnings.push(
      `${AT}.reachableBackends: is not set, so no MeshService is reachable: mesh "${mesh.name}" has meshServices.mode: ReachableBackends`,
    );
  }
  if (mode === "Disabled") {
    if (reachableBackends !== undefined) {
      warnings.push(
        `${AT}.reachableBackends: has no effect, because mesh "${mesh.name}" has meshServices.mode: Disabled`,
      );
    }
  } else {
    for (const [i, ref] of (reachableBackends?.refs ?? []).entries()) {
      if (!isThere(ref, dataplane.mesh, store)) {
        warnings.push(`${AT}.reachableBackends.refs[${i}]: there is no such ${ref.kind} now`);
      }
    }
  }
  return mode === "Exclusive" ? warnings : [...warnings, ...unknownTags(dataplane, reachableServices, store)];
}

/** What a mode of a mesh takes away from its dataplanes and identities. */
export function meshModeWarnings(mesh: MeshResource, store: Store): readonly string[] {
  const mode = meshServicesMode(mesh);
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh: mesh.name });
  const listing = (has: (lists: TransparentProxying) => boolean): readonly DataplaneResource[] =>
    dataplanes.filter(({ spec }) => {
      const lists = spec.networking?.transparentProxying;
      return lists !== undefined && has(lists);
    });
  const warnings: string[] = [];
  const warn = (found: readonly DataplaneResource[], what: string): void => {
    if (found.length === 0) return;
    warnings.push(`meshServices.mode: ${what}: ${count(found.length, "dataplane")}, ${examples(found)}`);
  };
  if (mode === "Exclusive") {
    warn(
      listing(
        ({ reachableServices = [], reachableBackends }) => reachableServices.length > 0 && !reachableBackends,
      ),
      "with Exclusive, who lists reachableServices and no reachableBackends reaches nothing",
    );
  }
  if (mode === "ReachableBackends") {
    warn(
      listing(({ redirectPortOutbound, reachableBackends }) => !!redirectPortOutbound && !reachableBackends),
      "with ReachableBackends, who lists no reachableBackends reaches no MeshService",
    );
  }
  if (mode === "Disabled") {
    warn(
      listing(({ reachableBackends }) => reachableBackends !== undefined),
      "with Disabled, reachableBackends have no effect",
    );
    const generated = new Set(
      store
        .list<MeshServiceResource>({ type: "MeshService", mesh: mesh.name })
        .filter(({ labels }) => labels[LABEL.managedBy] === MESH_SERVICE_GENERATOR)
        .map(({ name }) => name),
    );
    warn(
      dataplanes.filter(({ spec }) =>
        (spec.networking?.outbound ?? []).some(
          ({ backendRef }) => backendRef?.kind === "MeshService" && generated.has(backendRef.name ?? ""),
        ),
      ),
      "with Disabled, generated MeshServices go, and with them the outbounds that refer to them",
    );
  }
  const identities = store.list<MeshIdentityResource>({ type: "MeshIdentity", mesh: mesh.name });
  const issuing = identities.filter(({ spec }) => spec.provider !== undefined);
  if (mode !== "Exclusive" && issuing.length > 0) {
    warnings.push(
      `meshServices.mode: only with Exclusive does a MeshIdentity issue certificates; there is ${issuing.map(({ name }) => `"${name}"`).join(", ")}`,
    );
  }
  return warnings;
}

type TransparentProxying = NonNullable<
  NonNullable<DataplaneResource["spec"]["networking"]>["transparentProxying"]
>;

function isThere(ref: ReachableRef, mesh: string, store: Store): boolean {
  return store
    .list<Resource>({ type: ref.kind, mesh })
    .some((resource) =>
      ref.name === undefined || ref.name === ""
        ? contains(resource.labels, ref.labels ?? {})
        : (resource.name === ref.name || displayName(resource) === ref.name) &&
          (!ref.namespace || resource.labels[LABEL.kubernetesNamespace] === ref.namespace),
    );
}

function unknownTags(
  dataplane: DataplaneResource,
  services: readonly string[],
  store: Store,
): readonly string[] {
  if (services.length === 0) return [];
  const all = [...store.list<DataplaneResource>({ type: "Dataplane", mesh: dataplane.mesh }), dataplane];
  const known = new Set(
    all.flatMap(({ spec }) =>
      (spec.networking?.inbound ?? []).flatMap(({ tags }) => tags?.[SERVICE_TAG] ?? []),
    ),
  );
  return services.flatMap((service, i) =>
    known.has(service)
      ? []
      : [`${AT}.reachableServices[${i}]: no proxy has the tag ${SERVICE_TAG}: ${service} now`],
  );
}
