import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { envoyRegistry } from "@skein/envoy-api/registry";
import type { PatchableResource } from "../resource-patch.ts";
import { json } from "./drafts.ts";

const options = { registry: envoyRegistry };

/** An Envoy resource from its JSON. */
export function resource(
  type: PatchableResource["type"],
  origin: string,
  value: JsonValue,
): PatchableResource {
  switch (type) {
    case "cluster":
      return { type, origin, message: fromJson(ClusterSchema, value, options) };
    case "listener":
      return { type, origin, message: fromJson(ListenerSchema, value, options) };
    case "route":
      return { type, origin, message: fromJson(RouteConfigurationSchema, value, options) };
  }
}

/** The JSON of an Envoy resource; `undefined` for one that is gone. */
export function resourceJson(made: PatchableResource | undefined): unknown {
  switch (made?.type) {
    case "cluster":
      return json(ClusterSchema, made.message);
    case "listener":
      return json(ListenerSchema, made.message);
    case "route":
      return json(RouteConfigurationSchema, made.message);
    default:
      return undefined;
  }
}
