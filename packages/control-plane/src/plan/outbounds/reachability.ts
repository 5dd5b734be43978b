import {
  type DataplaneInbound,
  type DataplaneResource,
  type MeshResource,
  SERVICELESS_INBOUND_PORT,
} from "@skein/model";
import {
  type DestinationKey,
  type InboundPlan,
  type InboundSharedPlan,
  type PlanCondition,
  type ViewingCaller,
  viewingKeys,
  viewingPart,
} from "@skein/policies";
import { getOrMake } from "../../get-or-make.ts";
import type { Graph, Readable } from "../../view/graph.ts";
import type { MeshView } from "../../view/mesh-view.ts";
import { type Destination, instancesBehind } from "../destinations.ts";
import type { DataplaneIdentity } from "../identities.ts";
import { outboundTarget } from "../outbound-target.ts";
import { type Redirect, redirectsOutbound } from "../redirect.ts";
import type { CallerKind, Upstreams } from "../upstreams.ts";
import { type AddressedPort, addressBook, tagAddresses } from "./addressed.ts";
import type { Admission } from "./admissions.ts";
import { meshServicesMode, reachOf } from "./reach.ts";
import { reachableSets } from "./reachable-sets.ts";
import {
  addressOf,
  OutboundPlans,
  type Outbounds,
  type SharedOutbounds,
  sameBackends,
  sameOutbounds,
} from "./shared-outbounds.ts";

export interface ReachabilityInputs {
  readonly view: MeshView;
  readonly identity: { at(dataplane: string): Readable<DataplaneIdentity> };
  readonly destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly inbounds: { at(dataplane: string): Readable<readonly PlannedInbound[]> };
  readonly upstreams: Upstreams;
  readonly zone: string;
  /** Who lists nothing gets what MeshTrafficPermissions let it call. */
  readonly autoReachable: boolean;
  readonly serviceVipPort: number;
}

/** An inbound of a Dataplane and what becomes of it. */
export interface PlannedInbound {
  readonly inbound: DataplaneInbound;
  readonly plan: InboundPlan;
}

/** What a proxy is to those whom it calls, and how its applications' connections come to it. */
export interface CallingProxy {
  readonly caller: CallerKind;
  readonly redirect: Redirect;
  /** It listens at the addresses of destinations itself, on the machine's loopback interface. */
  readonly bindOutbounds: boolean;
}

/** What a Dataplane names one by one. */
interface AskedPorts {
  /** With the field that names each. */
  readonly ports: ReadonlyMap<AddressedPort, string>;
  readonly named: readonly AddressedPort[];
  readonly conditions: readonly PlanCondition[];
}

const NOTHING_ASKED: AskedPorts = { ports: new Map(), named: [], conditions: [] };

/** All outbounds of a proxy, and the part of them that it has in common with others. */
export interface ProxyOutbounds extends Outbounds {
  /** Present where `outbounds` begins with all of these and `backends` has all of theirs. */
  readonly shared: SharedOutbounds | undefined;
  /** What is known of callers of a kind lives as long as one of them. */
  readonly kept?: CallerKind["core"];
}

/** Which outbounds proxies get. */
export interface Reachability {
  of(dataplane: DataplaneResource, mesh: MeshResource, proxy: CallingProxy): ProxyOutbounds;
}

/**
 * The outbounds of proxies: those that their Dataplanes name, and for transparent proxies one for each address and port
 * of what they may reach.
 */
