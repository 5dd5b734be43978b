import { displayName, formatKri, LABEL, listenerHostname, type MeshGatewayResource } from "@skein/model";
import {
  type BackendClusterPlan,
  type BackendReference,
  compareHosts,
  type GatewayChainPlan,
  type GatewayHostPlan,
  type GatewayPlan,
  type GatewayPortPlan,
  type GatewayProtocol,
  gatewayConnections,
  type PlanCondition,
  type ViewingCaller,
} from "@skein/policies";
import type { WeightedBackend } from "@skein/policies/engine/backends";
import { type ServedListener, servedListeners } from "../../view/gateways.ts";
import type { PolicySet } from "../../view/policy-set.ts";
import type { Interned } from "../interned.ts";
import type { CallerKind } from "../upstreams.ts";
import type { CallPolicies, SharedCalls } from "./calls.ts";
import { GatewayClusters, type GatewayUpstreams } from "./clusters.ts";
import { hostnameConditions, protocolConditions, type RoutedListener } from "./conditions.ts";
import type { GatewayProxy, GatewaysInputs } from "./inputs.ts";
import { usableCertificates } from "./listener-certificates.ts";
import { commonSet, listenerPlans, policiesOf } from "./listener-policies.ts";
import type { SharedRoutes } from "./shared-routes.ts";

/** What comes of a MeshGateway at a proxy. */
export interface PlannedGateway {
  readonly gateway: GatewayPlan | undefined;
  readonly backends: readonly BackendClusterPlan[];
  readonly conditions: readonly PlanCondition[];
}

/** What gateways have in common, made once for all that need the same. */
export interface SharedByGateways {
  readonly routes: SharedRoutes;
  readonly chains: Interned<GatewayChainPlan>;
  readonly callPolicies: CallPolicies;
  readonly calls: SharedCalls;
}

/** The planning of one gateway: its ports, and the chains and hosts of each. */
export class OneGateway {
  readonly #inputs: GatewaysInputs;
  readonly #made: GatewayUpstreams;
  readonly #proxy: GatewayProxy;
  readonly #gateway: MeshGatewayResource;
  readonly #shared: SharedByGateways;
  readonly #clusters: GatewayClusters;
  readonly #conditions: PlanCondition[] = [];
  readonly #routed: RoutedListener[] = [];
  /** A route that several listeners have is one complaint. */
  readonly #unresolved = new Set<string>();

  constructor(
    inputs: GatewaysInputs,
    made: GatewayUpstreams,
    proxy: GatewayProxy,
    gateway: MeshGatewayResource,
    shared: SharedByGateways,
  ) {
    const { dataplane } = proxy;
    const viewing: ViewingCaller = {
      zone: inputs.zone,
      labels: dataplane.labels,
      tags: [dataplane.spec.networking?.gateway?.tags ?? {}],
    };
    this.#inputs = inputs;
    this.#made = made;
    this.#proxy = proxy;
    this.#gateway = gateway;
    this.#shared = shared;
    this.#clusters = new GatewayClusters(made, viewing);
  }

