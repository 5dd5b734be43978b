import { clone, type Registry } from "@bufbuild/protobuf";
import { VirtualHostSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { RouteConfiguration } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import type { Modification } from "./modification.ts";
import { patchMessage } from "./patch-message.ts";

/**
 * Changes the virtual hosts of a route configuration, and says whether there was something to do.
 * @throws PatchError and JsonPatchError
 */
export function patchVirtualHosts(
  types: Registry,
  routes: RouteConfiguration,
  { operation, match, value, jsonPatches }: Modification<"virtualHost">,
): boolean {
  if (match.routeConfigurationName !== undefined && match.routeConfigurationName !== routes.name)
    return false;
  if (operation === "Add") {
    if (value !== undefined) routes.virtualHosts.push(clone(VirtualHostSchema, value));
    return value !== undefined;
  }
  const hosts = routes.virtualHosts;
  const isNamed = ({ name }: { readonly name: string }) => match.name === undefined || match.name === name;
  if (!hosts.some(isNamed)) return false;
  routes.virtualHosts =
    operation === "Remove"
      ? hosts.filter((host) => !isNamed(host))
      : hosts.map((host) =>
          isNamed(host) ? patchMessage(types, VirtualHostSchema, host, { value, jsonPatches }) : host,
        );
  return true;
}
