import type { NewResource, Resource, ResourceKey, Violation } from "@skein/model";
import { builtinSecretNames } from "../identity/builtin.ts";
import { child, isRecord, records, stringRecord, text } from "../insights/fields.ts";
import { isOnline } from "../insights/status.ts";
import type { Store } from "../store/store.ts";

/** Why an otherwise valid document must not replace `current` now, given the rest of the store. */
export function writeGuards(
  store: Store,
  next: NewResource,
  current: Resource | undefined,
): readonly Violation[] {
  if (next.type === "Mesh") return [...caChange(next, current), ...providedSecrets(store, next)];
  if (next.type === "Dataplane") return membership(store, next);
  return [];
}

/** Why a resource must not be deleted now, given the rest of the store. */
export function deleteGuards(store: Store, resource: Resource): readonly Violation[] {
  switch (resource.type) {
    case "Mesh":
      return store.list({ type: "Dataplane", mesh: resource.name }).length === 0
        ? []
        : [{ field: "mesh", reason: "unable to delete mesh, there are still some dataplanes attached" }];
    case "Zone":
      return zoneInUse(store, resource);
    case "Secret":
      return secretInUse(store, resource);
    default:
      return [];
  }
}

function caChange(next: NewResource, current: Resource | undefined): readonly Violation[] {
  const before = text(child(current?.spec, "mtls"), "enabledBackend");
  const after = text(child(next.spec, "mtls"), "enabledBackend");
  if (before === "" || after === "" || before === after) return [];
  return [
    {
      field: "mtls.enabledBackend",
      reason: `the CA cannot be changed from "${before}" to "${after}" while mTLS is enabled: disable mTLS first`,
    },
  ];
}

/** The places in a Mesh that name a Secret of the mesh. */
function secretReferences(
  mesh: NewResource,
): readonly { readonly field: string; readonly secret: string; readonly backend: string }[] {
  return records(child(mesh.spec, "mtls").backends).flatMap((backend, index) =>
    ["cert", "key"].flatMap((part) => {
      const secret = text(child(child(backend, "conf"), part), "secret");
      const field = `mtls.backends[${index}].conf.${part}.secret`;
      return secret === "" ? [] : [{ field, secret, backend: text(backend, "name") }];
    }),
  );
}

function providedSecrets(store: Store, mesh: NewResource): readonly Violation[] {
  if (child(mesh.spec, "mtls").skipValidation === true) return [];
  return secretReferences(mesh)
    .filter(({ secret }) => !store.get({ type: "Secret", mesh: mesh.name, name: secret }))
    .map(({ field, secret }) => ({
      field,
      reason: `there is no Secret "${secret}" in mesh "${mesh.name}": create it first, or set mtls.skipValidation`,
    }));
}

function secretInUse(store: Store, secret: Resource): readonly Violation[] {
  const mesh = store.get({ type: "Mesh", mesh: "", name: secret.mesh });
  if (!mesh) return [];
  const builtin = records(child(mesh.spec, "mtls").backends)
    .filter((backend) => text(backend, "type") === "builtin")
    .map((backend) => text(backend, "name"))
    .find((backend) => Object.values(builtinSecretNames(mesh.name, backend)).includes(secret.name));
  const backend = builtin ?? secretReferences(mesh).find((each) => each.secret === secret.name)?.backend;
  if (backend === undefined) return [];
  return [
    {
      field: "name",
      reason: `the secret "${secret.name}" is in use by the mTLS backend "${backend}" of mesh "${mesh.name}": remove the reference from the backend first`,
    },
  ];
}

function zoneInUse(store: Store, zone: Resource): readonly Violation[] {
  const insight = store.get({ type: "ZoneInsight", mesh: "", name: zone.name });
  if (!insight || !isOnline(insight.spec)) return [];
  return [
    {
      field: "zone",
      reason: "unable to delete zone, its control plane is still connected: shut it down first",
    },
  ];
}

/** The Mesh's `constraints.dataplaneProxy`: which tags a proxy must and must not have to join. */
function membership(store: Store, dataplane: NewResource): readonly Violation[] {
  const mesh = store.get(meshKey(dataplane.mesh));
  const constraints = child(child(mesh?.spec, "constraints"), "dataplaneProxy");
  const requirements = records(constraints.requirements);
  const restrictions = records(constraints.restrictions);
  if (requirements.length === 0 && restrictions.length === 0) return [];
  return taggedParts(dataplane).flatMap(({ field, tags }) => {
    if (requirements.length > 0 && !requirements.some((each) => covers(stringRecord(each.tags), tags))) {
      return [
        {
          field,
          reason: `the tags meet none of the requirements that mesh "${dataplane.mesh}" has for its proxies`,
        },
      ];
    }
    return restrictions.some((each) => covers(stringRecord(each.tags), tags))
      ? [
          {
            field,
            reason: `the tags are restricted: mesh "${dataplane.mesh}" does not take proxies with them`,
          },
        ]
      : [];
  });
}

function taggedParts(
  dataplane: NewResource,
): readonly { readonly field: string; readonly tags: Readonly<Record<string, string>> }[] {
  const { inbound, gateway } = child(dataplane.spec, "networking");
  const parts = records(inbound).map((each, index) => ({
    field: `networking.inbound[${index}].tags`,
    tags: stringRecord(each.tags),
  }));
  if (!isRecord(gateway)) return parts;
  return [...parts, { field: "networking.gateway.tags", tags: stringRecord(gateway.tags) }];
}

function covers(wanted: Readonly<Record<string, string>>, tags: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(
    ([key, value]) => tags[key] !== undefined && (value === "*" || value === "" || tags[key] === value),
  );
}

/** The key of a Mesh. */
export function meshKey(name: string): ResourceKey {
  return { type: "Mesh", mesh: "", name };
}
