import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type HttpConnectionManager,
  HttpFilterSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";

const ROUTER = "envoy.filters.http.router";

/** Puts an HTTP filter behind all that are there, and before the router, which ends the chain. One of its name stays. */
export function addHttpFilter<Desc extends DescMessage>(
  hcm: HttpConnectionManager,
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
  { disabled = false }: { readonly disabled?: boolean } = {},
): void {
  if (hcm.httpFilters.some((each) => each.name === name)) return;
  const filter = create(HttpFilterSchema, {
    ...{ name, disabled },
    configType: { case: "typedConfig", value: anyPack(schema, message) },
  });
  const router = hcm.httpFilters.findIndex((each) => each.name === ROUTER);
  hcm.httpFilters.splice(router === -1 ? hcm.httpFilters.length : router, 0, filter);
}
