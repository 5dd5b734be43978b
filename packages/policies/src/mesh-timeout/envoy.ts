import { create } from "@bufbuild/protobuf";
import { HttpProtocolOptionsSchema as CommonSchema } from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import type { HttpProtocolOptions } from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import type { InboundDraft, OutboundDraft } from "../draft.ts";
import { duration } from "../envoy-values.ts";
import type { MeshTimeoutConf } from "./conf.ts";

/** What holds on outbounds where no policy sets the field. */
const OUTBOUND = { connection: "5s", idle: "1h", request: "15s", streamIdle: "30m" };
/** What holds on inbounds where no policy sets the field: nothing is cut short that the caller still waits for. */
const INBOUND = { connection: "10s", idle: "2h", request: "0s", streamIdle: "1h" };

interface Fallbacks {
  readonly connection: string;
  readonly idle: string;
  readonly request: string;
  readonly streamIdle: string;
}

/** Timeouts between this proxy and the destination. */
export function outboundTimeouts(conf: MeshTimeoutConf, draft: OutboundDraft): void {
  apply(conf, OUTBOUND, draft);
  const headers = conf.http?.requestHeadersTimeout;
  if (draft.hcm !== undefined && headers !== undefined) draft.hcm.requestHeadersTimeout = duration(headers);
}

/** Timeouts between this proxy and its application. */
export function inboundTimeouts(conf: MeshTimeoutConf, draft: InboundDraft): void {
  apply(conf, INBOUND, draft);
  if (draft.hcm !== undefined) {
    draft.hcm.requestHeadersTimeout = duration(conf.http?.requestHeadersTimeout ?? "0s");
    draft.hcm.streamIdleTimeout = duration(conf.http?.streamIdleTimeout ?? INBOUND.streamIdle);
  }
}

function apply(conf: MeshTimeoutConf, fallback: Fallbacks, draft: OutboundDraft | InboundDraft): void {
  draft.cluster.connectTimeout = duration(conf.connectionTimeout ?? fallback.connection);
  const idle = duration(conf.idleTimeout ?? fallback.idle);
  if (draft.tcp !== undefined) {
    draft.tcp.idleTimeout = idle;
    return;
  }
  connectionTimeouts(conf, idle, draft.httpOptions);
  if (draft.hcm !== undefined) {
    // The idle limit belongs to the connection pool; a second one here would race with it.
    draft.hcm.commonHttpProtocolOptions ??= create(CommonSchema);
    draft.hcm.commonHttpProtocolOptions.idleTimeout = duration("0s");
  }
  for (const route of draft.routes) {
    if (route.action.case !== "route") continue;
    route.action.value.timeout = duration(conf.http?.requestTimeout ?? fallback.request);
    route.action.value.idleTimeout = duration(conf.http?.streamIdleTimeout ?? fallback.streamIdle);
  }
}

function connectionTimeouts(
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
