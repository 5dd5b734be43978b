import {
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  type Registry,
} from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { VirtualHostSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { HttpFilterSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { parseDocument } from "yaml";
import { checkMessage } from "./typed-json.ts";

/** The message that the `value` of each kind of modification is. */
export const VALUE_TYPES = {
  cluster: ClusterSchema,
  listener: ListenerSchema,
  networkFilter: FilterSchema,
  httpFilter: HttpFilterSchema,
  virtualHost: VirtualHostSchema,
} as const;

/** A value as Envoy's message, or what is wrong with it, one sentence each. */
export type NativeValue<Desc extends DescMessage> =
  | { readonly ok: true; readonly message: MessageShape<Desc> }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads YAML as a message of Envoy's. */
export function readNativeValue<Desc extends DescMessage>(
  types: Registry,
  schema: Desc,
  yaml: string,
): NativeValue<Desc> {
  const document = parseDocument(yaml);
  const [error] = document.errors;
  if (error !== undefined) {
    return { ok: false, problems: [`it is not YAML: ${error.message.split("\n")[0]?.replace(/:$/, "")}`] };
  }
  const json: unknown = document.toJS();
  const problems = checkMessage(types, schema, json);
  if (problems.length > 0) {
    return {
      ok: false,
      problems: problems.map(({ path, reason }) =>
        path.length === 0 ? reason : `${dotted(path)}: ${reason}`,
      ),
    };
  }
  return { ok: true, message: fromJson(schema, json as JsonValue, { registry: types }) };
}

/** `filterChains[0].filters[1].name`. */
export function dotted(path: readonly (string | number)[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === "number"
        ? `${text}[${step}]`
        : /^[@\w]+$/.test(step)
          ? `${text}${text === "" ? "" : "."}${step}`
          : `${text}[${JSON.stringify(step)}]`,
    "",
  );
}
