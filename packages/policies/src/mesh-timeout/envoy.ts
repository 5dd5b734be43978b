import { create } from "@bufbuild/protobuf";
import { HttpProtocolOptionsSchema as CommonSchema } from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import type { Route } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { HttpProtocolOptions } from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import type { GatewayChainDraft, InboundDraft, OutboundDraft } from "../draft.ts";
import { type ByCaller, forCallers } from "../engine/by-caller.ts";
import { type ByRoute, forRoute } from "../engine/by-route.ts";
import { duration } from "../envoy-values.ts";
import type { Merged } from "../plan/origin.ts";
import {
  type BuiltInTimeouts,
  GATEWAY_TIMEOUTS,
  INBOUND_TIMEOUTS,
  LISTENER_TIMEOUTS,
  OUTBOUND_TIMEOUTS,
} from "./built-in.ts";
import type { MeshTimeoutConf } from "./conf.ts";

/** Timeouts between this proxy and the destination. */
export function outboundTimeouts(plan: ByRoute<MeshTimeoutConf> | undefined, draft: OutboundDraft): void {
  const conf = plan?.conf ?? {};
  const builtIn = draft.fromGateway === true ? GATEWAY_TIMEOUTS : OUTBOUND_TIMEOUTS;
  connectionTimeouts(conf, builtIn, draft);
  for (const each of draft.routes) requestTimeouts(forRoute(plan, each)?.conf ?? {}, builtIn, each.route);
  const headers = conf.http?.requestHeadersTimeout;
  if (draft.hcm !== undefined && headers !== undefined) draft.hcm.requestHeadersTimeout = duration(headers);
}

/** Timeouts between this proxy and its application. */
export function inboundTimeouts(plan: ByCaller<MeshTimeoutConf> | undefined, draft: InboundDraft): void {
  const conf = plan?.conf ?? {};
  connectionTimeouts(conf, INBOUND_TIMEOUTS, draft);
  for (const each of draft.routes) {
    requestTimeouts(forCallers(plan, each.caller)?.conf ?? {}, INBOUND_TIMEOUTS, each.route);
  }
  if (draft.hcm !== undefined) {
    draft.hcm.requestHeadersTimeout = duration(conf.http?.requestHeadersTimeout ?? "0s");
    draft.hcm.streamIdleTimeout = duration(conf.http?.streamIdleTimeout ?? INBOUND_TIMEOUTS.streamIdle);
  }
}

/**
 * Timeouts between a built-in gateway and its clients. Here nobody else ends connections that lie idle, and a request
 * must come in whole within its timeout too.
 */
export function clientTimeouts(plan: Merged<MeshTimeoutConf> | undefined, draft: GatewayChainDraft): void {
  const { idleTimeout, http } = plan?.conf ?? {};
  const idle = duration(idleTimeout ?? LISTENER_TIMEOUTS.idle);
  if (draft.tcp !== undefined) draft.tcp.idleTimeout = idle;
  if (draft.hcm === undefined) return;
  draft.hcm.commonHttpProtocolOptions ??= create(CommonSchema);
  draft.hcm.commonHttpProtocolOptions.idleTimeout = idle;
  draft.hcm.requestHeadersTimeout = duration(http?.requestHeadersTimeout ?? LISTENER_TIMEOUTS.requestHeaders);
  draft.hcm.streamIdleTimeout = duration(http?.streamIdleTimeout ?? LISTENER_TIMEOUTS.streamIdle);
  if (http?.requestTimeout !== undefined) draft.hcm.requestTimeout = duration(http.requestTimeout);
}

/** What a route says wins over the connection manager's limit, so only these two can depend on route and caller. */
function requestTimeouts({ http }: MeshTimeoutConf, fallback: BuiltInTimeouts, { action }: Route): void {
  if (action.case !== "route") return;
  action.value.timeout = duration(http?.requestTimeout ?? fallback.request);
  action.value.idleTimeout = duration(http?.streamIdleTimeout ?? fallback.streamIdle);
}

function connectionTimeouts(
  conf: MeshTimeoutConf,
  fallback: BuiltInTimeouts,
  draft: OutboundDraft | InboundDraft,
): void {
  draft.cluster.connectTimeout = duration(conf.connectionTimeout ?? fallback.connection);
  const idle = duration(conf.idleTimeout ?? fallback.idle);
  if (draft.tcp !== undefined) {
    draft.tcp.idleTimeout = idle;
    return;
  }
  poolTimeouts(conf, idle, draft.httpOptions);
  if (draft.hcm !== undefined) {
    // The idle limit belongs to the connection pool; a second one here would race with it.
    draft.hcm.commonHttpProtocolOptions ??= create(CommonSchema);
    draft.hcm.commonHttpProtocolOptions.idleTimeout = duration("0s");
  }
}

function poolTimeouts(
  conf: MeshTimeoutConf,
  idle: ReturnType<typeof duration>,
  options: HttpProtocolOptions,
): void {
  options.commonHttpProtocolOptions ??= create(CommonSchema);
  const common = options.commonHttpProtocolOptions;
  common.idleTimeout = idle;
  common.maxStreamDuration = duration(conf.http?.maxStreamDuration ?? "0s");
  common.maxConnectionDuration = duration(conf.http?.maxConnectionDuration ?? "0s");
}
