import { create, fromBinary, type Registry, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import type { Filter } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import type { HttpFilter } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import type { Modification } from "./modification.ts";
import { PatchError, patchMessage } from "./patch-message.ts";

/** What filters of both kinds have. */
type AnyFilter = Filter | HttpFilter;

/** The filter that has to be the last one, by its type. */
const TERMINAL = new Set([
  "envoy.extensions.filters.http.router.v3.Router",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
]);

/**
 * The filters of one chain after a modification; the same list where it finds nothing to do there.
 * @throws PatchError and JsonPatchError
 */
export function patchFilters<F extends AnyFilter>(
  types: Registry,
  filters: readonly F[],
  modification: Modification<"networkFilter"> | Modification<"httpFilter">,
): readonly F[] {
  const { operation, match } = modification;
  const value = modification.value as F | undefined;
  const isNamed = ({ name }: F): boolean => match.name === undefined || match.name === name;
  switch (operation) {
    case "Remove":
      return filters.some(isNamed) ? filters.filter((filter) => !isNamed(filter)) : filters;
    case "Patch":
      return filters.some(isNamed)
        ? filters.map((filter) => (isNamed(filter) ? patchFilter(types, filter, modification) : filter))
        : filters;
    default:
  }
  if (value === undefined) return filters;
  const at = placeFor(operation, filters, isNamed, value);
  return at === undefined ? filters : filters.toSpliced(at, 0, value);
}

function placeFor<F extends AnyFilter>(
  operation: Modification["operation"],
  filters: readonly F[],
  isNamed: (filter: F) => boolean,
  value: F,
): number | undefined {
  const anchor = filters.findIndex(isNamed);
  switch (operation) {
    case "AddFirst":
      return 0;
    case "AddBefore":
      return anchor < 0 ? undefined : anchor;
    case "AddAfter":
      return anchor < 0 ? undefined : anchor + 1;
    default: {
      // Behind the filter that ends a chain nothing is allowed: whoever says "last" means before that one.
      const last = filters.at(-1);
      const isBefore = last !== undefined && isTerminal(last) && !isTerminal(value);
      return isBefore ? filters.length - 1 : filters.length;
    }
  }
}

function isTerminal(filter: AnyFilter): boolean {
  const config = configOf(filter);
  return config !== undefined && TERMINAL.has(typeNameOf(config));
}

/** The filter with its configuration patched, and nothing else of it. */
function patchFilter<F extends AnyFilter>(
  types: Registry,
  filter: F,
  { value, jsonPatches }: Modification<"networkFilter"> | Modification<"httpFilter">,
): F {
  const config = configOf(filter);
  if (config === undefined) throw new PatchError(`filter ${filter.name} has no typedConfig to patch`);
  const schema = types.getMessage(typeNameOf(config));
  if (schema === undefined)
    throw new PatchError(`filter ${filter.name} is of an unknown type, ${config.typeUrl}`);
  const patch = value === undefined ? undefined : configOf(value);
  if (patch !== undefined && typeNameOf(patch) !== schema.typeName) {
    throw new PatchError(
      `filter ${filter.name} is a ${schema.typeName}, and the patch is a ${typeNameOf(patch)}`,
    );
  }
  const patched = patchMessage(types, schema, fromBinary(schema, config.value), {
    value: patch && fromBinary(schema, patch.value),
    jsonPatches,
  });
  const typedConfig = create(AnySchema, { typeUrl: config.typeUrl, value: toBinary(schema, patched) });
  return { ...filter, configType: { case: "typedConfig", value: typedConfig } };
}

function configOf({ configType }: AnyFilter): Any | undefined {
  return configType.case === "typedConfig" ? configType.value : undefined;
}

function typeNameOf({ typeUrl }: Any): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}
