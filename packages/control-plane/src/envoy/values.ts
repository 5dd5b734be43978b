import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { packAny } from "@skein/envoy-api";
import {
  type Address,
  AddressSchema,
  type BindConfig,
  BindConfigSchema,
  SocketAddressSchema,
} from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import {
  AggregatedConfigSourceSchema,
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
} from "@skein/envoy-api/envoy/config/core/v3/config_source_pb";
import {
  type HttpFilter,
  HttpFilterSchema,
  RdsSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";

/** A TCP address. */
export function socketAddress(address: string, port: number): Address {
  return create(AddressSchema, {
    address: {
      case: "socketAddress",
      value: create(SocketAddressSchema, { address, portSpecifier: { case: "portValue", value: port } }),
    },
  });
}

/** Makes connections come from an address. */
export function bindTo(address: string): BindConfig {
  return create(BindConfigSchema, {
    sourceAddress: create(SocketAddressSchema, { address, portSpecifier: { case: "portValue", value: 0 } }),
  });
}

/** "From the same stream": how secrets and endpoints are referred to. */
export function ads(): ConfigSource {
  return create(ConfigSourceSchema, {
    configSourceSpecifier: { case: "ads", value: create(AggregatedConfigSourceSchema) },
    resourceApiVersion: ApiVersion.V3,
  });
}

/** An HTTP filter with its configuration packed. */
export function httpFilter<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
): HttpFilter {
  return create(HttpFilterSchema, {
    name,
    configType: { case: "typedConfig", value: packAny(schema, message) },
  });
}

/** "Routes come by name, over the same stream": a change of them leaves listeners and open connections alone. */
export function routesByName(routeConfigName: string) {
  return {
    case: "rds" as const,
    value: create(RdsSchema, { configSource: ads(), routeConfigName }),
  };
}

/** Whole seconds as a protobuf Duration. */
export function seconds(count: number) {
  return create(DurationSchema, { seconds: BigInt(count) });
}
