import {
  type DataplaneResource,
  displayName,
  formatKri,
  LABEL,
  listenerHostname,
  type MeshGatewayResource,
  SERVICE_TAG,
} from "@skein/model";
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
  type IdentityPlan,
  type Naming,
  type PlanCondition,
  type PolicyDefinition,
  type PolicyPlans,
  type ViewingCaller,
} from "@skein/policies";
import type { WeightedBackend } from "@skein/policies/engine/backends";
import { gatewaysOf, isBuiltinGateway, type ServedListener, servedListeners } from "../../view/gateways.ts";
import type { MeshView } from "../../view/mesh-view.ts";
import {
  NO_SET,
  type PolicyReach,
  type PolicySet,
  policyList,
  policyReach,
  policySet,
} from "../../view/policy-set.ts";
import { Interned } from "../interned.ts";
import type { CallerFacts, CallerKind } from "../upstreams.ts";
import { routesOf, SharedCalls } from "./calls.ts";
import { type CertificateInputs, certificateNames, gatewayCertificate } from "./certificates.ts";
import { GatewayClusters, type GatewayUpstreams } from "./clusters.ts";
import { hostnameConditions, protocolConditions, type RoutedListener } from "./conditions.ts";
import { SharedRoutes } from "./shared-routes.ts";

export interface GatewaysInputs extends CertificateInputs {
  readonly view: Pick<MeshView, "gateways" | "secret" | "secretBefore">;
  readonly zone: string;
  readonly definitions: readonly PolicyDefinition[];
}

/** A proxy that may be a built-in gateway. */
export interface GatewayProxy {
  readonly dataplane: DataplaneResource;
  readonly naming: Naming;
  readonly identity: IdentityPlan | undefined;
  readonly facts: Omit<CallerFacts, "policies" | "naming" | "identity">;
  /** Host and port of its own authorization agent, where it said that it has one. */
  readonly extAuthzAddress: string | undefined;
  /** What policies say of a listener, by its section. */
  readonly policies: ReadonlyMap<string, PolicySet>;
}

/** What comes of a MeshGateway at a proxy. */
export interface PlannedGateway {
  readonly gateway: GatewayPlan | undefined;
  readonly backends: readonly BackendClusterPlan[];
  readonly conditions: readonly PlanCondition[];
}

/** Kinds of policies that say where traffic goes; a gateway's are about itself, not about its calls. */
const ROUTES = ["MeshHTTPRoute", "MeshTCPRoute"];
const NOTHING: PlannedGateway = { gateway: undefined, backends: [], conditions: [] };

/** Plans built-in gateways: what a proxy listens on, and where it sends what comes in. */
export class Gateways {
  readonly #inputs: GatewaysInputs;
  readonly #made: GatewayUpstreams;
  readonly #chains = new Interned<GatewayChainPlan>();
  readonly #calls = new Interned<PolicySet>();
  readonly #reach: PolicyReach;
  readonly #ofRoutes: SharedCalls;
  readonly #routes = new SharedRoutes();

  constructor(inputs: GatewaysInputs, made: GatewayUpstreams) {
    this.#reach = policyReach(inputs.definitions);
    this.#ofRoutes = new SharedCalls(inputs.definitions);
    this.#inputs = inputs;
    this.#made = made;
  }

  /** What the best MeshGateway for a proxy makes of it, and what somebody should know of that. */
  of(proxy: GatewayProxy): PlannedGateway {
    const { dataplane } = proxy;
    if (!isBuiltinGateway(dataplane)) return NOTHING;
    const [gateway, ...others] = gatewaysOf(dataplane, this.#inputs.view.gateways.get());
    if (gateway === undefined) {
      const tags = JSON.stringify(dataplane.spec.networking?.gateway?.tags ?? {});
      const message = `networking.gateway: no MeshGateway has a selector that matches ${tags}, so nothing listens`;
      return { ...NOTHING, conditions: [{ type: "NoMeshGateway", message }] };
    }
    const planning = new OneGateway(this.#inputs, this.#made, proxy, gateway, {
      reach: this.#reach,
      routes: this.#routes,
      chains: this.#chains,
      calls: this.#calls,
      ofRoutes: this.#ofRoutes,
    });
    const planned = planning.plan();
    const overruled = others.map(
      ({ name }): PlanCondition => ({
        type: "OverruledMeshGateway",
        message: `MeshGateway "${name}" selects this gateway too and is not served here: "${gateway.name}" has more matching tags, or is newer`,
      }),
    );
    return { ...planned, conditions: [...overruled, ...planned.conditions] };
  }
}

