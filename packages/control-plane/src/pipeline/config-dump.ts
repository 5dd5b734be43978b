import { fromBinary, toJson } from "@bufbuild/protobuf";
import { ResourceSchema } from "@skein/envoy-api/envoy/service/discovery/v3/discovery_pb";
import { envoyRegistry } from "@skein/envoy-api/registry";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";

/** All that a proxy should hold, as a person reads it. Private keys stay where they are. */
export function configDump(config: ProxyConfig, includeEds: boolean): unknown {
  const list = (fragments: ReadonlyMap<string, Fragment>, isSecret = false) =>
    [...fragments.values()].map((fragment) => ({
      name: fragment.name,
      version_info: fragment.version,
      origins: fragment.origins,
      resource: isSecret ? { name: fragment.name } : fragmentJson(fragment),
    }));
  return {
    clusters: list(config.clusters),
    listeners: list(config.listeners),
    routes: list(config.routes),
    ...(includeEds ? { endpoints: list(config.endpoints) } : {}),
    secrets: list(config.secrets, true),
  };
}

const TYPE_URLS = [
  ["clusters", "type.googleapis.com/envoy.config.cluster.v3.Cluster"],
  ["endpoints", "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"],
  ["listeners", "type.googleapis.com/envoy.config.listener.v3.Listener"],
  ["routes", "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"],
  ["secrets", "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"],
] as const;

/** All that a proxy should hold, by type URL and name. Private keys stay where they are. */
export function configByType(config: ProxyConfig): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    TYPE_URLS.map(([field, url]) => [
      url,
      Object.fromEntries(
        [...config[field].values()]
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map((fragment) => [
            fragment.name,
            fragment.type === "secret" ? { name: fragment.name } : fragmentJson(fragment),
          ]),
      ),
    ]),
  );
}

/** The Envoy resource inside a fragment, as JSON. */
export function fragmentJson(fragment: Fragment): unknown {
  const { resource } = fromBinary(ResourceSchema, fragment.resource);
  const schema =
    resource === undefined ? undefined : envoyRegistry.getMessage(resource.typeUrl.split("/")[1] ?? "");
  if (resource === undefined || schema === undefined) return undefined;
  return toJson(schema, fromBinary(schema, resource.value), { registry: envoyRegistry });
}
