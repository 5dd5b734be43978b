import {
  displayName,
  type MeshExternalServiceResource,
  type MeshMultiZoneServiceResource,
  type MeshServiceResource,
  type Resource,
} from "@skein/model";
import { contains, type DestinationPlan, type TargetRef } from "@skein/policies";

/** Kinds of resources that traffic can be sent to. */
export type CallableKind = Exclude<DestinationPlan["kind"], "ServiceTag">;

/** Those kinds, by name. */
export const CALLABLE_KINDS: readonly CallableKind[] = [
  "MeshService",
  "MeshExternalService",
  "MeshMultiZoneService",
];

/** What can be called, whatever its kind. */
export interface Callable {
  readonly kind: CallableKind;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly creationTime: string;
  readonly ports: readonly CallablePort[];
}

/** One of its ports. */
export interface CallablePort {
  readonly port: number;
  readonly name?: string | undefined;
  /** As it is written; nothing means bytes. */
  readonly appProtocol?: string | undefined;
}

/** Whether resources of a kind can be called. */
export function isCallableKind(kind: string): kind is CallableKind {
  return CALLABLE_KINDS.includes(kind as CallableKind);
}

/** The ports that a `sectionName` means, by name or number; all where it is absent. */
export function portsOfSection({ ports }: Callable, section: string | undefined): readonly CallablePort[] {
  if (section === undefined || section === "") return ports;
  return ports.filter(({ name, port }) => section === name || section === String(port));
}

/** Whether a reference, by name or else by labels, means this service. */
export function isMeant(
  { kind, name, labels }: Pick<TargetRef, "kind" | "name" | "labels">,
  service: Callable,
): boolean {
  if (service.kind !== kind) return false;
  if (name !== undefined) return service.name === name || displayName(service) === name;
  return contains(service.labels, labels ?? {});
}

/** A resource as something to call; undefined where it is nothing of the kind. */
export function callableOf(resource: Resource | undefined): Callable | undefined {
  if (resource === undefined || !isCallableKind(resource.type)) return undefined;
  const { type: kind, name, labels, creationTime } = resource;
  return { kind, name, labels, creationTime, ports: portsOf(kind, resource) };
}

function portsOf(kind: CallableKind, resource: Resource): readonly CallablePort[] {
  switch (kind) {
    case "MeshService":
      return (resource as MeshServiceResource).spec.ports ?? [];
    case "MeshExternalService": {
      const { port, protocol } = (resource as MeshExternalServiceResource).spec.match;
      return [{ port, appProtocol: protocol }];
    }
    case "MeshMultiZoneService":
      return (resource as MeshMultiZoneServiceResource).spec.ports;
  }
}
