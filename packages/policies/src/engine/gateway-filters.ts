import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { FilterConfigSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { GatewayHostDraft } from "../draft.ts";
import { addHttpFilter } from "./http-filters.ts";

/** Sets what an HTTP filter does for one listener of a gateway, whatever it does for others on the port. */
export function setForHost({ virtualHosts }: GatewayHostDraft, filter: string, config: Any): void {
  for (const host of virtualHosts) host.config[filter] = config;
}

/**
 * Puts an HTTP filter that acts on the requests of one listener only: others on the port share its chain. A filter that
 * does the same for one of them is used again.
 */
export function addHostFilter<Desc extends DescMessage>(
  draft: GatewayHostDraft,
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
): void {
  const { hcm } = draft.chain;
  if (hcm === undefined) return;
  const wanted = toBinary(schema, message);
  for (let nth = 1; ; nth++) {
    const own = nth === 1 ? name : `${name}.${nth}`;
    const there = hcm.httpFilters.find((each) => each.name === own);
    if (there === undefined) {
      addHttpFilter(hcm, own, schema, message, { disabled: true });
    } else if (there.configType.case !== "typedConfig" || !same(there.configType.value.value, wanted))
      continue;
    setForHost(draft, own, switchedOn());
    return;
  }
}

/** A filter that is off by itself acts on the requests for which this is said. */
function switchedOn(): Any {
  return anyPack(FilterConfigSchema, create(FilterConfigSchema, { config: create(AnySchema) }));
}

/** A filter does not act on the requests for which this is said. */
export function switchedOff(): Any {
  return anyPack(FilterConfigSchema, create(FilterConfigSchema, { disabled: true }));
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
