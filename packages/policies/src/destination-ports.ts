import { create } from "@bufbuild/protobuf";
import {
  ListenerFilterChainMatchPredicate_MatchSetSchema as PortSetSchema,
  type ListenerFilterChainMatchPredicate as Ports,
  ListenerFilterChainMatchPredicateSchema as PortsSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { Int32RangeSchema } from "@skein/envoy-api/envoy/type/v3/range_pb";

/** Connections to any of these ports; absent where there are none. A filter must know the original destination by then. */
export function onPorts(ports: readonly number[]): Ports | undefined {
  const rules = ports.map((port) =>
    create(PortsSchema, {
      rule: { case: "destinationPortRange", value: create(Int32RangeSchema, { start: port, end: port + 1 }) },
    }),
  );
  // Envoy wants two members in a set at least.
  if (rules.length < 2) return rules[0];
  return create(PortsSchema, { rule: { case: "orMatch", value: create(PortSetSchema, { rules }) } });
}

/** Connections to all other ports; absent where there are none to leave out. */
export function notOnPorts(ports: readonly number[]): Ports | undefined {
  const inside = onPorts(ports);
  return inside && create(PortsSchema, { rule: { case: "notMatch", value: inside } });
}