export function reachability(graph: Graph, inputs: ReachabilityInputs): Reachability {
  const { view, identity, destination, inbounds, upstreams, zone, autoReachable } = inputs;
  const plans = new OutboundPlans(graph, upstreams, destination);
  const admission = graph.family<DestinationKey, Admission>((key) => {
    const found = destination.at(key).get();
    const kinds = new Set<InboundSharedPlan>();
    for (const [member, sections] of instancesBehind(view, key)) {
      for (const { plan } of inbounds.at(member).get())
        if (sections.has(plan.section)) kinds.add(plan.shared);
    }
    return { sni: found?.plan.sni ?? "", acceptsTls: found?.acceptsTls ?? false, inbounds: [...kinds] };
  }, sameAdmission);
  const sets = reachableSets(graph, {
    addresses: addressBook(graph, view),
    tags: tagAddresses(graph, view, inputs.serviceVipPort),
    admission,
  });

  const asked = graph.family<string, AskedPorts>((name) => {
    const dataplane = view.dataplane.at(name).get();
    return dataplane === undefined ? NOTHING_ASKED : explicitPorts(view, dataplane);
  });

  const certificatesOf = (name: string): readonly (readonly string[])[] => {
    const { current, certificates } = identity.at(name).get();
    const lists = [...(current === undefined ? [] : [current.uris]), ...certificates.map(({ uris }) => uris)];
    return [...new Set(lists.map((uris) => JSON.stringify(uris)))].sort().map((text) => JSON.parse(text));
  };

  const keys = new WeakMap<CallerKind, readonly string[]>();
  const keysFor = (caller: CallerKind): readonly string[] =>
    getOrMake(keys, caller, () => viewingKeys(caller.policies.byKind.get("MeshLoadBalancingStrategy") ?? []));

  const sharedOf = (
    dataplane: DataplaneResource,
    mesh: MeshResource,
    { caller, redirect, bindOutbounds }: CallingProxy,
    viewing: ViewingCaller,
  ): SharedOutbounds | undefined => {
    // Only there do connections to the addresses of destinations come to the proxy.
    if (redirect.outboundPort === undefined && !bindOutbounds) return undefined;
    const certificates = autoReachable ? certificatesOf(dataplane.name) : undefined;
    const set = sets.at(reachOf(dataplane, meshServicesMode(mesh), certificates)).get();
    return plans.shared(caller, set, viewing, redirect).get();
  };

  return {
    of(dataplane, mesh, proxy) {
      const { caller, redirect } = proxy;
      const viewing = viewingPart(keysFor(caller), viewingCaller(dataplane, zone));
      const isRedirected = (address: string): boolean =>
        redirectsOutbound(redirect, address, dataplane.spec.networking?.address);
      const { ports, named, conditions: unresolved } = asked.at(dataplane.name).get();
      const conditions: PlanCondition[] = [...unresolved];
      const askedFor = (port: AddressedPort): string | undefined => ports.get(port);
      const shared = sharedOf(dataplane, mesh, proxy, viewing);
      if (shared === undefined) {
        conditions.push(...uselessLists(dataplane));
        const own = plans.of(caller, named, { viewing, isRedirected, askedFor });
        return { ...own, conditions: [...conditions, ...own.conditions], shared, kept: caller.core };
      }
      const taken = takenAddresses(dataplane, named).filter(({ at }) => shared.addresses.has(at));
      const own = plans.of(caller, named, {
        viewing,
        isRedirected,
        askedFor,
        taken: shared.listenerNames,
      });
      const all = [...conditions, ...own.conditions, ...shared.conditions];
      if (taken.length === 0) {
        if (own.outbounds.length === 0) return { ...shared, conditions: all, shared, kept: caller.core };
        const outbounds = [...shared.outbounds, ...own.outbounds];
        return {
          outbounds,
          backends: joined(shared.backends, own.backends),
          conditions: all,
          shared,
          kept: caller.core,
        };
      }
      const by = new Map(taken.map(({ at, what }) => [at, what] as const));
      const rest = shared.outbounds.filter((each) => {
        const what = by.get(addressOf(each));
        if (what === undefined) return true;
        const message = `${each.upstream.destination.kri} is not reachable at ${addressOf(each)}: ${what}`;
        all.push({ type: "AddressTaken", message });
        return false;
      });
      return {
        outbounds: [...rest, ...own.outbounds],
        backends: joined(shared.backends, own.backends),
        conditions: all,
        shared: undefined,
        kept: caller.core,
      };
    },
  };
}

