import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import type { PolicyDefinition, ProxyPlan } from "@skein/policies";
import { Interned } from "../plan/interned.ts";
import type { Fragment } from "../xds/fragment.ts";
import { directAccessCluster, directAccessListener } from "./direct-access.ts";
import type { Encoder } from "./encoder.ts";
import type { InboundTranslator } from "./inbound-translator.ts";
import type { Origins } from "./origins.ts";
import {
  type InboundRedirect,
  inboundsAtPassthrough,
  type ListenerTraits,
  type OutboundRedirect,
  type TransparentResources,
  translateInboundPassthrough,
  translateOutboundPassthrough,
} from "./transparent.ts";

/** What a transparent proxy has besides its inbounds and outbounds. */
export interface TransparentFragments {
  readonly clusters: readonly Fragment[];
  readonly listeners: readonly Fragment[];
}

const NO_FRAGMENTS: TransparentFragments = { clusters: [], listeners: [] };

/** Turns what a transparent proxy has besides its inbounds and outbounds into fragments. */
export class TransparentTranslator {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #encoder: Encoder;
  readonly #origins: Origins;
  readonly #inbounds: InboundTranslator;
  readonly #passthroughs = new Interned<TransparentFragments>();
  readonly #instances = new Interned<Fragment>();
  /** Keeps what is shared for as long as a plan that it was made for. */
  readonly #heldBy = new WeakMap<ProxyPlan, Set<TransparentFragments>>();

  constructor(
    definitions: readonly PolicyDefinition[],
    encoder: Encoder,
    origins: Origins,
    inbounds: InboundTranslator,
  ) {
    this.#definitions = definitions;
    this.#encoder = encoder;
    this.#origins = origins;
    this.#inbounds = inbounds;
  }

  /** What takes the connections that are redirected to a proxy; nothing where none are. */
  transparent(plan: ProxyPlan, reusePort: boolean): TransparentFragments {
    if (plan.transparent === undefined) return NO_FRAGMENTS;
    const { outboundPort, inboundPort } = plan.transparent;
    const traits: ListenerTraits = { naming: plan.naming, reusePort };
    const parts: TransparentFragments[] = [];
    if (outboundPort !== undefined)
      parts.push(this.#outboundPassthrough(plan, { ...plan.transparent, outboundPort }, traits));
    if (inboundPort !== undefined)
      parts.push(this.#inboundPassthrough(plan, { ...plan.transparent, inboundPort }, traits));
    return {
      clusters: parts.flatMap(({ clusters }) => clusters),
      listeners: parts.flatMap(({ listeners }) => listeners),
    };
  }

  /** What takes the connections of applications to instances by their own addresses. */
  directAccess(plan: ProxyPlan, reusePort: boolean): TransparentFragments {
    const instances = plan.directAccess ?? [];
    const tls = new Map(instances.map((each) => [JSON.stringify(each.tls), each.tls]));
    return {
      clusters: [...tls.values()].map((each) => {
        const cluster = directAccessCluster(each);
        return this.#encoder.message("cluster", cluster.name, ClusterSchema, cluster, []);
      }),
      listeners: instances.map((each) => {
        const key = `${each.address} ${each.port} ${each.tls === undefined} ${reusePort}`;
        return this.#instances.get(key, () => {
          const listener = directAccessListener(each, reusePort);
          return this.#encoder.message("listener", listener.name, ListenerSchema, listener, []);
        });
      }),
    };
  }

  #outboundPassthrough(
    plan: ProxyPlan,
    transparent: OutboundRedirect,
    traits: ListenerTraits,
  ): TransparentFragments {
    const entries = Object.fromEntries(
      this.#definitions.flatMap(({ translateTransparent, kind }) => {
        const entry = plan.policies[kind.type];
        return translateTransparent === undefined || entry === undefined ? [] : [[kind.type, entry] as const];
      }),
    );
    return this.#passthrough(plan, `outbound ${JSON.stringify([traits, transparent, entries])}`, () => ({
      made: translateOutboundPassthrough(transparent, traits, this.#definitions, entries),
      origins: this.#origins.of(entries, "listener"),
    }));
  }

  #inboundPassthrough(
    plan: ProxyPlan,
    transparent: InboundRedirect,
    traits: ListenerTraits,
  ): TransparentFragments {
    const inbounds = inboundsAtPassthrough(transparent, plan.inbounds).map(({ inbound, onlyAt }) => ({
      ...{ port: inbound.port, onlyAt },
      shared: this.#inbounds.shared(inbound.shared),
    }));
    const ids = inbounds.map(({ port, onlyAt = "", shared }) => `${port} ${onlyAt} ${shared.id}`);
    return this.#passthrough(plan, `inbound ${JSON.stringify([traits, transparent, ids])}`, () => ({
      made: translateInboundPassthrough(
        transparent,
        traits,
        inbounds.map(({ port, onlyAt, shared }) => ({ port, onlyAt, parts: shared.parts })),
      ),
      origins: [...new Set(inbounds.flatMap(({ shared }) => shared.origins))].sort(),
    }));
  }

  /** Proxies that have the same redirected to them share it. */
  #passthrough(
    plan: ProxyPlan,
    key: string,
    translate: () => { readonly made: TransparentResources; readonly origins: readonly string[] },
  ): TransparentFragments {
    const fragments = this.#passthroughs.get(key, () => {
      const { made, origins } = translate();
      return {
        clusters: made.clusters.map((each) =>
          this.#encoder.message("cluster", each.name, ClusterSchema, each, origins),
        ),
        listeners: made.listeners.map((each) =>
          this.#encoder.message("listener", each.name, ListenerSchema, each, origins),
        ),
      };
    });
    const held = this.#heldBy.get(plan) ?? new Set();
    this.#heldBy.set(plan, held.add(fragments));
    return fragments;
  }
}
