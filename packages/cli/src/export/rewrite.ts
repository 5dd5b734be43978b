import { isObject, type JsonObject, listAt, objectAt, textAt } from "../read.ts";

/**
 * A Mesh as a new global control plane can take it: no initial policies (the exported ones follow), and a builtin CA
 * becomes a provided one that points at the exported secrets, so that certificates in use stay valid.
 */
export function prepareForGlobal(type: string, resource: JsonObject): JsonObject {
  if (type !== "Mesh") return resource;
  const mesh = { ...resource, skipCreatingInitialPolicies: ["*"] };
  const backends = listAt(resource, "mtls", "backends").filter(isObject);
  if (!backends.some((backend) => backend.type === "builtin")) return mesh;
  const meshName = textAt(resource, "name");
  return {
    ...mesh,
    mtls: {
      ...objectAt(resource, "mtls"),
      skipValidation: true,
      backends: backends.map((backend) =>
        backend.type === "builtin" ? providedBackend(meshName, backend) : backend,
      ),
    },
  };
}

function providedBackend(meshName: string, backend: JsonObject): JsonObject {
  const name = textAt(backend, "name");
  return {
    ...backend,
    type: "provided",
    conf: {
      cert: { secret: `${meshName}.ca-builtin-cert-${name}` },
      key: { secret: `${meshName}.ca-builtin-key-${name}` },
    },
  };
}

/** Takes one label off a resource, universal or Kubernetes. */
export function removeLabel(resource: JsonObject, label: string): JsonObject {
  if (isObject(resource.metadata)) return { ...resource, metadata: removeLabel(resource.metadata, label) };
  if (!isObject(resource.labels)) return resource;
  const { [label]: _removed, ...labels } = resource.labels;
  const { labels: _all, ...rest } = resource;
  return Object.keys(labels).length === 0 ? rest : { ...resource, labels };
}

const serverFields = ["resourceVersion", "uid", "generation", "ownerReferences", "managedFields"];

/** Drops from a Kubernetes object what another cluster would refuse. */
export function stripServerFields(object: JsonObject): JsonObject {
  const metadata = Object.entries(objectAt(object, "metadata")).filter(
    ([key]) => !serverFields.includes(key),
  );
  return { ...object, metadata: Object.fromEntries(metadata) };
}
