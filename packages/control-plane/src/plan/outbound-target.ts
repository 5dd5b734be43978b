import { type DataplaneOutbound, displayName, LABEL, SERVICE_TAG } from "@skein/model";
import { type BackendReference, contains, type DestinationKey, type DestinationPlan } from "@skein/policies";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { tagDestination } from "./destinations.ts";

/**
 * The destination of an explicit outbound: a MeshService by name or labels (the oldest match), or by the service tag
 * of older documents. What cannot be found is an answer that says so: the peer leaves the outbound out in silence.
 */
export function outboundTarget(view: MeshView, outbound: DataplaneOutbound): Outcome<DestinationKey, string> {
  const ref = outbound.backendRef;
  if (ref === undefined) return byServiceTag(view, outbound.tags?.[SERVICE_TAG]);
  if (ref.kind !== "MeshService") return failure(`${ref.kind} is not available in this version`);
  const service = ref.name === undefined ? byLabels(view, ref.labels ?? {}) : byName(view, ref.name);
  if (service === undefined) {
    return failure(
      ref.name === undefined
        ? `no MeshService has the labels ${JSON.stringify(ref.labels ?? {})}`
        : `there is no MeshService "${ref.name}"`,
    );
  }
  const ports = service.spec.ports ?? [];
  const port = ref.port === undefined ? ports[0] : ports.find((candidate) => candidate.port === ref.port);
  if (port === undefined) {
    const known = ports.map((candidate) => candidate.port).join(", ") || "none";
    return failure(`MeshService "${service.name}" has no port ${ref.port ?? "at all"} (its ports: ${known})`);
  }
  return success<DestinationKey>(`${service.name}|${port.port}`);
}

/**
 * The destination of a policy's reference. One that names a MeshService without a port means the port by which the
 * routed destination is called, else the only port. A name that no MeshService has is a service tag, as in older
 * documents, where proxies with that tag exist.
 */
export function backendTarget(
  view: MeshView,
  { ref, zone, namespace }: BackendReference,
  from: DestinationPlan,
): Outcome<DestinationKey, string> {
  if (ref.kind === "MeshServiceSubset") return taggedTarget(view, ref.name ?? "", ref.tags ?? {});
  if (ref.kind !== "MeshService") return failure(`${ref.kind} is not available in this version`);
  const place = { zone, namespace: ref.namespace || namespace };
  const service = ref.name === undefined ? byLabels(view, ref.labels ?? {}) : byName(view, ref.name, place);
  if (service === undefined) {
    if (ref.name === undefined)
      return failure(`no MeshService has the labels ${JSON.stringify(ref.labels ?? {})}`);
    if (view.tagged.at(ref.name).get().length > 0) return success(tagDestination(ref.name));
    return failure(`there is no MeshService "${ref.name}"`);
  }
  const ports = service.spec.ports ?? [];
  const named = ref.sectionName;
  const wanted = ports.find(({ port, name }) => {
    if (ref.port !== undefined) return port === ref.port;
    return named === undefined ? port === from.port : name === named || String(port) === named;
  });
  const only = ref.port === undefined && named === undefined && ports.length === 1 ? ports[0] : undefined;
  const found = wanted ?? only;
  if (found !== undefined) return success<DestinationKey>(`${service.name}|${found.port}`);
  const known = ports.map(({ port }) => port).join(", ") || "none";
  return failure(
    `MeshService "${service.name}" has no port ${ref.port ?? named ?? from.port} (its ports: ${known}); set port`,
  );
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

function byName(view: MeshView, name: string, place: Place = { zone: undefined, namespace: undefined }) {
  const isThere = ({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean =>
    (place.namespace === undefined || labels[LABEL.kubernetesNamespace] === place.namespace) &&
    (place.zone === undefined || labels[LABEL.zone] === undefined || labels[LABEL.zone] === place.zone);
  const exact = view.service.at(name).get();
  if (exact !== undefined && isThere(exact)) return exact;
  return oldest(view, view.renamed.get(), (service) => displayName(service) === name && isThere(service));
}

function byLabels(view: MeshView, labels: Readonly<Record<string, string>>) {
  return oldest(view, view.serviceNames.get(), (service) => contains(service.labels, labels));
}

function oldest(
  view: MeshView,
  names: readonly string[],
  wanted: (service: { name: string; labels: Readonly<Record<string, string>> }) => boolean,
) {
  const found = names.flatMap((name) => view.service.at(name).get() ?? []).filter(wanted);
  return found.sort((a, b) =>
    a.creationTime < b.creationTime ? -1 : a.creationTime > b.creationTime ? 1 : 0,
  )[0];
}
