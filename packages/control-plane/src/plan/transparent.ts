import {
  type DataplaneInbound,
  type DataplaneResource,
  type MeshResource,
  SERVICELESS_INBOUND_PORT,
} from "@skein/model";
import type { InboundTlsPlan, PlanCondition, TransparentPlan } from "@skein/policies";
import { Interned } from "./interned.ts";
import type { NodeFacts } from "./node-facts.ts";
import { dataplaneRedirect, type Redirect } from "./redirect.ts";

/** How the machine redirects connections to a proxy: what its launcher said, else what its Dataplane says. */
export function redirectOf({ spec }: DataplaneResource, facts: NodeFacts): Redirect {
  const said = facts.redirect ?? dataplaneRedirect(spec.networking);
  return {
    ...said,
    // Such outbounds have addresses that applications call directly.
    outboundPort: facts.bindOutbounds ? undefined : said.outboundPort,
    ipv6: said.ipv6 && facts.ipv6,
  };
}

export interface TransparentInputs {
  readonly redirect: Redirect;
  readonly mesh: MeshResource;
  readonly strictInboundPorts: boolean;
  readonly inbounds: readonly {
    readonly inbound: DataplaneInbound;
    readonly tls: InboundTlsPlan | undefined;
  }[];
}

/** Plans the part of transparent proxying that is not about a single inbound or outbound. Equal plans are one object. */
export class TransparentPlans {
  readonly #interned = new Interned<TransparentPlan>();

  /** `undefined` where the machine redirects nothing. */
  of({ redirect, mesh, strictInboundPorts, inbounds }: TransparentInputs): TransparentPlan | undefined {
    const { outboundPort, inboundPort, ipv6 } = redirect;
    if (outboundPort === undefined && inboundPort === undefined) return undefined;
    const plan: TransparentPlan = {
      outboundPort,
      inboundPort,
      ipv6,
      passthrough: mesh.spec.networking?.outbound?.passthrough ?? true,
      strictPorts: strictInboundPorts && inbounds.some(({ tls }) => tls?.mode === "strict"),
      serviceless: inbounds.some(({ inbound }) => inbound.port === SERVICELESS_INBOUND_PORT),
    };
    return this.#interned.get(JSON.stringify(plan), () => plan);
  }
}

/** What a Dataplane or its launcher asks for that comes to nothing. */
export function transparentConditions(
  { spec }: DataplaneResource,
  { outboundPort }: Redirect,
  { envoyDnsPort }: Pick<NodeFacts, "envoyDnsPort">,
): readonly PlanCondition[] {
  const services = spec.networking?.transparentProxying?.directAccessServices ?? [];
  const conditions: PlanCondition[] = [];
  if (services.length > 0 && outboundPort === undefined) {
    const message =
      "networking.transparentProxying.directAccessServices has no effect: the proxy was not started with --transparent-proxy, and its Dataplane has no redirectPortOutbound";
    conditions.push({ type: "NoTransparentProxying", message });
  }
  if (envoyDnsPort !== undefined && outboundPort !== undefined) {
    const message = `names of the mesh do not resolve behind this proxy: its launcher looks them up with CoreDNS, at Envoy's port ${envoyDnsPort}, where nothing answers; start it with KUMA_DNS_PROXY_PORT=15053, so that it answers DNS by itself, or with KUMA_DNS_ENABLED=false where nobody needs those names`;
    conditions.push({ type: "NamesNotServed", message });
  }
  return conditions;
}
