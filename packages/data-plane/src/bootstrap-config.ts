import { parse, stringify } from "yaml";
import { isRecord, type Json, record, records } from "./json.ts";
import { LaunchError, messageOf } from "./launch-error.ts";
import type { AdminAddress } from "./launch-plan.ts";

/** What the launcher adds to a control plane's bootstrap. */
export interface BootstrapChanges {
  /** SDS file that names the token file. Without it the token stays where the control plane put it. */
  readonly tokenSdsFile?: string;
  /** Serve readiness from Envoy itself, for when no launcher stays to do it. */
  readonly readiness?: { readonly address: string; readonly port: number };
}

/** How Envoy will present its token: from a file that it watches, as fixed text, by its own means, or not at all. */
export type TokenDelivery = "file" | "inline" | "own" | "none";

export interface AdaptedBootstrap {
  readonly text: string;
  readonly admin: AdminAddress;
  readonly token: TokenDelivery;
}

/** Name of the token's secret in the SDS file. */
export const TOKEN_SECRET = "dataplane_token";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const TYPE_PREFIX = "type.googleapis.com/envoy.";

/**
 * Adapts the bootstrap that a control plane generated.
 *
 * A token in `initialMetadata` is fixed for the life of the process, so it is replaced by a credential injector in the
 * upstream filter chain of the xDS cluster: Envoy then reads the token from a file, again whenever that file is
 * replaced, and uses it with the next stream. Works with any control plane that gives the xDS cluster
 * `HttpProtocolOptions`; others keep the inline token.
 */
export function adaptBootstrap(text: string, changes: BootstrapChanges): AdaptedBootstrap {
  const bootstrap = parseBootstrap(text);
  const token = changes.tokenSdsFile === undefined ? "none" : deliverToken(bootstrap, changes.tokenSdsFile);
  if (changes.readiness !== undefined) addReadinessListener(bootstrap, changes.readiness);
  return {
    text: stringify(bootstrap, { lineWidth: 0, aliasDuplicateObjects: false }),
    admin: adminAddress(bootstrap),
    token,
  };
}

/** Content of the SDS file that points Envoy to its token. The directory is watched for replaced files and symlinks. */
export function tokenSecretFile(tokenFile: string, watchedDirectory: string): string {
  return stringify({
    resources: [
      {
        "@type": `${TYPE_PREFIX}extensions.transport_sockets.tls.v3.Secret`,
        name: TOKEN_SECRET,
        generic_secret: { secret: { filename: tokenFile, watched_directory: { path: watchedDirectory } } },
      },
    ],
  });
}

