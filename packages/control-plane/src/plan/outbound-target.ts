import { type DataplaneOutbound, displayName, LABEL, SERVICE_TAG } from "@skein/model";
import { type BackendReference, contains, type DestinationKey, type Protocol } from "@skein/policies";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { type Callable, type CallableKind, callableOf, isCallableKind } from "./callable.ts";
import { destinationKey, tagDestination } from "./destination-keys.ts";

/**
 * The destination of an explicit outbound: a service by name or labels (the oldest match), or by the service tag of
 * older documents. What cannot be found is an answer that says so: the peer leaves the outbound out in silence.
 */
export function outboundTarget(view: MeshView, outbound: DataplaneOutbound): Outcome<DestinationKey, string> {
  const ref = outbound.backendRef;
  if (ref === undefined) return byServiceTag(view, outbound.tags?.[SERVICE_TAG]);
  const service =
    ref.name === undefined ? byLabels(view, ref.kind, ref.labels ?? {}) : byName(view, ref.kind, ref.name);
  if (service === undefined) return failure(noSuch(ref));
  const { ports } = service;
  const port = ref.port === undefined ? ports[0] : ports.find((candidate) => candidate.port === ref.port);
  if (port === undefined) return failure(noPort(service, ref.port ?? "at all"));
  return success(destinationKey(service.kind, service.name, port.port));
}

/** What a route sends somewhere else. */
export interface RoutedTraffic {
  readonly protocol: Protocol;
  /** The port by which it was called; absent where callers know nothing of the mesh. */
  readonly port: number | undefined;
}

/**
 * The destination of a policy's reference. One that names a service without a port means the port by which the routed
 * destination is called, else the only port. A name that no MeshService has is a service tag, as in older documents,
 * where proxies with that tag exist.
 */
export function backendTarget(
  view: MeshView,
  { ref, zone, namespace }: BackendReference,
  from: RoutedTraffic,
): Outcome<DestinationKey, string> {
  const { kind } = ref;
  if (kind === "MeshServiceSubset") return taggedTarget(view, ref.name ?? "", ref.tags ?? {});
  if (!isCallableKind(kind)) return failure(`${kind} is nothing that traffic can be sent to`);
  const place = { zone, namespace: ref.namespace || namespace };
  const service =
    ref.name === undefined
      ? byLabels(view, kind, ref.labels ?? {})
      : byName(view, kind, ref.name, kind === "MeshService" ? place : undefined);
  if (service === undefined) {
    if (kind === "MeshService" && ref.name !== undefined && view.tagged.at(ref.name).get().length > 0) {
      return success(tagDestination(ref.name));
    }
    return failure(noSuch(ref));
  }
  const { ports } = service;
  const named = ref.sectionName;
  const wanted = ports.find(({ port, name }) => {
    if (ref.port !== undefined) return port === ref.port;
    return named === undefined ? port === from.port : name === named || String(port) === named;
  });
  const only = ref.port === undefined && named === undefined && ports.length === 1 ? ports[0] : undefined;
  const found = wanted ?? only;
  if (found !== undefined) return success(destinationKey(service.kind, service.name, found.port));
  const asked = ref.port ?? named ?? from.port;
  return failure(
    asked === undefined
      ? `${kind} "${service.name}" has several ports (${portsText(service)}); set port`
      : `${noPort(service, asked)}; set port`,
  );
}

function noSuch(ref: {
  readonly kind: string;
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}): string {
  return ref.name === undefined
    ? `no ${ref.kind} has the labels ${JSON.stringify(ref.labels ?? {})}`
    : `there is no ${ref.kind} "${ref.name}"`;
}

function noPort(service: Callable, wanted: number | string): string {
  return `${service.kind} "${service.name}" has no port ${wanted} (its ports: ${portsText(service)})`;
}

function portsText({ ports }: Callable): string {
  return ports.map(({ port }) => port).join(", ") || "none";
}

function taggedTarget(
  view: MeshView,
  service: string,
  tags: Readonly<Record<string, string>>,
): Outcome<DestinationKey, string> {
  return view.tagged.at(service).get().length > 0
    ? success(tagDestination(service, tags))
    : failure(`no proxy has the tag kuma.io/service: ${service}`);
}

function byServiceTag(view: MeshView, tag: string | undefined): Outcome<DestinationKey, string> {
  if (tag === undefined || tag === "")
    return failure("it has neither a backendRef nor the tag kuma.io/service");
  const service = view.service.at(tag).get();
  const port = service?.spec.ports?.[0];
  if (service !== undefined && port !== undefined)
    return success<DestinationKey>(`${service.name}|${port.port}`);
  return success(tagDestination(tag));
}

/** Where a reference was written; a name means the resource of that place, as far as the place is known. */
interface Place {
  readonly zone: string | undefined;
  readonly namespace: string | undefined;
}

function byName(view: MeshView, kind: CallableKind, name: string, place?: Place): Callable | undefined {
  const isThere = ({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean =>
    (place?.namespace === undefined || labels[LABEL.kubernetesNamespace] === place.namespace) &&
    (place?.zone === undefined || labels[LABEL.zone] === undefined || labels[LABEL.zone] === place.zone);
  const exact = callable(view, kind, name);
  if (exact !== undefined && isThere(exact)) return exact;
  // Of MeshServices there may be tens of thousands; those that are called by another name are few.
  const names = kind === "MeshService" ? view.renamed.get() : namesOf(view, kind);
  return oldest(view, kind, names, (service) => displayName(service) === name && isThere(service));
}

function byLabels(view: MeshView, kind: CallableKind, labels: Readonly<Record<string, string>>) {
  return oldest(view, kind, namesOf(view, kind), (service) => contains(service.labels, labels));
}

function namesOf(view: MeshView, kind: CallableKind): readonly string[] {
  switch (kind) {
    case "MeshService":
      return view.serviceNames.get();
    case "MeshExternalService":
      return view.externalServices.names.get();
    case "MeshMultiZoneService":
      return view.multiZoneServices.names.get();
  }
}

function callable(view: MeshView, kind: CallableKind, name: string): Callable | undefined {
  switch (kind) {
    case "MeshService":
      return callableOf(view.service.at(name).get());
    case "MeshExternalService":
      return callableOf(view.externalServices.at(name).get());
    case "MeshMultiZoneService":
      return callableOf(view.multiZoneServices.at(name).get());
  }
}

function oldest(
  view: MeshView,
  kind: CallableKind,
  names: readonly string[],
  wanted: (service: Callable) => boolean,
): Callable | undefined {
  const found = names.flatMap((name) => callable(view, kind, name) ?? []).filter(wanted);
  return found.sort((a, b) =>
    a.creationTime < b.creationTime ? -1 : a.creationTime > b.creationTime ? 1 : 0,
  )[0];
}
