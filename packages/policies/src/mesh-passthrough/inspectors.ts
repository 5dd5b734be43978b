import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import {
  type ListenerFilter,
  ListenerFilterSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import type { Listener } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { HttpInspectorSchema } from "@skein/envoy-api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb";
import { TlsInspectorSchema } from "@skein/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb";
import { notOnPorts, onPorts } from "../destination-ports.ts";
import { firstBytesPatience } from "../first-bytes.ts";
import { ORIGINAL_DST_FILTER, originalDestinationFilter } from "../original-destination.ts";
import type { ChainPlan } from "./chains.ts";

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
  const others = listener.listenerFilters.filter(({ name }) => name !== ORIGINAL_DST_FILTER);
  listener.listenerFilters = [originalDestinationFilter(), ...others, ...inspectors];
  Object.assign(listener, firstBytesPatience());
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
  const disabled = elsewhere ? onPorts(not) : notOnPorts(where);
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
