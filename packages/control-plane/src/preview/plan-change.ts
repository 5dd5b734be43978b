import type {
  BackendClusterPlan,
  EgressChainPlan,
  GatewayHostPlan,
  InboundPlan,
  OutboundPlan,
  PolicyPlans,
  ProxyPlan,
} from "@skein/policies";
import type { EndpointsPlan } from "@skein/policies/plan/endpoints-plan";
import { getOrMake } from "../get-or-make.ts";
import { type GatewayPart, gatewayParts } from "../plan/gateways/parts.ts";
import {
  egressFields,
  inboundFields,
  listenerFields,
  outboundFields,
  type PlanField,
  policyFields,
  proxyFields,
  wayFields,
} from "../plan/plan-fields.ts";
import type { FieldChange } from "./report.ts";

/** A field of one plan that differs, and where. */
export interface PlanChange extends Omit<FieldChange, "mesh" | "places" | "proxies"> {
  readonly place: string;
}

/** A plan with the instances behind its outbounds. */
export interface SituatedPlan {
  readonly plan: ProxyPlan;
  readonly endpoints: (way: Pick<OutboundPlan, "target">) => EndpointsPlan;
}

type Delta = Omit<PlanChange, "place" | "part">;

/**
 * Compares plans. Parts that proxies share are compared once: what comes of a pair is remembered, as long as the
 * comparer is.
 */
export class PlanComparer {
  readonly #policies = new WeakMap<PolicyPlans, WeakMap<PolicyPlans, readonly Delta[]>>();
  readonly #endpoints = new WeakMap<EndpointsPlan, WeakMap<EndpointsPlan, readonly Delta[]>>();

  /** Every field in which a proxy's plans differ. */
  changes(before: SituatedPlan | undefined, after: SituatedPlan | undefined): readonly PlanChange[] {
    if (before === undefined || after === undefined) {
      const plan = (after ?? before)?.plan;
      if (plan === undefined) return [];
      return [{ part: "proxy", place: plan.kri, ...whole(before?.plan.address, after?.plan.address) }];
    }
    return [
      ...deltas(proxyFields(before.plan), proxyFields(after.plan)).map((delta) => ({
        part: "proxy" as const,
        place: after.plan.kri,
        ...delta,
      })),
      ...paired(inboundsByKey(before.plan), inboundsByKey(after.plan)).flatMap(([old, now]) =>
        this.#inbound(old, now),
      ),
      ...paired(chainsByKey(before.plan), chainsByKey(after.plan)).flatMap(([old, now]) =>
        this.#egress(old, now),
      ),
      ...paired(listenersByKey(before.plan), listenersByKey(after.plan)).flatMap(([old, now]) =>
        this.#listener(old, now),
      ),
      ...paired(waysByKey(before.plan), waysByKey(after.plan)).flatMap(([old, now]) =>
        this.#way(before, after, old, now),
      ),
      ...paired(outboundsByKey(before.plan), outboundsByKey(after.plan)).flatMap(([old, now]) =>
        this.#outbound(before, after, old, now),
      ),
    ];
  }

