import { isIP } from "node:net";
import { overloadManager } from "./overload.ts";
import type { BootstrapRequest } from "./request.ts";
import { statsConfig } from "./statistics.ts";

export interface BootstrapInputs {
  readonly request: BootstrapRequest;
  /** Its fields beside type, mesh and name; absent where the control plane has the Dataplane already. */
  readonly dataplane: {
    readonly adminPort: number | undefined;
    readonly service: string;
    /** Strangers may open connections to it. */
    readonly isGateway: boolean;
  };
  /** Host and port under which the proxy reached the control plane, and uses again for xDS. */
  readonly xds: { readonly host: string; readonly port: number };
  /** Certificate that the proxy checks the control plane's against. */
  readonly caPem: string;
  /** The mesh has only MeshServices, so KRI-based names may be used. */
  readonly exclusive: boolean;
  readonly settings: {
    readonly adminAddress: string;
    readonly adminPort: number;
    readonly adminUnixSocket: boolean;
    readonly adminAccessLogPath: string;
    readonly connectTimeout: string;
    readonly statistics: "trimmed" | "full";
    /** The proxy asks what it should check, and reports. */
    readonly healthDiscovery: boolean;
  };
}

/**
 * The bootstrap with which a sidecar's Envoy starts: where its configuration comes from, and who it is. Kuma's launcher
 * reads it with Envoy's API as of 1.37 and writes it anew, so a newer field would keep that launcher from starting.
 */
export function generateBootstrap(inputs: BootstrapInputs): Record<string, unknown> {
  const { request, settings, xds } = inputs;
  const features = request.features ?? [];
  const unified = inputs.exclusive && features.includes("feature-unified-resource-naming");
  const adsCluster = unified ? "system_ads" : "ads_cluster";
  const token = request.dataplaneToken?.trim();
  const source = {
    apiType: features.includes("feature-delta-grpc") ? "DELTA_GRPC" : "GRPC",
    transportApiVersion: "V3",
    setNodeOnFirstMessageOnly: true,
    grpcServices: [
      {
        // A control plane that comes back finds its proxies within seconds: by default they wait up to 30.
        envoyGrpc: {
          clusterName: adsCluster,
          retryPolicy: { retryBackOff: { baseInterval: "0.200s", maxInterval: "3s" } },
        },
        ...(token === undefined || token === ""
          ? {}
          : { initialMetadata: [{ key: "authorization", value: token }] }),
      },
    ],
  };
  const discovery = { ads: {}, initialFetchTimeout: "0s", resourceApiVersion: "V3" };
  return {
    admin: admin(inputs),
    defaultRegexEngine: {
      name: "envoy.regex_engines.google_re2",
      typedConfig: { "@type": "type.googleapis.com/envoy.extensions.regex_engines.v3.GoogleRE2" },
    },
    dynamicResources: { adsConfig: source, cdsConfig: discovery, ldsConfig: discovery },
    ...(settings.healthDiscovery ? { hdsConfig: { ...source, apiType: "GRPC" } } : {}),
    layeredRuntime: {
      layers: [
        {
          name: "kuma",
          staticLayer: {
            "re2.max_program_size.error_level": 4294967295,
            "re2.max_program_size.warn_level": 1000,
          },
        },
      ],
    },
    node: {
      id: `${request.mesh}.${request.name}`,
      cluster: inputs.dataplane.service,
      metadata: nodeMetadata(inputs),
    },
    staticResources: {
      clusters: [adsUpstream(adsCluster, inputs)],
      secrets: [
        {
          name: VALIDATION_SECRET,
          validationContext: {
            trustedCa: { inlineBytes: Buffer.from(inputs.caPem).toString("base64") },
            matchTypedSubjectAltNames: [
              { sanType: "DNS", matcher: { exact: xds.host } },
              { sanType: "IP_ADDRESS", matcher: { exact: xds.host } },
            ],
          },
        },
      ],
    },
    statsConfig: statsConfig(settings.statistics),
    ...(inputs.dataplane.isGateway ? { overloadManager: overloadManager(request) } : {}),
  };
}

const VALIDATION_SECRET = "cp_validation_ctx";

/** Path of Envoy's admin socket. */
export function adminSocketPath(workdir: string): string {
  return `${workdir}/kuma-envoy-admin.sock`;
}

function admin({ request, settings, dataplane }: BootstrapInputs): Record<string, unknown> {
  const accessLog = [
    {
      name: "envoy.access_loggers.file",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path: settings.adminAccessLogPath,
      },
    },
  ];
  if (settings.adminUnixSocket && request.workdir !== undefined) {
    return { accessLog, address: { pipe: { path: adminSocketPath(request.workdir), mode: 384 } } };
  }
  return {
    accessLog,
    address: {
      socketAddress: { address: settings.adminAddress, portValue: dataplane.adminPort ?? settings.adminPort },
    },
  };
}

function adsUpstream(name: string, { xds, settings }: BootstrapInputs): Record<string, unknown> {
  const isAddress = isIP(xds.host) !== 0;
  return {
    name,
    type: isAddress ? "STATIC" : "STRICT_DNS",
    connectTimeout: settings.connectTimeout,
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            { endpoint: { address: { socketAddress: { address: xds.host, portValue: xds.port } } } },
          ],
        },
      ],
    },
    transportSocket: {
      name: "envoy.transport_sockets.tls",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni: isAddress ? "" : xds.host,
        commonTlsContext: {
          tlsParams: { tlsMinimumProtocolVersion: "TLSv1_2" },
          validationContextSdsSecretConfig: { name: VALIDATION_SECRET },
        },
      },
    },
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicitHttpConfig: { http2ProtocolOptions: {} },
      },
    },
    upstreamConnectionOptions: {
      tcpKeepalive: { keepaliveProbes: 3, keepaliveTime: 10, keepaliveInterval: 10 },
    },
  };
}

/** What Envoy tells the xDS server of itself. Ports are texts: launchers and dashboards know them so. */
function nodeMetadata({ request, settings, dataplane }: BootstrapInputs): Record<string, unknown> {
  const workdir = request.workdir ?? "";
  return {
    "dataplane.admin.port": String(dataplane.adminPort ?? settings.adminPort),
    "dataplane.admin.address": settings.adminAddress,
    ...(settings.adminUnixSocket && workdir !== ""
      ? { "dataplane.admin.socketPath": adminSocketPath(workdir) }
      : {}),
    ...(request.dnsPort === undefined ? {} : { "dataplane.dns.port": String(request.dnsPort) }),
    ...(request.readinessPort === undefined
      ? {}
      : { "dataplane.readinessReporter.port": String(request.readinessPort) }),
    ...(request.appProbeProxyDisabled === true ? { "dataplane.appProbeProxy.enabled": "true" } : {}),
    "dataplane.proxyType": request.proxyType === "" ? "dataplane" : request.proxyType,
    ...(request.dataplaneResource === undefined ? {} : { "dataplane.resource": request.dataplaneResource }),
    features: request.features ?? [],
    ...(request.version === undefined ? {} : { version: request.version }),
    workdir,
    metricsCertPath: request.metricsResources?.certPath ?? "",
    metricsKeyPath: request.metricsResources?.keyPath ?? "",
    systemCaPath: request.systemCaPath ?? "",
    ipv6Enabled: request.ipv6Enabled ?? true,
    ...(request.dataplaneConfig ? { transparentProxy: request.dataplaneConfig } : {}),
    ...(request.dynamicMetadata === undefined ? {} : { dynamicMetadata: request.dynamicMetadata }),
  };
}
