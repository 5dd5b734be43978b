import { type DataplaneOutbound, displayName, SERVICE_TAG } from "@skein/model";
import { contains } from "@skein/policies";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { type DestinationKey, tagDestination } from "./destinations.ts";

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

function byServiceTag(view: MeshView, tag: string | undefined): Outcome<DestinationKey, string> {
  if (tag === undefined || tag === "")
    return failure("it has neither a backendRef nor the tag kuma.io/service");
  const service = view.service.at(tag).get();
  const port = service?.spec.ports?.[0];
  if (service !== undefined && port !== undefined)
    return success<DestinationKey>(`${service.name}|${port.port}`);
  return success(tagDestination(tag));
}

function byName(view: MeshView, name: string) {
  const exact = view.service.at(name).get();
  if (exact !== undefined) return exact;
  return oldest(view, view.renamed.get(), (service) => displayName(service) === name);
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