  #inbound(old: InboundPlan | undefined, now: InboundPlan | undefined): readonly PlanChange[] {
    const at = { part: "inbound" as const, place: (now ?? old)?.section ?? "" };
    if (old === undefined || now === undefined) return [{ ...at, ...whole(old?.port, now?.port) }];
    if (old === now) return [];
    return [
      ...deltas(inboundFields(old), inboundFields(now)),
      ...this.#policyDeltas(old.shared.policies, now.shared.policies),
    ].map((delta) => ({ ...at, ...delta }));
  }

  #egress(old: EgressWay | undefined, now: EgressWay | undefined): readonly PlanChange[] {
    const at = { part: "inbound" as const, place: (now ?? old)?.place ?? "" };
    if (old === undefined || now === undefined) return [{ ...at, ...whole(old?.port, now?.port) }];
    if (old.chain === now.chain) return [];
    return [
      ...deltas(egressFields(old.chain), egressFields(now.chain)),
      ...this.#policyDeltas(old.chain.policies, now.chain.policies),
    ].map((delta) => ({ ...at, ...delta }));
  }

  #listener(old: GatewayPart | undefined, now: GatewayPart | undefined): readonly PlanChange[] {
    const place = (now ?? old)?.host.section ?? "";
    const at = { part: "inbound" as const, place };
    if (old === undefined || now === undefined) return [{ ...at, ...whole(old?.port.port, now?.port.port) }];
    if (old.host === now.host && old.chain === now.chain && old.port === now.port) return [];
    const calls = deltas(callFields(old.host), callFields(now.host));
    return [
      ...deltas(listenerFields(old), listenerFields(now)).map((delta) => ({ ...at, ...delta })),
      ...deltas(policyFields(old.policies), policyFields(now.policies)).map((delta) => ({ ...at, ...delta })),
      ...calls.map((delta) => ({ part: "outbound" as const, place, ...delta })),
    ];
  }

  /** The way of a gateway to a destination. */
  #way(
    before: SituatedPlan,
    after: SituatedPlan,
    old: BackendClusterPlan | undefined,
    now: BackendClusterPlan | undefined,
  ): readonly PlanChange[] {
    const at = { part: "outbound" as const, place: (now ?? old)?.upstream.destination.kri ?? "" };
    if (old === undefined || now === undefined) {
      const port = (each: BackendClusterPlan | undefined) => each?.upstream.destination.port;
      return [{ ...at, ...whole(port(old), port(now)) }];
    }
    return [
      ...(old.upstream === now.upstream
        ? []
        : [
            ...deltas(wayFields(old), wayFields(now)),
            ...this.#policyDeltas(old.upstream.policies, now.upstream.policies),
          ]),
      ...this.#endpointDeltas(before.endpoints(old), after.endpoints(now)),
    ].map((delta) => ({ ...at, ...delta }));
  }

  #outbound(
    before: SituatedPlan,
    after: SituatedPlan,
    old: OutboundPlan | undefined,
    now: OutboundPlan | undefined,
  ): readonly PlanChange[] {
    const at = { part: "outbound" as const, place: (now ?? old)?.upstream.destination.kri ?? "" };
    if (old === undefined || now === undefined) return [{ ...at, ...whole(old?.port, now?.port) }];
    return [
      ...(old === now
        ? []
        : [
            ...deltas(outboundFields(old), outboundFields(now)),
            ...this.#policyDeltas(old.upstream.policies, now.upstream.policies),
          ]),
      ...this.#endpointDeltas(before.endpoints(old), after.endpoints(now)),
    ].map((delta) => ({ ...at, ...delta }));
  }

  #policyDeltas(old: PolicyPlans, now: PolicyPlans): readonly Delta[] {
    return remembered(this.#policies, old, now, () =>
      deltas(policyFields(old), policyFields(now)).filter((delta) => !isBirthOfModel(delta)),
    );
  }

  #endpointDeltas(old: EndpointsPlan, now: EndpointsPlan): readonly Delta[] {
    return remembered(this.#endpoints, old, now, () => deltas(instances(old), instances(now)));
  }
}

/** The way of a service through one listener of an egress. */
interface EgressWay {
  readonly place: string;
  readonly port: number;
  readonly chain: EgressChainPlan;
}

function chainsByKey({ egresses = [] }: ProxyPlan): Map<string, EgressWay> {
  const ways = egresses.flatMap(({ section, port, chains }) =>
    chains.map((chain) => ({ place: `${section} to ${chain.destination.name}`, port, chain })),
  );
  return new Map(ways.map((way) => [way.place, way]));
}

