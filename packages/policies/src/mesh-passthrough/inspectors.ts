import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import {
  type ListenerFilter,
  ListenerFilterSchema,
  ListenerFilterChainMatchPredicate_MatchSetSchema as PortSetSchema,
  type ListenerFilterChainMatchPredicate as Ports,
  ListenerFilterChainMatchPredicateSchema as PortsSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import type { Listener } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { HttpInspectorSchema } from "@skein/envoy-api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb";
import { OriginalDstSchema } from "@skein/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb";
import { TlsInspectorSchema } from "@skein/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb";
import { Int32RangeSchema } from "@skein/envoy-api/envoy/type/v3/range_pb";
import { duration } from "../envoy-values.ts";
import type { ChainPlan } from "./chains.ts";

/**
 * How long the inspectors wait for a client's first bytes; then the connection goes on as one of which nothing is known.
 * Long for a client that has something to say: it is connected at once, to the proxy beside it. Short for one that waits
 * for the server to speak first.
 */
const PATIENCE = "2s";

const ORIGINAL_DST = "envoy.filters.listener.original_dst";

/**
 * Has a listener look at the first bytes of connections, on the ports where some chain depends on them. Elsewhere nobody
 * waits for a client that may be waiting for its server. That is also for the sake of connections within the mesh: those
 * too pass this listener before Envoy hands them to the one that is for them.
 */
export function inspect(listener: Listener, chains: readonly ChainPlan[]): void {
  const tls = portsWhere(chains, ({ by }) => by !== undefined);
  const http = portsWhere(chains, ({ by }) => by === "http");
  const inspectors = [
    inspector("envoy.filters.listener.tls_inspector", TlsInspectorSchema, create(TlsInspectorSchema), tls),
    inspector(
      "envoy.filters.listener.http_inspector",
      HttpInspectorSchema,
      create(HttpInspectorSchema),
      http,
    ),
  ].filter((each) => each !== undefined);
  if (inspectors.length === 0) return;
  // `use_original_dst` adds this filter too, but as the last: by then inspectors would have seen the listener's own port.
  const originalDst = listenerFilter(ORIGINAL_DST, OriginalDstSchema, create(OriginalDstSchema));
  const others = listener.listenerFilters.filter(({ name }) => name !== ORIGINAL_DST);
  listener.listenerFilters = [originalDst, ...others, ...inspectors];
  listener.listenerFiltersTimeout = duration(PATIENCE);
  listener.continueOnListenerFiltersTimeout = true;
}

/** The ports on which some chain depends on the first bytes, and those on which none does. */
interface InspectedPorts {
  readonly where: readonly number[];
  readonly not: readonly number[];
  /** Whether it is so on the ports that no chain names. */
  readonly elsewhere: boolean;
}

function portsWhere(chains: readonly ChainPlan[], depends: (chain: ChainPlan) => boolean): InspectedPorts {
  const where = new Set(chains.filter(depends).map(({ port }) => port));
  const named = [...new Set(chains.flatMap(({ port }) => port ?? []))].sort((a, b) => a - b);
  return {
    where: named.filter((port) => where.has(port)),
    not: named.filter((port) => !where.has(port)),
    elsewhere: where.has(undefined),
  };
}

function inspector<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
  { where, not, elsewhere }: InspectedPorts,
): ListenerFilter | undefined {
  if (!elsewhere && where.length === 0) return undefined;
  const filter = listenerFilter(name, schema, message);
  const disabled = elsewhere ? anyOf(not) : notIn(where);
  if (disabled !== undefined) filter.filterDisabled = disabled;
  return filter;
}

function listenerFilter<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
): ListenerFilter {
  return create(ListenerFilterSchema, {
    name,
    configType: { case: "typedConfig", value: packAny(schema, message) },
  });
}

function notIn(ports: readonly number[]): Ports | undefined {
  const inside = anyOf(ports);
  return inside && create(PortsSchema, { rule: { case: "notMatch", value: inside } });
}

/** Envoy wants two members in a set at least. */
function anyOf(ports: readonly number[]): Ports | undefined {
  const rules = ports.map((port) =>
    create(PortsSchema, {
      rule: { case: "destinationPortRange", value: create(Int32RangeSchema, { start: port, end: port + 1 }) },
    }),
  );
  if (rules.length < 2) return rules[0];
  return create(PortsSchema, { rule: { case: "orMatch", value: create(PortSetSchema, { rules }) } });
}