  /** All of it, and what somebody should know of that. */
  plan(): PlannedGateway {
    const { dataplane } = this.#proxy;
    const byPort = Map.groupBy(servedListeners(dataplane, this.#gateway), ({ listener }) => listener.port);
    const ports = Array.from(byPort)
      .sort(([a], [b]) => a - b)
      .flatMap(([port, listeners]) => this.#port(port, listeners) ?? []);
    return {
      gateway: { name: this.#gateway.name, kri: gatewayKri(this.#gateway), ports },
      backends: this.#clusters.plans(),
      conditions: [
        ...this.#conditions,
        ...protocolConditions(this.#routed),
        ...hostnameConditions(this.#routed),
        ...Array.from(this.#unresolved, (message) => ({ type: "UnresolvedBackend", message })),
        ...this.#clusters.conditions(),
      ],
    };
  }

  #port(port: number, listeners: readonly ServedListener[]): GatewayPortPlan | undefined {
    const [first] = listeners;
    const protocol = first?.listener.protocol as GatewayProtocol;
    if (first?.listener.crossMesh === true) {
      this.#note(
        "CrossMeshListener",
        first,
        "crossMesh: nothing listens, for gateways that other meshes call are not available in this version",
      );
      return undefined;
    }
    const listenerName = `${this.#gateway.name}:${protocol}:${port}`;
    const sorted = listeners.toSorted((a, b) => compareHosts(hostOf(a), hostOf(b)));
    const chains =
      protocol === "HTTP"
        ? [this.#requests(`${listenerName}:*`, protocol, sorted, sorted, undefined)]
        : sorted.flatMap((each) => this.#chain(listenerName, protocol, each, sorted) ?? []);
    if (chains.length === 0) return undefined;
    return {
      listenerName,
      address: this.#proxy.dataplane.spec.networking?.address ?? "",
      port,
      protocol,
      chains: chains.map((chain) => this.#shared.chains.get(this.#shared.routes.keyOf(chain), () => chain)),
    };
  }

  /** The chain of a listener that is found before anything is read but the server name. */
  #chain(
    listenerName: string,
    protocol: GatewayProtocol,
    served: ServedListener,
    onPort: readonly ServedListener[],
  ): GatewayChainPlan | undefined {
    const name = `${listenerName}:${hostOf(served)}`;
    let certificates: readonly string[] | undefined;
    if (served.listener.tls?.mode === "TERMINATE" && protocol !== "TCP") {
      certificates = usableCertificates(this.#inputs, this.#gateway, served.listener, (type, message) =>
        this.#note(type, served, message),
      );
      if (certificates.length === 0) return undefined;
    }
    if (protocol === "HTTPS") return this.#requests(name, protocol, [served], onPort, certificates);
    return this.#connections(name, protocol, served, certificates);
  }

  #requests(
    name: string,
    protocol: GatewayProtocol,
    listeners: readonly ServedListener[],
    onPort: readonly ServedListener[],
    certificates: readonly string[] | undefined,
  ): GatewayChainPlan {
    const names = onPort.map(hostOf);
    const hosts = listeners.map((served): GatewayHostPlan => {
      const set = policiesOf(this.#proxy, served);
      const { virtualHosts, references, asked } = this.#shared.routes.of(set, hostOf(served), names);
      this.#routed.push({ served, set, isHttp: true, asked });
      if (virtualHosts.every(({ routes }) => routes.length === 0)) {
        this.#note("NoRoutes", served, "no MeshHTTPRoute selects it, so every request is answered with 404");
      }
      const senders = virtualHosts.flatMap(({ routes }) => routes.map(({ backends = [] }) => backends));
      return {
        ...this.#host(served, set, true),
        virtualHosts,
        ...this.#ways(served, set, { references, senders, protocol: "http" }),
      };
    });
    const own = new Set(hosts.flatMap(({ virtualHosts }) => virtualHosts.map(({ hostname }) => hostname)));
    return {
      name,
      protocol,
      certificates,
      serverName: protocol === "HTTP" ? undefined : serverNameOf(hosts[0]?.hostname),
      ...limitOf(listeners[0]),
      policies: listenerPlans(
        this.#inputs,
        this.#proxy,
        commonSet(listeners.map((each) => policiesOf(this.#proxy, each))),
        true,
      ),
      ...(this.#proxy.facts.tags === undefined ? {} : { callerTags: this.#proxy.facts.tags }),
      hosts,
      misdirected: names.filter((each) => !own.has(each)),
    };
  }

  #connections(
    name: string,
    protocol: GatewayProtocol,
    served: ServedListener,
    certificates: readonly string[] | undefined,
  ): GatewayChainPlan | undefined {
    const set = policiesOf(this.#proxy, served);
    const connections = gatewayConnections(set.byKind.get("MeshTCPRoute") ?? []);
    this.#routed.push({ served, set, isHttp: false, asked: [] });
    if (connections === undefined) {
      this.#note("NoRoutes", served, "no MeshTCPRoute selects it, so nothing listens");
      return undefined;
    }
    return {
      ...{ name, protocol, certificates },
      serverName: protocol === "TCP" ? undefined : serverNameOf(hostOf(served)),
      ...limitOf(served),
      policies: listenerPlans(this.#inputs, this.#proxy, set, false),
      hosts: [
        {
          ...this.#host(served, set, false),
          virtualHosts: [],
          connections,
          ...this.#ways(served, set, {
            references: connections.references,
            senders: [connections.backends],
            protocol: "tcp",
          }),
        },
      ],
      misdirected: [],
    };
  }

  #host(served: ServedListener, set: PolicySet, isHttp: boolean) {
    const { section, tags } = served;
    return {
      section,
      tags,
      hostname: hostOf(served),
      policies: listenerPlans(this.#inputs, this.#proxy, set, isHttp),
    };
  }

  /** Where a listener sends what comes in, and what policies say of that. */
  #ways(
    served: ServedListener,
    set: PolicySet,
    { references, senders, protocol }: SentOn,
  ): Pick<GatewayHostPlan, "references" | "backends" | "calls"> {
    const kind = this.#callerKind(set);
    const backends = Object.fromEntries(
      references.map((reference) => {
        const found = this.#clusters.backend(kind, reference, { protocol, port: undefined }, served.section);
        if (found.kind === "unresolved") this.#unresolved.add(`${reference.key}: ${found.problem}`);
        return [reference.key, found] as const;
      }),
    );
    return { references, backends, calls: this.#shared.calls.of({ policies: set, senders, backends }) };
  }

  #callerKind(set: PolicySet): CallerKind {
    const { naming, identity, facts } = this.#proxy;
    const { upstreams } = this.#made;
    return upstreams.kind(
      upstreams.caller({ ...facts, naming, identity }),
      this.#shared.callPolicies.of(set),
    );
  }

  #note(type: string, { index }: ServedListener, message: string): void {
    const where = `MeshGateway "${this.#gateway.name}" conf.listeners[${index}]`;
    this.#conditions.push({ type, message: `${where}: ${message}` });
  }
}

/** What a listener sends on. */
interface SentOn {
  readonly references: readonly BackendReference[];
  /** Of each route, where to. */
  readonly senders: readonly (readonly WeightedBackend[])[];
  readonly protocol: "http" | "tcp";
}

function hostOf({ listener }: ServedListener): string {
  return listenerHostname(listener).toLowerCase();
}

function serverNameOf(hostname: string | undefined): string | undefined {
  return hostname === "*" ? undefined : hostname;
}

/** Listeners of one port have the same; protobuf's zero stands for "not set". */
function limitOf(served: ServedListener | undefined): { readonly connectionLimit?: number } {
  const limit = served?.listener.resources?.connectionLimit ?? 0;
  return limit === 0 ? {} : { connectionLimit: limit };
}

/** KRI of a MeshGateway. */
function gatewayKri(gateway: MeshGatewayResource): string {
  return formatKri({
    shortName: "mgw",
    mesh: gateway.mesh,
    zone: gateway.labels[LABEL.zone] ?? "",
    namespace: "",
    name: displayName(gateway),
    section: "",
  });
}
