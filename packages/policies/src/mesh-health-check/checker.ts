import { create } from "@bufbuild/protobuf";
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
  HeaderValueOptionSchema,
  HeaderValueSchema,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  HealthCheck_GrpcHealthCheckSchema as GrpcSchema,
  type HealthCheck,
  HealthCheck_HttpHealthCheckSchema as HttpSchema,
  HealthCheck_PayloadSchema as PayloadSchema,
  HealthCheck_TcpHealthCheckSchema as TcpSchema,
} from "@skein/envoy-api/envoy/config/core/v3/health_check_pb";
import { CodecClientType } from "@skein/envoy-api/envoy/type/v3/http_pb";
import { Int64RangeSchema } from "@skein/envoy-api/envoy/type/v3/range_pb";
import type { OutboundDraft } from "../draft.ts";
import { headerText } from "../header-text.ts";
import type { GrpcCheck, HttpCheck, MeshHealthCheckConf, TcpCheck } from "./conf.ts";
import { payloadHex } from "./payload.ts";

type Checker = HealthCheck["healthChecker"];

/**
 * What instances are asked: the question of the destination's protocol. Where that one is there but disabled, the TCP
 * question takes its place; where it is missing, nothing does.
 */
export function checker(conf: MeshHealthCheckConf, draft: OutboundDraft): Checker | undefined {
  const { http, grpc } = conf;
  const tcp = conf.tcp === undefined || conf.tcp.disabled === true ? undefined : tcpChecker(conf.tcp);
  switch (draft.protocol) {
    case "tcp":
      return tcp;
    case "grpc":
      return grpc === undefined ? undefined : grpc.disabled === true ? tcp : grpcChecker(grpc);
    case "http":
    case "http2":
      return http === undefined ? undefined : http.disabled === true ? tcp : httpChecker(http, draft);
  }
}

function httpChecker(conf: HttpCheck, { protocol, requestHeaders }: OutboundDraft): Checker {
  const { set = [], add = [] } = conf.requestHeadersToAdd ?? {};
  return {
    case: "httpHealthCheck",
    value: create(HttpSchema, {
      path: conf.path ?? "/",
      codecClientType: protocol === "http2" ? CodecClientType.HTTP2 : CodecClientType.HTTP1,
      expectedStatuses: (conf.expectedStatuses ?? []).map((status) =>
        create(Int64RangeSchema, { start: BigInt(status), end: BigInt(status + 1) }),
      ),
      requestHeadersToAdd: [
        // What the callee's rules expect of every request, they expect of this one.
        ...Array.from(requestHeaders, ([name, value]) =>
          header(name, value, AppendAction.OVERWRITE_IF_EXISTS_OR_ADD),
        ),
        ...set.flatMap(({ name, value }) =>
          values(value).map((each, i) =>
            header(
              name,
              each,
              i === 0 ? AppendAction.OVERWRITE_IF_EXISTS_OR_ADD : AppendAction.APPEND_IF_EXISTS_OR_ADD,
            ),
          ),
        ),
        ...add.flatMap(({ name, value }) =>
          values(value).map((each) => header(name, each, AppendAction.APPEND_IF_EXISTS_OR_ADD)),
        ),
      ],
    }),
  };
}

/** A list in one text is several headers. */
function values(text: string): readonly string[] {
  return text.split(",").map((each) => headerText(each.trim()));
}

function header(key: string, value: string, appendAction: AppendAction): HeaderValueOption {
  return create(HeaderValueOptionSchema, { header: create(HeaderValueSchema, { key, value }), appendAction });
}

function grpcChecker({ serviceName, authority }: GrpcCheck): Checker {
  return {
    case: "grpcHealthCheck",
    value: create(GrpcSchema, {
      ...(serviceName === undefined ? {} : { serviceName }),
      ...(authority === undefined ? {} : { authority }),
    }),
  };
}

function tcpChecker({ send, receive }: TcpCheck): Checker {
  const payload = (text: string) =>
    create(PayloadSchema, { payload: { case: "text", value: payloadHex(text) } });
  return {
    case: "tcpHealthCheck",
    value: create(TcpSchema, {
      ...(send === undefined || send === "" ? {} : { send: payload(send) }),
      receive: (receive ?? []).filter((text) => text !== "").map(payload),
    }),
  };
}
