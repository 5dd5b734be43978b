import {
  type DataplaneResource,
  LABEL,
  type MeshServicePort,
  type MeshServiceSpec,
  type MeshServiceStatus,
  SERVICE_TAG,
} from "@skein/model";
import { isReady } from "../plan/destinations.ts";
import { isTarget } from "../view/selectable.ts";
import { isLocal, type MeshServiceDraft, revised } from "./draft.ts";
import type { DataplaneFacts } from "./settings.ts";

/** What a service's status is made of besides the service. */
export interface ServiceStatusInput {
  /** The dataplanes that the service selects. */
  readonly members: readonly DataplaneResource[];
  /** The mesh has mTLS of its own or a MeshIdentity. */
  readonly tlsEnabled: boolean;
  readonly facts: DataplaneFacts;
}

/**
 * The service with what its dataplanes say about it: counts, availability, identities and readiness for TLS. A proxy
 * is healthy when every port has an inbound that takes traffic, as endpoints count them. Copies of other zones'
 * services are left as they are.
 *
 * TLS stays `Ready` once it is, for as long as the mesh has any: new instances that have no certificate yet must not
 * send the clients of the whole service back to plaintext.
 */
export function withStatus(draft: MeshServiceDraft, input: ServiceStatusInput): MeshServiceDraft {
  if (!isLocal(draft)) return draft;
  const { members, facts, tlsEnabled } = input;
  let connected = 0;
  let healthy = 0;
  for (const member of members) {
    if (facts.connected(draft.mesh, member.name)) connected++;
    if (isHealthy(draft, member)) healthy++;
  }
  const isTlsReady =
    tlsEnabled &&
    (draft.status?.tls?.status === "Ready" || members.every((member) => facts.acceptsTls(member)));
  const status: MeshServiceStatus = {
    ...draft.status,
    tls: { status: isTlsReady ? "Ready" : "NotReady" },
    dataplaneProxies: { connected, healthy, total: members.length },
  };
  const { identities: _, ...rest } = draft.spec;
  const identities = identitiesOf(members, facts);
  const spec: MeshServiceSpec = {
    ...rest,
    state: healthy > 0 ? "Available" : "Unavailable",
    ...(identities.length === 0 ? {} : { identities }),
  };
  return revised(draft, { spec, status });
}

/** The identities of a service's dataplanes: values of the service tag, or the workload, then SPIFFE ids; each sorted. */
function identitiesOf(
  members: readonly DataplaneResource[],
  facts: ServiceStatusInput["facts"],
): NonNullable<MeshServiceSpec["identities"]> {
  const tags = new Set<string>();
  const ids = new Set<string>();
  for (const member of members) {
    for (const tag of serviceTags(member)) tags.add(tag);
    for (const id of facts.identitiesOf(member)) ids.add(id);
  }
  return [
    ...[...tags].sort().map((value) => ({ type: "ServiceTag" as const, value })),
    ...[...ids].sort().map((value) => ({ type: "SpiffeID" as const, value })),
  ];
}

function serviceTags(dataplane: DataplaneResource): readonly string[] {
  const tags = (dataplane.spec.networking?.inbound ?? []).flatMap(({ tags }) => tags?.[SERVICE_TAG] || []);
  const workload = dataplane.labels[LABEL.workload];
  return tags.length === 0 && workload ? [workload] : tags;
}

function isHealthy({ spec }: MeshServiceDraft, dataplane: DataplaneResource): boolean {
  const service = spec.selector?.dataplaneTags?.[SERVICE_TAG];
  return (spec.ports ?? []).every((port) => hasReadyInbound(dataplane, port, service));
}

function hasReadyInbound(
  dataplane: DataplaneResource,
  port: MeshServicePort,
  service: string | undefined,
): boolean {
  return (dataplane.spec.networking?.inbound ?? []).some((inbound) => {
    const own = inbound.tags?.[SERVICE_TAG];
    const isOther = service !== undefined && service !== "*" && own !== undefined && own !== service;
    return isTarget(inbound, port) && !isOther && isReady(inbound);
  });
}
