import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import {
  type HttpConnectionManager,
  HttpFilterSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";

/** Puts an HTTP filter before the router, which is the last of a connection manager, and after all others. */
export function addBeforeRouter<Desc extends DescMessage>(
  hcm: HttpConnectionManager,
  name: string,
  schema: Desc,
  config: MessageShape<Desc>,
): void {
  const filter = create(HttpFilterSchema, {
    name,
    configType: { case: "typedConfig", value: packAny(schema, config) },
  });
  hcm.httpFilters.splice(hcm.httpFilters.length - 1, 0, filter);
}
