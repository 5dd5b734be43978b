import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import { type Filter, FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";

/** A network filter with its configuration packed. */
export function networkFilter<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
): Filter {
  return create(FilterSchema, { name, configType: { case: "typedConfig", value: packAny(schema, message) } });
}

/** A name as it appears in statistics, where `.` and `:` would split it. */
export function statName(name: string): string {
  return name.replaceAll(/[:.]/g, "_");
}
