import {
  type DataplaneRejection,
  type DataplaneSubscription,
  type DiscoveryCounters,
  dataplaneInsightKind,
} from "@skein/model";
import { timestamp } from "../store/timestamp.ts";
import type { Acknowledgement } from "../xds/fleet.ts";
import type { XdsType } from "../xds/fragment.ts";

/** Where a proxy's certificate came from and how long it lasts; times are RFC 3339. */
export interface IdentityReport {
  /** KRI of the MeshIdentity, or the name of the Mesh's backend. */
  readonly issuedBackend: string;
  readonly supportedBackends: readonly string[];
  /** Absent where somebody else issues the certificate. */
  readonly issued?: { readonly at: string; readonly expires: string };
}

/** What is known of a stream when it opens. */
export interface SessionStart {
  /** Unique among all streams. */
  readonly id: string;
  readonly controlPlaneInstanceId: string;
  /** Envoy's node metadata. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export type Counter = "sent" | "acknowledged" | "rejected";

/** The live side of a subscription. */
export interface SessionState {
  readonly start: SessionStart;
  readonly connectTime: string;
  disconnectTime: string | undefined;
  /** Milliseconds since the epoch: it is written down for every answer and read for few. */
  lastUpdateTime: number | undefined;
  generation: number;
  readonly counts: Map<XdsType, Record<Counter, number>>;
  /** What the proxy refuses right now. */
  readonly rejections: Map<XdsType, readonly DataplaneRejection[]>;
  identity: IdentityReport | undefined;
  /** Certificates issued since the last flush. */
  unflushedCertificates: number;
}

/** At most this many refused resources are stored for one proxy: one bad policy can spoil hundreds. */
const MAXIMUM_REJECTIONS = 20;

const WIRE_NAMES = [
  ["cds", "cluster"],
  ["eds", "endpoint"],
  ["lds", "listener"],
  ["rds", "route"],
] as const;

const TYPE_URLS: Readonly<Record<XdsType, string>> = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoint: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  runtime: "type.googleapis.com/envoy.service.runtime.v3.Runtime",
};

/** The stored form of a live session. */
export function subscriptionOf(state: SessionState): DataplaneSubscription {
  const byType = WIRE_NAMES.map(([key, type]) => [key, counts([state.counts.get(type)])] as const);
  const version = versionOf(state.start.metadata);
  return {
    id: state.start.id,
    controlPlaneInstanceId: state.start.controlPlaneInstanceId,
    connectTime: state.connectTime,
    ...(state.disconnectTime === undefined ? {} : { disconnectTime: state.disconnectTime }),
    ...(state.generation === 0 ? {} : { generation: state.generation }),
    status: {
      ...(state.lastUpdateTime === undefined ? {} : { lastUpdateTime: timestamp(state.lastUpdateTime) }),
      total: counts([...state.counts.values()]),
      ...Object.fromEntries(byType),
    },
    ...(version === undefined ? {} : { version }),
  };
}

/** What the proxy refuses right now, as a DataplaneInsight stores it. */
export function rejectionsOf(state: SessionState): DataplaneRejection[] {
  return [...state.rejections.values()].flat().slice(0, MAXIMUM_REJECTIONS);
}

/** What a negative answer says, resource by resource. */
export function rejectionsIn(ack: Acknowledgement, time: string): readonly DataplaneRejection[] {
  const { rejected } = ack;
  if (!rejected) return [];
  return rejected.resources.slice(0, MAXIMUM_REJECTIONS).map(({ name, origins }) => ({
    time,
    revision: ack.revision,
    typeUrl: TYPE_URLS[ack.type],
    resource: name,
    message: rejected.message,
    ...(origins.length === 0 ? {} : { origins: [...origins] }),
  }));
}

/** The list with `current` in it, without the oldest ones beyond `limit`. */
export function withSubscription(
  stored: readonly DataplaneSubscription[],
  current: DataplaneSubscription,
  limit: number,
): DataplaneSubscription[] {
  const others = stored.filter(({ id }) => id !== current.id);
  const index = stored.findIndex(({ id }) => id === current.id);
  const merged = index < 0 ? [...others, current] : others.toSpliced(index, 0, current);
  return merged.slice(Math.max(0, merged.length - limit));
}

function counts(parts: readonly (Readonly<Record<Counter, number>> | undefined)[]): DiscoveryCounters {
  const sum = (counter: Counter) => parts.reduce((total, part) => total + (part?.[counter] ?? 0), 0);
  const [sent, acknowledged, rejected] = [sum("sent"), sum("acknowledged"), sum("rejected")];
  return {
    ...(sent === 0 ? {} : { responsesSent: String(sent) }),
    ...(acknowledged === 0 ? {} : { responsesAcknowledged: String(acknowledged) }),
    ...(rejected === 0 ? {} : { responsesRejected: String(rejected) }),
  };
}

/** The versions in Envoy's node metadata, where they are of the shape that launchers send. */
function versionOf(metadata: Readonly<Record<string, unknown>>): DataplaneSubscription["version"] {
  const parsed = dataplaneInsightKind.spec.safeParse({
    subscriptions: [{ id: "", version: metadata.version }],
  });
  return parsed.data?.subscriptions?.[0]?.version;
}
