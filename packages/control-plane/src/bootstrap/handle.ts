import { X509Certificate } from "node:crypto";
import { type DataplaneResource, type LabelContext, type MeshResource, SERVICE_TAG } from "@skein/model";
import { stringify } from "yaml";
import type { Config } from "../config/config.ts";
import { parseJson } from "../parse-json.ts";
import { parseDataplane } from "../pipeline/registration.ts";
import { launcherRedirect } from "../plan/redirect.ts";
import type { Store } from "../store/store.ts";
import { isBuiltinGateway } from "../view/gateways.ts";
import { StreamRefused } from "../xds/fleet.ts";
import { generateBootstrap } from "./generate.ts";
import { type BootstrapRequest, bootstrapRequestSchema } from "./request.ts";

export interface BootstrapEnvironment {
  readonly store: Store;
  readonly config: Config;
  readonly labels: LabelContext;
  /** The control plane's own certificate, which signs itself. */
  readonly serverCertPem: string;
  readonly xdsPort: () => number;
  readonly needsToken: boolean;
}

/** Status, content type and body of an answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/**
 * Answers `POST /bootstrap`: 422 for what the launcher's user must mend, 400 where the control plane cannot be trusted
 * under the name it was called by, 404 without a body for a proxy that may still be created.
 */
export function handleBootstrap(
  environment: BootstrapEnvironment,
  body: string,
  headers: { readonly host: string | undefined; readonly accept: string | undefined },
): HttpAnswer {
  const parsed = bootstrapRequestSchema.safeParse(parseJson(body));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    return refuse(422, `the bootstrap request is not valid: ${field}${issue?.message ?? ""}`);
  }
  const request = parsed.data;
  const { store, config, labels } = environment;
  if (request.proxyType === "ingress" || request.proxyType === "egress") {
    return refuse(422, `zone ${request.proxyType} proxies are not available in this version`);
  }
  if (environment.needsToken && !request.dataplaneToken?.trim()) {
    return refuse(422, "a dataplane token is needed: give the proxy one with --dataplane-token-file");
  }
  const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name: request.mesh });
  if (mesh === undefined) return refuse(422, `there is no mesh "${request.mesh}"`);
  let dataplane: Pick<DataplaneResource, "spec" | "labels"> | undefined;
  if (request.dataplaneResource === undefined) {
    dataplane = store.get<DataplaneResource>({ type: "Dataplane", mesh: request.mesh, name: request.name });
    if (dataplane === undefined) return { status: 404, contentType: "text/plain", body: "" };
  } else {
    try {
      dataplane = parseDataplane(parseJson(request.dataplaneResource), request, labels);
    } catch (error) {
      if (error instanceof StreamRefused) return refuse(422, error.message);
      throw error;
    }
  }
  const problem = transparentProblem(request, dataplane);
  if (problem !== undefined) return refuse(422, problem);
  const { params } = config.bootstrapServer;
  const host = params.xdsHost || hostName(headers.host ?? "localhost");
  const certificate = new X509Certificate(environment.serverCertPem);
  if (
    params.xdsHost === "" &&
    certificate.checkHost(host) === undefined &&
    certificate.checkIP(host) === undefined
  ) {
    return refuse(
      400,
      `the control plane's certificate is not valid for "${host}"; call it by one of its names (${certificate.subjectAltName ?? ""}) or set bootstrapServer.params.xdsHost`,
    );
  }
  if (request.caCert !== undefined && !isAuthority(request.caCert)) {
    return refuse(400, "the CA certificate that the proxy was given is not a CA");
  }
  const networking = dataplane.spec.networking;
  const bootstrap = generateBootstrap({
    request,
    dataplane: {
      adminPort: networking?.admin?.port || undefined,
      service: serviceOf(dataplane),
      isGateway: isBuiltinGateway(dataplane),
    },
    xds: { host, port: params.xdsPort || environment.xdsPort() },
    caPem: request.caCert ?? environment.serverCertPem,
    exclusive: mesh.spec.meshServices?.mode === "Exclusive",
    settings: {
      adminAddress: params.adminAddress,
      adminPort: params.adminPort,
      adminUnixSocket: params.envoyAdminUnixSocket,
      adminAccessLogPath: params.adminAccessLogPath,
      connectTimeout: "1s",
      statistics: config.skein.statistics,
      healthDiscovery: config.dpServer.hds.enabled,
    },
  });
  const yaml = stringify(bootstrap, { lineWidth: 0, aliasDuplicateObjects: false });
  if (!(headers.accept ?? "").includes("application/json")) {
    return { status: 200, contentType: "text/x-yaml", body: yaml };
  }
  const answer = {
    bootstrap: Buffer.from(yaml).toString("base64"),
    kumaSidecarConfiguration: {
      networking: { corefileTemplate: null, address: networking?.address ?? "" },
      metrics: { aggregate: [] },
    },
  };
  return { status: 200, contentType: "application/json", body: JSON.stringify(answer) };
}

/** What a launcher with transparent proxying has to mend first; `undefined` where all is well. */
function transparentProblem(
  { features, dataplaneConfig }: BootstrapRequest,
  { spec }: Pick<DataplaneResource, "spec">,
): string | undefined {
  const redirect = launcherRedirect(new Set(features), dataplaneConfig);
  if (redirect?.outboundPort === undefined) return undefined;
  if (redirect.outboundPort === redirect.inboundPort) {
    return `dataplaneConfig.redirect: inbound and outbound must have ports of their own, and both have ${redirect.inboundPort}`;
  }
  if (spec.networking?.gateway?.type === "BUILTIN") {
    return "networking.gateway.type: a built-in gateway has no application whose connections could be redirected: start it without --transparent-proxy";
  }
  if ((spec.networking?.outbound ?? []).length === 0) return undefined;
  return "networking.outbound: must be empty with transparent proxying, where applications call services by their own names and addresses: leave the outbounds out of the Dataplane, or start the proxy without --transparent-proxy";
}

/** First service tag, else the workload: what Envoy calls its cluster. */
function serviceOf(dataplane: Pick<DataplaneResource, "spec" | "labels">): string {
  const networking = dataplane.spec.networking;
  const tags = [...(networking?.inbound ?? []).map((inbound) => inbound.tags), networking?.gateway?.tags];
  const services = tags.flatMap((set) => set?.[SERVICE_TAG] ?? []).sort();
  return services[0] ?? dataplane.labels["kuma.io/workload"] ?? "unknown";
}

function hostName(header: string): string {
  return header.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

function isAuthority(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

function refuse(status: number, message: string): HttpAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${message}\n` };
}