function parseBootstrap(text: string): Json {
  try {
    const value: unknown = parse(text, { maxAliasCount: 100 });
    if (isRecord(value)) return value;
  } catch (error) {
    throw new LaunchError(
      "bootstrap-invalid",
      `The control plane's bootstrap is not YAML: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  throw new LaunchError("bootstrap-invalid", "The control plane's bootstrap is not an object.");
}

function adminAddress(bootstrap: Json): AdminAddress {
  const address = record(record(bootstrap.admin).address);
  const { path } = record(address.pipe);
  if (typeof path === "string") return { kind: "pipe", path };
  const socket = record(member(address, "socketAddress", "socket_address"));
  const port = member(socket, "portValue", "port_value");
  if (typeof socket.address === "string" && typeof port === "number") {
    return { kind: "tcp", host: socket.address, port };
  }
  throw new LaunchError("bootstrap-invalid", "The control plane's bootstrap has no admin address.");
}

function deliverToken(bootstrap: Json, sdsFile: string): TokenDelivery {
  const dynamic = record(member(bootstrap, "dynamicResources", "dynamic_resources"));
  const sources = [
    record(member(dynamic, "adsConfig", "ads_config")),
    record(member(bootstrap, "hdsConfig", "hds_config")),
  ];
  const services = sources.flatMap((source) => records(member(source, "grpcServices", "grpc_services")));
  if (services.some((service) => member(service, "googleGrpc", "google_grpc") !== undefined)) return "own";
  const withToken = services.filter((service) => metadata(service).some(isAuthorization));
  if (withToken.length === 0) return "none";
  const clusters = withToken.map((service) => findCluster(bootstrap, service));
  const options = clusters.map((cluster) => cluster && httpOptions(cluster));
  const usable = options.filter((found) => found !== undefined);
  if (usable.length < options.length) return "inline";
  for (const found of new Set(usable)) injectToken(found, sdsFile);
  for (const service of withToken) dropAuthorization(service);
  return "file";
}

function findCluster(bootstrap: Json, service: Json): Json | undefined {
  const envoyGrpc = record(member(service, "envoyGrpc", "envoy_grpc"));
  const name = member(envoyGrpc, "clusterName", "cluster_name");
  const resources = record(member(bootstrap, "staticResources", "static_resources"));
  return records(resources.clusters).find((cluster) => cluster.name === name);
}

function httpOptions(cluster: Json): Json | undefined {
  const extensions = record(
    member(cluster, "typedExtensionProtocolOptions", "typed_extension_protocol_options"),
  );
  const options = extensions[HTTP_OPTIONS];
  return isRecord(options) ? options : undefined;
}

function injectToken(options: Json, sdsFile: string): void {
  const key = "httpFilters" in options ? "httpFilters" : "http_filters";
  const existing = records(options[key]);
  const injector = {
    name: "envoy.filters.http.credential_injector",
    typed_config: {
      "@type": `${TYPE_PREFIX}extensions.filters.http.credential_injector.v3.CredentialInjector`,
      overwrite: true,
      credential: {
        name: "envoy.http.injected_credentials.generic",
        typed_config: {
          "@type": `${TYPE_PREFIX}extensions.http.injected_credentials.generic.v3.Generic`,
          header: "authorization",
          credential: {
            name: TOKEN_SECRET,
            sds_config: { path_config_source: { path: sdsFile }, resource_api_version: "V3" },
          },
        },
      },
    },
  };
  const codec = {
    name: "envoy.filters.http.upstream_codec",
    typed_config: { "@type": `${TYPE_PREFIX}extensions.filters.http.upstream_codec.v3.UpstreamCodec` },
  };
  options[key] = [injector, ...(existing.length > 0 ? existing : [codec])];
}

function dropAuthorization(service: Json): void {
  const key = "initialMetadata" in service ? "initialMetadata" : "initial_metadata";
  const rest = metadata(service).filter((entry) => !isAuthorization(entry));
  if (rest.length > 0) service[key] = rest;
  else delete service[key];
}

function metadata(service: Json): Json[] {
  return records(member(service, "initialMetadata", "initial_metadata"));
}

function isAuthorization(entry: Json): boolean {
  return typeof entry.key === "string" && entry.key.toLowerCase() === "authorization";
}

/**
 * Envoy opens its listeners only after the first configuration has arrived, and the health check filter turns to 503
 * with `/healthcheck/fail`: together that is the readiness of the supervised mode, without a process of ours.
 */
function addReadinessListener(
  bootstrap: Json,
  at: { readonly address: string; readonly port: number },
): void {
  const key = "static_resources" in bootstrap ? "static_resources" : "staticResources";
  const resources = record(bootstrap[key]);
  const manager = {
    "@type": `${TYPE_PREFIX}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "system_probe_readiness",
    route_config: { virtual_hosts: [] },
    http_filters: [
      {
        name: "envoy.filters.http.health_check",
        typed_config: {
          "@type": `${TYPE_PREFIX}extensions.filters.http.health_check.v3.HealthCheck`,
          pass_through_mode: false,
          headers: [{ name: ":path", string_match: { exact: "/ready" } }],
        },
      },
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": `${TYPE_PREFIX}extensions.filters.http.router.v3.Router` },
      },
    ],
  };
  const listener = {
    name: "system_probe_readiness",
    stat_prefix: "system_probe_readiness",
    address: { socket_address: { address: at.address, port_value: at.port } },
    enable_reuse_port: false,
    filter_chains: [
      { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
    ],
  };
  bootstrap[key] = { ...resources, listeners: [...records(resources.listeners), listener] };
}

function member(value: Json, camel: string, snake: string): unknown {
  return value[camel] ?? value[snake];
}
