import { create } from "@bufbuild/protobuf";
import { ApiVersion } from "@skein/envoy-api/envoy/config/core/v3/config_source_pb";
import {
  GrpcService_EnvoyGrpcSchema as EnvoyGrpcSchema,
  GrpcServiceSchema,
} from "@skein/envoy-api/envoy/config/core/v3/grpc_service_pb";
import {
  BufferSettingsSchema,
  ExtAuthzSchema,
} from "@skein/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb";
import { HttpStatusSchema, type StatusCode } from "@skein/envoy-api/envoy/type/v3/http_status_pb";
import type { GatewayHostDraft, InboundDraft } from "../draft.ts";
import { addHostFilter, setForHost, switchedOff } from "../engine/gateway-filters.ts";
import { addHttpFilter } from "../engine/http-filters.ts";
import { duration } from "../envoy-values.ts";
import { serviceCluster } from "../service-cluster.ts";
import type { AuthConfig } from "./conf.ts";
import { meshOpaKind } from "./kind.ts";

/** Where an agent is asked that does not listen elsewhere. */
export const DEFAULT_AGENT = "localhost:9191";

const FILTER = "envoy.filters.http.ext_authz";
const DEFAULT_STATUS = 403;
/** Envoy's own 200 ms are short for a rule that asks another service. */
const TIMEOUT = "5s";

/**
 * Has Envoy ask the proxy's agent before a request goes on, once permissions and limits have let it. The rules are not in
 * here: the agent has them, so a change of them replaces no listener.
 */
export function askAgent(plan: Deciding, { hcm, services }: Pick<InboundDraft, "hcm" | "services">): void {
  if (hcm === undefined) return;
  const { service, filter } = question(plan);
  services.set(service.cluster.name, service);
  addHttpFilter(hcm, FILTER, ExtAuthzSchema, filter);
}

/** The same for one listener of a gateway alone. `isAsked`: its port has a question of its own for all listeners. */
export function askAgentForHost(plan: Deciding, draft: GatewayHostDraft, isAsked: boolean): void {
  const { service, filter } = question(plan);
  draft.chain.services.set(service.cluster.name, service);
  if (isAsked) setForHost(draft, FILTER, switchedOff());
  addHostFilter(draft, FILTER, ExtAuthzSchema, filter);
}

interface Deciding {
  readonly conf: { readonly authConfig?: AuthConfig | undefined };
  readonly agent: string;
}

function question({ conf, agent }: Deciding) {
  const { statusOnError, onAgentFailure, requestBody } = conf.authConfig ?? {};
  const url = new URL(`http://${agent}`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const cluster = `opa-agent:${agent}`;
  return {
    // An agent that was told "localhost" listens there; looking the name up could give the other address family.
    service: {
      cluster: serviceCluster(cluster, host === "localhost" ? "127.0.0.1" : host, Number(url.port || 80)),
      askedBy: meshOpaKind.type,
    },
    filter: create(ExtAuthzSchema, {
      services: {
        case: "grpcService",
        value: create(GrpcServiceSchema, {
          targetSpecifier: {
            case: "envoyGrpc",
            value: create(EnvoyGrpcSchema, { clusterName: cluster }),
          },
          timeout: duration(TIMEOUT),
        }),
      },
      transportApiVersion: ApiVersion.V3,
      failureModeAllow: onAgentFailure === "Allow",
      statusOnError: create(HttpStatusSchema, { code: (statusOnError ?? DEFAULT_STATUS) as StatusCode }),
      ...body(requestBody),
    }),
  };
}

function body(conf: AuthConfig["requestBody"]) {
  if ((conf?.maxSize ?? 0) === 0) return {};
  return {
    withRequestBody: create(BufferSettingsSchema, {
      maxRequestBytes: conf?.maxSize ?? 0,
      allowPartialMessage: true,
      packAsBytes: conf?.sendRawBody === true,
    }),
  };
}