interface Shared {
  readonly routes: SharedRoutes;
  readonly reach: PolicyReach;
  readonly chains: Interned<GatewayChainPlan>;
  readonly calls: Interned<PolicySet>;
  readonly ofRoutes: SharedCalls;
}

/** The planning of one gateway. */
class OneGateway {
  readonly #inputs: GatewaysInputs;
  readonly #made: GatewayUpstreams;
  readonly #proxy: GatewayProxy;
  readonly #gateway: MeshGatewayResource;
  readonly #shared: Shared;
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
    shared: Shared,
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
      certificates = this.#certificates(served);
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
      const set = this.#setOf(served);
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
      policies: this.#plans(commonSet(listeners.map((each) => this.#setOf(each))), true),
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
    const set = this.#setOf(served);
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
      policies: this.#plans(set, false),
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
    return { section, tags, hostname: hostOf(served), policies: this.#plans(set, isHttp) };
  }

  /** The certificates that are there. What is wrong with one is no reason not to serve with the other. */
  #certificates(served: ServedListener): readonly string[] {
    const byKeyType = new Map<string, string>();
    for (const [i, name] of certificateNames(this.#gateway, served.listener).entries()) {
      const field = `tls.certificates[${i}]`;
      const found = gatewayCertificate(this.#inputs, name);
      if (!found.ok) {
        this.#note("InvalidCertificate", served, `${field}: ${found.error}`);
        continue;
      }
      const { keyType, warning } = found.value;
      if (warning !== undefined) this.#note("OutdatedSecret", served, `${field}: ${warning}`);
      if (byKeyType.has(keyType)) {
        this.#note(
          "InvalidCertificate",
          served,
          `${field}: has a key of type ${keyType} as the one before it, and is not used: of two certificates one must have an RSA and one an ECDSA key`,
        );
        continue;
      }
      byKeyType.set(keyType, name);
    }
    return [...byKeyType.values()];
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
    return { references, backends, calls: this.#shared.ofRoutes.of({ policies: set, senders, backends }) };
  }

  #callerKind(set: PolicySet): CallerKind {
    const { naming, identity, facts } = this.#proxy;
    return this.#made.upstreams.kind({ ...facts, naming, identity, policies: this.#aboutCalls(set) });
  }

  #aboutCalls(set: PolicySet): PolicySet {
    const { reach, calls } = this.#shared;
    const byKind = new Map(
      [...set.byKind].flatMap(([type, list]) => {
        const about = ROUTES.includes(type) ? [] : list.filter(reach.outbound);
        return about.length === 0 ? [] : [[type, policyList(about)] as const];
      }),
    );
    const made = policySet(byKind);
    return calls.get(made.id, () => made);
  }

  #setOf({ section }: ServedListener): PolicySet {
    return this.#proxy.policies.get(section) ?? NO_SET;
  }

  #plans(set: PolicySet, isHttp: boolean): PolicyPlans {
    const { definitions, meshName } = this.#inputs;
    const service = this.#proxy.dataplane.spec.networking?.gateway?.tags?.[SERVICE_TAG] ?? "";
    const routes = routesOf(set);
    const plans: Record<string, unknown> = {};
    for (const definition of definitions) {
      const type = definition.kind.type;
      const policies = set.byKind.get(type) ?? [];
      const entry = definition.planGateway?.({
        ...{ policies, mesh: meshName, isHttp, service, routes },
        extAuthzAddress: this.#proxy.extAuthzAddress,
      });
      if (entry !== undefined) plans[type] = entry;
    }
    return plans;
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

/** The policies that are in all sets. */
function commonSet([first = NO_SET, ...others]: readonly PolicySet[]): PolicySet {
  if (others.every((other) => other === first)) return first;
  const byKind = new Map(
    Array.from(first.byKind, ([type, list]) => [
      type,
      policyList(
        list.filter((policy) => others.every((other) => other.byKind.get(type)?.includes(policy) === true)),
      ),
    ]),
  );
  return policySet(byKind);
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