/** Listeners of a gateway. Two may have one host name on one port only if they are bytes of different gateways. */
function listenersByKey(plan: ProxyPlan): ReadonlyMap<string, GatewayPart> {
  return new Map(gatewayParts(plan).map((part) => [`${plan.gateway?.kri} ${part.host.section}`, part]));
}

/** What a gateway calls: other proxies call what their routes lead to only where an outbound leads there too. */
function waysByKey({ gateway, backends }: ProxyPlan): ReadonlyMap<string, BackendClusterPlan> {
  if (gateway === undefined) return new Map();
  return new Map(backends.map((way) => [way.upstream.clusterName, way]));
}

/** What holds for the calls of single routes of a listener, and for what it shares out to several destinations. */
function callFields({ calls: { byDestination, shared = {} } }: GatewayHostPlan): readonly PlanField[] {
  const byRoute = Object.values(byDestination)
    .flatMap(policyFields)
    .filter(({ route }) => route !== undefined);
  return [...byRoute, ...policyFields(shared)];
}

/** That a plan has begun to hold a kind of rules goes without saying: the rules are told. */
function isBirthOfModel({ field, before, after, origin }: Delta): boolean {
  return field === "model" && origin === undefined && (before === undefined || after === undefined);
}

function remembered<T extends object>(
  known: WeakMap<T, WeakMap<T, readonly Delta[]>>,
  old: T,
  now: T,
  compute: () => readonly Delta[],
): readonly Delta[] {
  if (old === now) return [];
  const ofOld = getOrMake(known, old, () => new WeakMap());
  return getOrMake(ofOld, now, () => compute());
}

/** Something that is there as a whole, or gone. */
function whole(before: unknown, after: unknown): Delta {
  return {
    field: "",
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

function instances({ localities }: EndpointsPlan): readonly PlanField[] {
  return localities.flatMap(({ zone, priority, endpoints }) =>
    endpoints.map(({ address, port }) => ({
      path: "endpoints",
      value: `${address}:${port} (zone ${zone}, priority ${priority})`,
      isItem: true as const,
    })),
  );
}

function deltas(before: readonly PlanField[], after: readonly PlanField[]): readonly Delta[] {
  const [old, now] = [byKey(before), byKey(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) => {
    const [was, is] = [old.get(key), now.get(key)];
    const field = is ?? was;
    if (field === undefined || JSON.stringify(was?.value) === JSON.stringify(is?.value)) return [];
    const { kind, path, caller, route, origin } = field;
    return [
      {
        field: path,
        ...(kind === undefined ? {} : { kind }),
        ...(caller === undefined ? {} : { caller }),
        ...(route === undefined ? {} : { route }),
        ...(was === undefined ? {} : { before: was.value }),
        ...(is === undefined ? {} : { after: is.value }),
        ...(origin === undefined ? {} : { origin }),
      },
    ];
  });
}

function byKey(fields: readonly PlanField[]): ReadonlyMap<string, PlanField> {
  return new Map(
    fields.map((field) => {
      const { kind, path, caller, route, isItem, value } = field;
      return [JSON.stringify([kind, path, caller, route, isItem === true ? value : null]), field];
    }),
  );
}

function inboundsByKey({ inbounds }: ProxyPlan): ReadonlyMap<string, InboundPlan> {
  return new Map(inbounds.map((inbound) => [inbound.section, inbound]));
}

/** Several outbounds may lead to one destination: they are told apart by their order. */
function outboundsByKey({ outbounds }: ProxyPlan): ReadonlyMap<string, OutboundPlan> {
  const seen = new Map<string, number>();
  return new Map(
    outbounds.map((outbound) => {
      const nth = (seen.get(outbound.target) ?? 0) + 1;
      seen.set(outbound.target, nth);
      return [`${outbound.target} ${nth}`, outbound];
    }),
  );
}

function paired<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): readonly (readonly [T | undefined, T | undefined])[] {
  return [...new Set([...before.keys(), ...after.keys()])].map((key) => [before.get(key), after.get(key)]);
}
