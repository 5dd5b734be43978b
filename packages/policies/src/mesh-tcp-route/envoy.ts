import { create } from "@bufbuild/protobuf";
import {
  TcpProxy_WeightedCluster_ClusterWeightSchema as ClusterWeightSchema,
  type TcpProxy,
  TcpProxy_WeightedClusterSchema as WeightedClusterSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import type { OutboundDraft } from "../draft.ts";
import { type LiveBackend, liveBackends } from "../engine/backends.ts";
import { sendToBackends } from "../engine/weighted-clusters.ts";
import type { TcpRoutePlan } from "./policy.ts";

/** A cluster that nobody defines: Envoy closes connections that lead there. */
const NOBODY = "skein_no_backend";

/**
 * Shares connections out. Where the destination speaks HTTP its requests are shared out instead, so that they keep
 * their timeouts and retries.
 */
export function tcpSplit(plan: TcpRoutePlan, draft: OutboundDraft): void {
  const live = liveBackends(plan.backends, draft.backends);
  if (draft.tcp === undefined) {
    for (const { route } of draft.routes)
      sendToBackends(route, live, "no backend of the MeshTCPRoute can be served");
    return;
  }
  shareOut(live, draft.tcp);
}

/** Shares out the connections that a built-in gateway does not read. */
export function shareConnections(
  plan: TcpRoutePlan,
  backends: OutboundDraft["backends"],
  tcp: TcpProxy,
): void {
  shareOut(liveBackends(plan.backends, backends), tcp);
}

function shareOut(live: readonly LiveBackend[], tcp: TcpProxy): void {
  const [first] = live;
  tcp.clusterSpecifier =
    live.length < 2
      ? { case: "cluster", value: first?.clusterName ?? NOBODY }
      : {
          case: "weightedClusters",
          value: create(WeightedClusterSchema, {
            clusters: live.map(({ clusterName, weight }) =>
              create(ClusterWeightSchema, { name: clusterName, weight }),
            ),
          }),
        };
}