/** What a Dataplane lists although its proxy does not see what its applications call. */
function uselessLists({ spec }: DataplaneResource): readonly PlanCondition[] {
  const lists = spec.networking?.transparentProxying;
  return (["reachableServices", "reachableBackends"] as const).flatMap((field) => {
    if (lists?.[field] === undefined) return [];
    const message = `networking.transparentProxying.${field} has no effect: the proxy was not started with --transparent-proxy, and its Dataplane has no redirectPortOutbound`;
    return [{ type: "NoTransparentProxying", message }];
  });
}

/** What the Dataplane names one by one, as far as it is there and nothing else of the proxy is at its address: with the field. */
function explicitPorts(view: MeshView, dataplane: DataplaneResource): AskedPorts {
  const conditions: PlanCondition[] = [];
  const owners = new Map(inboundAddresses(dataplane).map((at) => [at, "an inbound of this proxy"]));
  const ports = new Map<AddressedPort, string>();
  for (const [index, each] of (dataplane.spec.networking?.outbound ?? []).entries()) {
    const at = `networking.outbound[${index}]`;
    const found = outboundTarget(view, each);
    if (!found.ok) {
      conditions.push({ type: "UnresolvedOutbound", message: `${at}: ${found.error}` });
      continue;
    }
    const port = { target: found.value, address: each.address || "127.0.0.1", port: each.port };
    const owner = owners.get(addressOf(port));
    if (owner === undefined) {
      ports.set(port, at);
      owners.set(addressOf(port), at);
      continue;
    }
    conditions.push({
      type: "AddressTaken",
      message: `${at}: ${addressOf(port)} is the address of ${owner}`,
    });
  }
  return { ports, named: [...ports.keys()], conditions };
}

/** Where a proxy listens for others, by whatever name. */
function inboundAddresses({ spec }: DataplaneResource): readonly string[] {
  const { inbound = [], address: own = "" } = spec.networking ?? {};
  return inbound.flatMap(({ address, port, state }) =>
    state === "Ignored" || port === SERVICELESS_INBOUND_PORT
      ? []
      : [addressOf({ address: address || own, port })],
  );
}

/** The addresses that no outbound of the mesh may take from a proxy. */
function takenAddresses(
  dataplane: DataplaneResource,
  named: readonly AddressedPort[],
): readonly { readonly at: string; readonly what: string }[] {
  return [
    ...inboundAddresses(dataplane).map((at) => ({
      at,
      what: "that is the address of an inbound of this proxy",
    })),
    ...named.map((each) => ({
      at: addressOf(each),
      what: "an outbound of the Dataplane has that address",
    })),
  ];
}

function joined(shared: Outbounds["backends"], own: Outbounds["backends"]): Outbounds["backends"] {
  if (own.length === 0) return shared;
  const byTarget = new Map([...shared, ...own].map((each) => [each.target, each] as const));
  return [...byTarget.values()].sort((a, b) => (a.target < b.target ? -1 : 1));
}

/** Whether a proxy has the same outbounds as before. */
export function sameProxyOutbounds(a: ProxyOutbounds, b: ProxyOutbounds): boolean {
  return (
    a.shared === b.shared &&
    sameOutbounds(a.outbounds, b.outbounds) &&
    sameBackends(a.backends, b.backends) &&
    JSON.stringify(a.conditions) === JSON.stringify(b.conditions)
  );
}

function viewingCaller({ spec, labels }: DataplaneResource, zone: string): ViewingCaller {
  return { zone, labels, tags: (spec.networking?.inbound ?? []).map(({ tags }) => tags ?? {}) };
}

function sameAdmission(a: Admission, b: Admission): boolean {
  return (
    a.sni === b.sni &&
    a.acceptsTls === b.acceptsTls &&
    a.inbounds.length === b.inbounds.length &&
    a.inbounds.every((each, i) => each === b.inbounds[i])
  );
}
