import {
  computeLabels,
  type DataplaneResource,
  type DataplaneSpec,
  dataplaneKind,
  LABEL,
  type LabelContext,
  type MeshIdentityResource,
  type NewResource,
  parseResource,
  validateLabels,
} from "@skein/model";
import { bestIdentity, usesWorkload } from "../identity/selection.ts";
import type { Store } from "../store/store.ts";
import type { AuthenticatedProxy } from "../tokens/dataplane-auth.ts";
import { type ProxyInfo, StreamRefused } from "../xds/fleet.ts";

/** The Dataplane that a proxy brings along in its metadata, ready to be stored; `undefined` where it brings none. */
export function registeredDataplane(
  node: ProxyInfo,
  context: LabelContext,
  prepare: (resource: NewResource<DataplaneSpec>) => NewResource<DataplaneSpec>,
): NewResource<DataplaneSpec> | undefined {
  const text = node.metadata["dataplane.resource"];
  if (typeof text !== "string" || text === "") return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new StreamRefused(
      "invalid-argument",
      `the Dataplane in the node metadata is not JSON: ${String(error)}`,
    );
  }
  return prepare(parseDataplane(json, node, context));
}

/** A Dataplane as a launcher sends it, checked and labelled. @throws StreamRefused naming the field */
export function parseDataplane(
  json: unknown,
  node: { readonly mesh: string; readonly name: string },
  context: LabelContext,
): NewResource<DataplaneSpec> {
  const { resource, violations } = parseResource(dataplaneKind, json, {
    unknownFields: "warn",
    defaultMesh: node.mesh,
  });
  if (resource === undefined) {
    const list = violations.map(({ field, reason }) => `${field}: ${reason}`).join("; ");
    throw new StreamRefused("invalid-argument", `the Dataplane is not valid: ${list}`);
  }
  if (resource.name !== node.name || resource.mesh !== node.mesh) {
    throw new StreamRefused(
      "invalid-argument",
      `the Dataplane is "${resource.name}" in mesh "${resource.mesh}", and the proxy calls itself "${node.name}" in mesh "${node.mesh}"`,
    );
  }
  const wrong = validateLabels(dataplaneKind, resource, context);
  if (wrong.length > 0) {
    const list = wrong.map(({ field, reason }) => `${field}: ${reason}`).join("; ");
    throw new StreamRefused("invalid-argument", `the Dataplane is not valid: ${list}`);
  }
  return {
    ...resource,
    labels: computeLabels(dataplaneKind, resource, context),
    owner: { type: "Mesh", mesh: "", name: resource.mesh },
  };
}

/** What a token is checked against. */
export function authenticatedProxy(
  store: Store,
  dataplane: NewResource<DataplaneSpec> | DataplaneResource,
  context: LabelContext,
): AuthenticatedProxy {
  const tags: Record<string, string[]> = {};
  const networking = dataplane.spec.networking;
  for (const set of [
    ...(networking?.inbound ?? []).map((inbound) => inbound.tags),
    networking?.gateway?.tags,
  ]) {
    for (const [tag, value] of Object.entries(set ?? {})) {
      tags[tag] ??= [];
      tags[tag].push(value);
    }
  }
  const identities = store.list<MeshIdentityResource>({ type: "MeshIdentity", mesh: dataplane.mesh });
  const best = bestIdentity(identities, dataplane.labels);
  return {
    name: dataplane.labels[LABEL.displayName] || dataplane.name,
    mesh: dataplane.mesh,
    tags,
    labels: dataplane.labels,
    identityUsesWorkload:
      best !== undefined && usesWorkload({ zone: context.zone, environment: context.environment }, best),
  };
}
