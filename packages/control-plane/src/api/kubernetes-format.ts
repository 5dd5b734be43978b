import type { KindDefinition, Resource } from "@skein/model";
import type { FastifyRequest } from "fastify";
import { child, text } from "../insights/fields.ts";
import { Problem, titles } from "./problem.ts";
import { queryOf } from "./query.ts";

const SYSTEM_NAMESPACE = "kuma-system";

/**
 * Whether `format` of the query asks for a Kubernetes object.
 * @throws Problem 400
 */
export function isKubernetesFormat(request: FastifyRequest): boolean {
  const format = queryOf(request).get("format") ?? "";
  if (format === "" || format === "universal") return false;
  if (format === "k8s" || format === "kubernetes") return true;
  throw new Problem(400, titles.retrieve, "Resource is not valid", [
    { field: "", reason: `format "${format}" is not one of universal, k8s, kubernetes` },
  ]);
}

/** A resource as the Kubernetes object that would be applied for it. Of its labels only the mesh is kept. */
export function toKubernetesJson(
  kind: KindDefinition,
  resource: Resource,
  namespace: string | null,
): Record<string, unknown> {
  const inMesh = kind.scope === "Mesh" ? { mesh: resource.mesh } : {};
  const inNamespace =
    kind.scope === "Mesh" || kind.adminOnly ? { namespace: namespace || SYSTEM_NAMESPACE } : {};
  const metadata = { name: resource.name, ...inNamespace, creationTimestamp: resource.creationTime };
  const withLabel =
    kind.scope === "Mesh" ? { ...metadata, labels: { "kuma.io/mesh": resource.mesh } } : metadata;
  if (kind.adminOnly) {
    const type = kind.scope === "Mesh" ? "secret" : "global-secret";
    return {
      kind: "Secret",
      apiVersion: "v1",
      metadata: withLabel,
      data: { value: text(child({ spec: resource.spec }, "spec"), "data") },
      type: `system.kuma.io/${type}`,
    };
  }
  const head = { kind: kind.type, apiVersion: "kuma.io/v1alpha1" };
  if (kind.shape === "flat") return { ...head, ...inMesh, metadata, spec: resource.spec };
  return { ...head, metadata: withLabel, spec: resource.spec };
}
