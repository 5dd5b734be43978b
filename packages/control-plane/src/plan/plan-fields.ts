import type { EgressChainPlan, InboundPlan, OutboundPlan, PolicyPlans, ProxyPlan } from "@skein/policies";
import { isRecord } from "../insights/fields.ts";
import { type EntryField, entryFields } from "./entry-fields.ts";
import type { GatewayPart } from "./gateways/parts.ts";

/** A value of a plan; without a kind, no policy decides it. */
export interface PlanField extends EntryField {
  readonly kind?: string;
}

/** What policies decided, field by field. */
export function policyFields(policies: PolicyPlans): readonly PlanField[] {
  return Object.entries(policies).flatMap(([kind, entry]) =>
    entryFields(entry).map((field) => ({ ...field, kind })),
  );
}

/** All that a plan says of a proxy as a whole. */
export function proxyFields({
  identity,
  admin,
  transparent,
  directAccess,
  naming,
  policies,
  conditions,
}: ProxyPlan): readonly PlanField[] {
  return [
    ...plainFields({
      identity,
      admin,
      transparent,
      directAccess,
      naming,
      conditions: conditions.map(({ message }) => message),
    }),
    ...policyFields(policies),
  ];
}

/** What a plan says of an inbound, but for what policies decide. */
export function inboundFields({ address, port, shared }: InboundPlan): readonly PlanField[] {
  const { protocol, service, tls, clusterName } = shared;
  return plainFields({ address, port, protocol, service, tls, clusterName });
}

/** What a plan says of the way of a service through an egress, but for what policies decide. */
export function egressFields({
  protocol,
  tls,
  external,
  clusterName,
}: EgressChainPlan): readonly PlanField[] {
  return plainFields({ protocol, tls, external, clusterName });
}

/** What a plan says of an outbound, but for what policies decide. */
export function outboundFields({ address, port, upstream }: OutboundPlan): readonly PlanField[] {
  const { destination, tls, clusterName, backends } = upstream;
  const { protocol, serverIds } = destination;
  const targets = Object.fromEntries(
    Object.entries(backends).map(([key, backend]) => [
      key,
      backend.kind === "resolved" ? backend.target : backend.problem,
    ]),
  );
  return plainFields({ address, port, protocol, serverIds, tls, clusterName, backends: targets });
}

/** What a plan says of the way of a gateway to a destination, but for what policies decide. */
export function wayFields({ upstream }: Pick<OutboundPlan, "upstream">): readonly PlanField[] {
  const { destination, tls, clusterName } = upstream;
  const { protocol, serverIds } = destination;
  return plainFields({ protocol, serverIds, tls, clusterName });
}

/** What a plan says of a listener of a gateway, but for what policies decide. */
export function listenerFields({ port, chain, host }: GatewayPart): readonly PlanField[] {
  const { address, protocol } = port;
  const { certificates, serverName, connectionLimit } = chain;
  const hostnames = host.virtualHosts.map(({ hostname }) => hostname);
  const backends = Object.fromEntries(
    Object.entries(host.backends).map(([key, backend]) => [
      key,
      backend.kind === "resolved" ? backend.target : backend.problem,
    ]),
  );
  return plainFields({ address, protocol, connectionLimit, certificates, serverName, hostnames, backends });
}

function plainFields(value: unknown, path = ""): readonly PlanField[] {
  if (value === undefined) return [];
  if (!isRecord(value)) return [{ path, value }];
  return Object.entries(value).flatMap(([key, inner]) =>
    plainFields(inner, path === "" ? key : `${path}.${key}`),
  );
}
