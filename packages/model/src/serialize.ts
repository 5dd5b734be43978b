import type { KindDefinition } from "./kind.ts";
import { kriOf } from "./kri.ts";
import type { NewResource, Resource } from "./resource.ts";
import { sniOf } from "./sni.ts";

/** The server name of one port of a destination. */
export interface PortSni {
  readonly port: number;
  readonly sni: string;
}

/** The server names of all ports of a destination, by port; empty for other kinds. */
export function snisOf<Spec>(kind: KindDefinition<Spec>, resource: NewResource<Spec>): readonly PortSni[] {
  return (kind.servicePorts?.(resource.spec) ?? [])
    .map((port) => ({ port: port.port, sni: sniOf(kind, resource, port) }))
    .toSorted((a, b) => a.port - b.port);
}

/**
 * The JSON form of a resource in the API, keys in the documented order. A resource that is not stored yet has no
 * times. `extra` is put at the end, for answers that add keys of their own.
 */
export function toApiJson<Spec>(
  kind: KindDefinition<Spec>,
  resource: Resource<Spec> | NewResource<Spec>,
  extra: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const json: Record<string, unknown> = { type: resource.type };
  if (kind.scope === "Mesh") json.mesh = resource.mesh;
  json.name = resource.name;
  if ("creationTime" in resource) {
    json.creationTime = resource.creationTime;
    json.modificationTime = resource.modificationTime;
  }
  if (Object.keys(resource.labels).length > 0) json.labels = resource.labels;
  const kri = kriOf(kind, resource);
  if (kri !== undefined) json.kri = kri;
  const snis = snisOf(kind, resource);
  if (kind.hasSnis === true && snis.length > 0) json.snis = snis;
  if (kind.shape === "flat") Object.assign(json, resource.spec);
  else json.spec = resource.spec;
  if (kind.hasStatus) json.status = resource.status ?? {};
  return Object.assign(json, extra);
}
