import { clone, type Registry } from "@bufbuild/protobuf";
import { allTypes } from "@skein/envoy-api/all-types";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import type { Merged, Origin } from "../plan/origin.ts";
import { unifiedPassthroughName } from "../plan/passthrough-name.ts";
import type { PatchableResource, PatchedResource, PatchProblem, ResourcePatch } from "../resource-patch.ts";
import { type MeshProxyPatchConf, modificationOf } from "./conf.ts";
import { isKind, type Modification, readModification } from "./modification.ts";
import { hasTags, patchInside } from "./patch-listener.ts";
import { PatchError, patchMessage } from "./patch-message.ts";
import { patchVirtualHosts } from "./patch-virtual-hosts.ts";

/** Origins of what patches add, as Kuma calls them. */
const ADDED_CLUSTER = "proxy-template-modifications";
const ADDED_LISTENER = "mesh-proxy-patch";

/** The modifications of a proxy's MeshProxyPatches, in their order, ready to be done. */
export function resourcePatch({ conf, origins }: Merged<MeshProxyPatchConf>): ResourcePatch {
  const types = allTypes();
  const modifications = (conf.appendModifications ?? []).flatMap((entry, i) => {
    const found = modificationOf(entry);
    const origin = origins[`appendModifications[${i}]`];
    if (found === undefined || origin === undefined) return [];
    return [readModification(types, found.kind, found.conf, origin)];
  });
  return {
    concerns: (type, name, origin) => modifications.some((each) => mayConcern(each, type, name, origin)),
    apply: (resource) => applyAll(types, modifications, resource),
    added: () => modifications.flatMap((each, i) => addition(types, each, modifications.slice(i + 1))),
  };
}

function mayConcern(
  modification: Modification,
  type: PatchableResource["type"],
  name: string,
  origin: string,
): boolean {
  const { kind, operation, match, value } = modification;
  if (operation === "Add" && kind === type) return value?.name === name;
  if (match.origin !== undefined && match.origin !== origin) return false;
  switch (kind) {
    case "cluster":
    case "listener":
      return kind === type && isNamed(name, match.name);
    case "networkFilter":
    case "httpFilter":
      return type === "listener" && isNamed(name, match.listenerName);
    case "virtualHost":
      return type === "listener" || type === "route";
  }
}

/** What transparent proxies have is named in two ways; a patch that knows one of them means both. */
function isNamed(name: string, wanted: string | undefined): boolean {
  return (
    wanted === undefined || wanted === name || unifiedPassthroughName(wanted) === unifiedPassthroughName(name)
  );
}

function addition(
  types: Registry,
  modification: Modification,
  later: readonly Modification[],
): readonly PatchedResource[] {
  const { operation, origin } = modification;
  if (operation !== "Add") return [];
  const resource: PatchableResource | undefined =
    isKind(modification, "cluster") && modification.value !== undefined
      ? { type: "cluster", origin: ADDED_CLUSTER, message: clone(ClusterSchema, modification.value) }
      : isKind(modification, "listener") && modification.value !== undefined
        ? { type: "listener", origin: ADDED_LISTENER, message: clone(ListenerSchema, modification.value) }
        : undefined;
  if (resource === undefined) return [];
  const patched = applyAll(types, later, resource);
  return [{ ...patched, by: [origin, ...patched.by] }];
}

function applyAll(
  types: Registry,
  modifications: readonly Modification[],
  original: PatchableResource,
): PatchedResource {
  const by: Origin[] = [];
  const problems: PatchProblem[] = [];
  let resource: PatchableResource | undefined = original;
  for (const modification of modifications) {
    const { type, origin, message } = resource;
    if (!mayConcern(modification, type, message.name, origin)) continue;
    try {
      if (modification.problem !== undefined) throw new PatchError(modification.problem);
      const next = applyOne(types, modification, resource);
      if (next === resource) continue;
      by.push(modification.origin);
      if (next === undefined) return { resource: undefined, by, problems };
      resource = next;
    } catch (error) {
      problems.push({
        origin: modification.origin,
        resource: `${type} ${message.name}`,
        message: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return { resource, by, problems };
}

/** The resource after one modification: another object, `undefined` where it is gone, itself where there was nothing to do. */
function applyOne(
  types: Registry,
  modification: Modification,
  resource: PatchableResource,
): PatchableResource | undefined {
  const { operation, match, jsonPatches } = modification;
  if (operation === "Add" && modification.kind === resource.type) return undefined;
  switch (resource.type) {
    case "cluster": {
      if (!isKind(modification, "cluster")) return resource;
      if (operation === "Remove") return undefined;
      const patch = { value: modification.value, jsonPatches };
      const message = patchMessage(types, ClusterSchema, clone(ClusterSchema, resource.message), patch);
      return { ...resource, message: named(message, resource.message.name) };
    }
    case "listener": {
      const listener = clone(ListenerSchema, resource.message);
      if (!isKind(modification, "listener")) {
        const isListener = modification.kind === "virtualHost" || hasTags(listener, match.listenerTags);
        return isListener && patchInside(types, listener, modification)
          ? { ...resource, message: listener }
          : resource;
      }
      if (!hasTags(listener, match.tags)) return resource;
      if (operation === "Remove") return undefined;
      const patch = { value: modification.value, jsonPatches };
      const message = patchMessage(types, ListenerSchema, listener, patch);
      return { ...resource, message: named(message, resource.message.name) };
    }
    case "route": {
      if (!isKind(modification, "virtualHost")) return resource;
      const message = clone(RouteConfigurationSchema, resource.message);
      return patchVirtualHosts(types, message, modification) ? { ...resource, message } : resource;
    }
  }
}

/** Other resources refer to a name, and so does what Envoy has been told before. */
function named<M extends { readonly name: string }>(message: M, name: string): M {
  if (message.name === name) return message;
  throw new PatchError(`it would be renamed to "${message.name}"; Remove it and Add another one instead`);
}
