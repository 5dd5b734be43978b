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

/** What Envoy makes of a name in statistics: `:` and `.` would split it. */
export function statName(name: string): string {
  return name.replaceAll(/[:.]/g, "_");
}

/** Only needed where the name would be split in statistics. */
export function altStatName(name: string): string {
  const sanitised = statName(name);
  return sanitised === name ? "" : sanitised;
}
