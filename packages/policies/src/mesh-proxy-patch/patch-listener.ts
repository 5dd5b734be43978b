import { create, type Registry } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { packAny } from "@skein/envoy-api";
import type { Filter, FilterChain } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import type { Listener } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { isKind, type Modification } from "./modification.ts";
import { patchFilters } from "./patch-filters.ts";
import { patchVirtualHosts } from "./patch-virtual-hosts.ts";

/** Whether a listener's tags, which Skein puts into its metadata, are these. */
export function hasTags(listener: Listener, tags: Readonly<Record<string, string>> | undefined): boolean {
  if (tags === undefined) return true;
  const actual = listener.metadata?.filterMetadata["io.kuma.tags"] ?? {};
  return Object.entries(tags).every(([key, value]) => actual[key] === value);
}

/**
 * Changes what is inside a listener: its network filters, its HTTP filters and the virtual hosts of routes that stand in
 * it. Says whether there was something to do.
 * @throws PatchError and JsonPatchError
 */
export function patchInside(types: Registry, listener: Listener, modification: Modification): boolean {
  let isDone = false;
  for (const chain of chainsOf(listener)) {
    if (isKind(modification, "networkFilter")) {
      const filters = patchFilters(types, chain.filters, modification);
      isDone ||= filters !== chain.filters;
      chain.filters = [...filters];
    } else if (isKind(modification, "httpFilter")) {
      isDone =
        eachConnectionManager(chain, (manager) => {
          const filters = patchFilters(types, manager.httpFilters, modification);
          const isChanged = filters !== manager.httpFilters;
          manager.httpFilters = [...filters];
          return isChanged;
        }) || isDone;
    } else if (isKind(modification, "virtualHost")) {
      isDone =
        eachConnectionManager(chain, ({ routeSpecifier }) =>
          routeSpecifier.case === "routeConfig"
            ? patchVirtualHosts(types, routeSpecifier.value, modification)
            : false,
        ) || isDone;
    }
  }
  return isDone;
}

function chainsOf({ filterChains, defaultFilterChain }: Listener): readonly FilterChain[] {
  return defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
}

/** Lets `change` look at every HTTP connection manager of a chain, and packs those that it changed anew. */
function eachConnectionManager(
  chain: FilterChain,
  change: (manager: HttpConnectionManager) => boolean,
): boolean {
  let isDone = false;
  chain.filters = chain.filters.map((filter): Filter => {
    if (filter.configType.case !== "typedConfig") return filter;
    const manager = anyUnpack(filter.configType.value, HttpConnectionManagerSchema);
    if (manager === undefined || !change(manager)) return filter;
    isDone = true;
    const value = create(AnySchema, packAny(HttpConnectionManagerSchema, manager));
    return { ...filter, configType: { case: "typedConfig", value } };
  });
  return isDone;
}
