import {
  type DataplaneInbound,
  type DataplaneResource,
  enabledMtlsBackend,
  formatKri,
  LABEL,
  type MeshResource,
  type Resource,
  SERVICE_TAG,
  SERVICELESS_INBOUND_PORT,
} from "@skein/model";
import {
  type AdminPlan,
  callerTagsHeader,
  type DestinationKey,
  type DirectAccessPlan,
  type DirectAccessTlsPlan,
  type DnsPlan,
  type IdentityPlan,
  type InboundPlan,
  type InboundSharedPlan,
  type InboundTlsPlan,
  meshTls,
  type Naming,
  type OutboundPlan,
  type PlanCondition,
  type PolicyDefinition,
  type ProxyPlan,
  planOf,
} from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { Outcome } from "../identity/outcome.ts";
import { isBuiltinGateway } from "../view/gateways.ts";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import type { PolicySet } from "../view/policy-set.ts";
import { sameItems } from "../view/same-items.ts";
import { sectionOf } from "../view/selectable.ts";
import { adminClusterName, adminTarget } from "./admin-target.ts";
import { type Destination, destinations, endpoints, inboundProtocol } from "./destinations.ts";
import { DirectAccess } from "./direct-access.ts";
import { Egresses, type OutsideService } from "./egress.ts";
import { EndpointViews } from "./endpoint-views.ts";
import { outsideService } from "./external.ts";
import { GatewayUpstreams } from "./gateways/clusters.ts";
import { type GatewayProxy, Gateways } from "./gateways/gateways.ts";
import {
  type DataplaneIdentity,
  dataplaneIdentities,
  type IdentityStage,
  meshMtlsSecrets,
  TRUST_BUNDLE_SECRET,
  trustDomains,
} from "./identities.ts";
import { inboundPlaces } from "./inbound-places.ts";
import { Interned } from "./interned.ts";
import { allowedToLeave, externalServicesIfForbidden } from "./leaving.ts";
import { MeshNames } from "./mesh-names.ts";
import type { NodeFacts } from "./node-facts.ts";
import { meshServicesMode } from "./outbounds/reach.ts";
import {
  type PlannedInbound,
  type ProxyOutbounds,
  reachability,
  sameProxyOutbounds,
} from "./outbounds/reachability.ts";
import { ProxyEntries } from "./proxy-entries.ts";
import { applicationSource, type Redirect, redirectsInbound } from "./redirect.ts";
import { redirectOf, TransparentPlans, transparentConditions } from "./transparent.ts";
import { Upstreams } from "./upstreams.ts";
import { zoneEgresses } from "./zone-egresses.ts";

export interface MeshPlannerInputs {
  readonly view: MeshView;
  readonly meshName: string;
  readonly zone: string;
  readonly definitions: readonly PolicyDefinition[];
  /** Transparent proxies that list nothing get what MeshTrafficPermissions let them call. */
  readonly autoReachable: boolean;
  /** Port at which every service tag answers at its address. */
  readonly serviceVipPort: number;
  readonly stage: { at(issuer: string): Readable<IdentityStage | undefined> };
  /** What each proxy said of itself; `UNKNOWN_NODE` while it is not connected. */
  readonly node: { at(dataplane: string): Readable<NodeFacts> };
  /** The text of a secret as it is stored, or why it cannot be read. */
  readonly openSecret: (secret: Resource) => Outcome<string, string>;
}

/** The plans of one mesh, each evaluated when it is asked for and kept until something it read changes. */
export interface MeshPlanner {
  readonly plan: { at(dataplane: string): Readable<ProxyPlan | undefined> };
  /** The calls of each plan, with what they have in common with those of others. */
  readonly outbounds: { at(dataplane: string): Readable<ProxyOutbounds> };
  readonly endpoints: EndpointViews;
  readonly destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly identity: { at(dataplane: string): Readable<DataplaneIdentity> };
}

/** Wires the derivations of one mesh. Free of I/O, clocks and randomness. */
export function meshPlanner(graph: Graph, inputs: MeshPlannerInputs): MeshPlanner {
  const { view, meshName, zone, definitions, node, openSecret } = inputs;
  const identity = dataplaneIdentities(graph, inputs);
  const outside = graph.family<string, OutsideService | undefined>(
    (name) => outsideService(inputs, name),
    sameDeep,
  );
  const egresses = zoneEgresses(graph, { view, meshName, identity });
  const places = { view, meshName, zone, identity, openSecret, egresses, outside };
  const destination = destinations(graph, places);
  const instances = endpoints(graph, places);
  const egressPlans = new Egresses(graph, { view, meshName, definitions, outside });
  const forbidden = externalServicesIfForbidden(graph, view);
  const endpointViews = new EndpointViews(graph, instances, zone);
  const upstreams = new Upstreams(graph, view, definitions, destination);
  const gateways = new Gateways(
    { view, meshName, zone, definitions, openSecret },
    new GatewayUpstreams(upstreams, destination),
  );
  const domains = graph.derived(() => trustDomains(view, meshName), sameItems);
  const shared = new Interned<InboundSharedPlan>();
  const admins = new Interned<AdminPlan>();
  const transparents = new TransparentPlans();
  const directAccess = new DirectAccess(graph, view, identity);
  const names = new MeshNames(graph, view);
  const wholes = new ProxyEntries(meshName);
  const dnsPlans = new WeakMap<DnsPlan["records"], Interned<DnsPlan>>();

  /** Without a MeshTLS, certificates of the mesh's own CA follow its backend's mode; a MeshIdentity is strict. */
  const backendMode = (certificate: IdentityPlan | undefined): "Strict" | "Permissive" => {
    const mesh = view.mesh.get();
    const backend = mesh === undefined ? undefined : enabledMtlsBackend(mesh.spec);
    return certificate?.kind === "mesh-mtls" && backend?.mode === "PERMISSIVE" ? "Permissive" : "Strict";
  };

  const inboundPlan = (
    context: ProxyContext,
    inbound: DataplaneInbound,
    policies: PolicySet,
  ): InboundPlan => {
    const { dataplane, naming, own, certificate, redirect } = context;
    const section = sectionOf(inbound);
    const kri = dataplaneKri(dataplane, section);
    const address = inbound.address || dataplane.spec.networking?.address || "";
    const name = naming === "unified" ? `self_inbound_dp_${section}` : undefined;
    const servicePort = inbound.servicePort || inbound.port;
    const service = inbound.tags?.[SERVICE_TAG] ?? section;
    const serviceName = inbound.tags?.[SERVICE_TAG] ?? dataplane.labels["kuma.io/workload"] ?? dataplane.name;
    const sameService = (dataplane.spec.networking?.inbound ?? []).filter(
      ({ tags }) => tags?.[SERVICE_TAG] === inbound.tags?.[SERVICE_TAG],
    ).length;
    const serviceAddress = inbound.serviceAddress || address;
    // Two applications on one port number, on different addresses, must not share a cluster.
    const isTwin = (dataplane.spec.networking?.inbound ?? []).some(
      (other) =>
        other !== inbound &&
        (other.servicePort || other.port) === servicePort &&
        (other.serviceAddress || other.address || address) !== serviceAddress,
    );
    const clusterName = name ?? `${isTwin ? serviceAddress : "localhost"}:${servicePort}`;
    const { extAuthzAddress } = node.at(dataplane.name).get();
    const source = applicationSource(redirect, serviceAddress);
    const key = [
      inboundProtocol(inbound),
      serviceAddress,
      servicePort,
      clusterName,
      service,
      sameService > 1 ? inbound.port : "",
      own.callers,
      own.inTransition,
      certificate?.certificateSecret,
      certificate?.validationSecret,
      domains.get().join(","),
      backendMode(certificate),
      definitions.some(({ perService, kind }) => perService && policies.byKind.has(kind.type)) && serviceName,
      extAuthzAddress,
      source,
      policies.id,
    ].join(" ");
    return {
      section,
      kri,
      listenerName: name ?? `inbound:${address}:${inbound.port}`,
      address,
      port: inbound.port,
      tags: inbound.tags ?? {},
      ...(isInboundRedirected(redirect, address, inbound.port, serviceAddress, servicePort)
        ? { redirected: true }
        : {}),
      shared: shared.get(key, () => {
        const plans: Record<string, unknown> = {};
        for (const definition of definitions) {
          const entry = definition.planInbound?.({
            policies: policies.byKind.get(definition.kind.type) ?? [],
            mesh: meshName,
            protocol: inboundProtocol(inbound),
            service: serviceName,
            callers: own.callers,
            extAuthzAddress,
          });
          if (entry !== undefined) plans[definition.kind.type] = entry;
        }
        return {
          protocol: inboundProtocol(inbound),
          service: { address: serviceAddress, port: servicePort },
          ...(source === undefined ? {} : { source }),
          clusterName,
          routeName: name ?? (sameService > 1 ? `inbound:${service}:${inbound.port}` : `inbound:${service}`),
          virtualHost: name ?? service,
          statPrefix: name ?? `localhost_${servicePort}`,
          tls: inboundTls(
            own,
            certificate,
            domains.get(),
            planOf(meshTls, plans)?.conf.mode ?? backendMode(certificate),
          ),
          policies: plans,
        };
      }),
    };
  };

  const contextOf = (dataplane: DataplaneResource, mesh: MeshResource): ProxyContext => {
    const facts = node.at(dataplane.name).get();
    const exclusive = meshServicesMode(mesh) === "Exclusive";
    const naming: Naming = exclusive && facts.unifiedNaming ? "unified" : "legacy";
    const own = identity.at(dataplane.name).get();
    const certificate = own.current === undefined ? undefined : named(own.current, meshName, naming);
    return { dataplane, naming, own, certificate, redirect: redirectOf(dataplane, facts) };
  };

  /** Apart from plans, because what a proxy may reach depends on the inbounds of others. */
  const inbounds = graph.family<string, readonly PlannedInbound[]>((name) => {
    const dataplane = view.dataplane.at(name).get();
    const mesh = view.mesh.get();
    if (dataplane === undefined || mesh === undefined) return [];
    const context = contextOf(dataplane, mesh);
    const sets = view.policies.at(name).get().inbound;
    return (dataplane.spec.networking?.inbound ?? [])
      .filter((inbound) => inbound.state !== "Ignored")
      .map((inbound) => ({
        inbound,
        plan: inboundPlan(context, inbound, sets.get(sectionOf(inbound)) ?? NO_SET),
      }));
  }, sameDeep);

  const reachable = reachability(graph, {
    view,
    identity,
    destination,
    inbounds,
    upstreams,
    zone,
    autoReachable: inputs.autoReachable,
    serviceVipPort: inputs.serviceVipPort,
  });

  /** What others have to know of a proxy that calls them. */
  const callingFacts = (
    dataplane: DataplaneResource,
    certificate: IdentityPlan | undefined,
  ): GatewayProxy["facts"] => {
    const { ipv6, systemCaPath } = node.at(dataplane.name).get();
    const policies = view.policies.at(dataplane.name).get();
    return {
      tags: view.callerTags.get() ? dataplaneTags(dataplane) : undefined,
      machine: { ipv6, systemCaPath },
      mayLeaveTo: allowedToLeave(forbidden.get(), policies, certificate),
    };
  };

  const outbounds = graph.family<string, ProxyOutbounds>((name) => {
    const dataplane = view.dataplane.at(name).get();
    const mesh = view.mesh.get();
    if (dataplane === undefined || mesh === undefined || isBuiltinGateway(dataplane)) return NO_OUTBOUNDS;
    const { naming, certificate, redirect } = contextOf(dataplane, mesh);
    const { bindOutbounds } = node.at(name).get();
    const caller = upstreams.kind({
      ...callingFacts(dataplane, certificate),
      policies: view.policies.at(name).get().outbound,
      naming,
      identity: certificate,
    });
    return reachable.of(dataplane, mesh, { caller, redirect, bindOutbounds });
  }, sameProxyOutbounds);

  const directInstances = (
    { dataplane, certificate, redirect }: ProxyContext,
    outbounds: readonly OutboundPlan[],
    conditions: PlanCondition[],
  ): readonly DirectAccessPlan[] => {
    const services = dataplane.spec.networking?.transparentProxying?.directAccessServices ?? [];
    if (services.length === 0 || redirect.outboundPort === undefined) return [];
    const { instances, unknown } = directAccess.plan({
      dataplane: dataplane.name,
      services,
      tls: certificate && peerTls(certificate, domains.get()),
      taken: new Set(outbounds.map(({ address, port }) => `${address} ${port}`)),
    });
    for (const service of unknown) {
      const message = `networking.transparentProxying.directAccessServices: "${service}" has no instances`;
      conditions.push({ type: "UnresolvedDirectAccess", message });
    }
    return instances;
  };

  const dnsPlan = (facts: NodeFacts, naming: Naming, outbounds: readonly OutboundPlan[]) => {
    const socket = facts.dynamicConfigSocket;
    if (socket === undefined) return undefined;
    const records = names.of(outbounds);
    const made = getOrMake(dnsPlans, records, () => new Interned());
    const name = naming === "unified" ? "system_dynamicconfig" : "_kuma:dynamicconfig";
    return made.get(`${name} ${socket}`, () => ({ name, socket, records }));
  };

  const plan = graph.family<string, ProxyPlan | undefined>((name) => {
    const dataplane = view.dataplane.at(name).get();
    const mesh = view.mesh.get();
    if (dataplane === undefined || mesh === undefined) return undefined;
    const context = contextOf(dataplane, mesh);
    const { naming, own, certificate, redirect } = context;
    const facts = node.at(name).get();
    const policies = view.policies.at(name).get();
    const calls = outbounds.at(name).get();
    const conditions: PlanCondition[] = [...transparentConditions(dataplane, redirect, facts)];
    if (own.problem !== undefined) conditions.push({ type: "NoIdentity", message: own.problem });
    conditions.push(...calls.conditions);
    const whole: Record<string, unknown> = {};
    for (const definition of definitions) {
      const type = definition.kind.type;
      const entry = wholes.of(definition, policies.proxy.byKind.get(type));
      if (entry === undefined) continue;
      whole[type] = entry;
      conditions.push(...(definition.conditions?.(entry, redirect) ?? []));
    }
    const { served, conditions: taken } = inboundPlaces(inbounds.at(name).get());
    conditions.push(...taken);
    const leaving = egressPlans.of({
      dataplane,
      kriOf: (section) => dataplaneKri(dataplane, section),
      identity: certificate,
      tls: inboundTls({ ...own, inTransition: false }, certificate, domains.get(), "Strict"),
      machine: { ipv6: facts.ipv6, systemCaPath: facts.systemCaPath },
      policies: (section) => policies.inbound.get(section) ?? NO_SET,
      taken: () => [...calls.outbounds, ...calls.backends].map(({ upstream }) => upstream.clusterName),
    });
    conditions.push(...leaving.conditions);
    const entering = gateways.of({
      dataplane,
      naming,
      identity: certificate,
      facts: callingFacts(dataplane, certificate),
      extAuthzAddress: facts.extAuthzAddress,
      policies: policies.gateway,
    });
    conditions.push(...entering.conditions);
    const instances = directInstances(context, calls.outbounds, conditions);
    const listeners = [...served.map(({ plan }) => plan), ...leaving.listeners];
    const admin = adminPlan(admins, dataplane, facts);
    const isAdminTaken = listeners.some(
      ({ address, port }) => address === admin?.address && port === admin.port,
    );
    if (isAdminTaken) {
      const message = `${admin?.address}:${admin?.port} is where an inbound or listener is, so the control plane does not reach Envoy's admin interface; set networking.admin.port to another port`;
      conditions.push({ type: "AddressTaken", message });
    }
    return {
      mesh: meshName,
      name,
      kri: dataplaneKri(dataplane, ""),
      zone,
      labels: dataplane.labels,
      address: dataplane.spec.networking?.address ?? "",
      naming,
      identity: certificate,
      admin: isAdminTaken ? undefined : admin,
      transparent: transparents.of({
        redirect,
        mesh,
        strictInboundPorts: facts.strictInboundPorts,
        inbounds: served.map(({ inbound, plan }) => ({ inbound, tls: plan.shared.tls })),
      }),
      dns: dnsPlan(facts, naming, calls.outbounds),
      ...(instances.length === 0 ? {} : { directAccess: instances }),
      inbounds: served.flatMap(({ inbound, plan }) =>
        inbound.port === SERVICELESS_INBOUND_PORT ? [] : [plan],
      ),
      ...(leaving.listeners.length === 0 ? {} : { egresses: leaving.listeners }),
      ...(entering.gateway === undefined ? {} : { gateway: entering.gateway }),
      outbounds: calls.outbounds,
      backends: entering.backends.length === 0 ? calls.backends : entering.backends,
      policies: whole,
      conditions,
    };
  }, samePlan);

  return { plan, outbounds, endpoints: endpointViews, destination, identity };
}

/** What a proxy says of its tags when it calls. */
function dataplaneTags({ spec }: DataplaneResource): string | undefined {
  const { gateway, inbound } = spec.networking ?? {};
  return callerTagsHeader(
    [gateway, ...(inbound ?? [])].flatMap((each) => (each?.tags === undefined ? [] : [each.tags])),
  );
}

interface ProxyContext {
  readonly dataplane: DataplaneResource;
  readonly naming: Naming;
  readonly own: DataplaneIdentity;
  readonly certificate: IdentityPlan | undefined;
  readonly redirect: Redirect;
}

const NO_OUTBOUNDS: ProxyOutbounds = { outbounds: [], backends: [], conditions: [], shared: undefined };
const NO_SET: PolicySet = { id: "", byKind: new Map() };

function inboundTls(
  own: DataplaneIdentity,
  certificate: IdentityPlan | undefined,
  domains: readonly string[],
  mode: "Strict" | "Permissive" | undefined,
): InboundTlsPlan | undefined {
  if (certificate === undefined) return undefined;
  return {
    mode: own.inTransition || mode === "Permissive" ? "permissive" : "strict",
    ...peerTls(certificate, domains),
  };
}

/** Mesh TLS with anybody of the mesh. */
function peerTls(certificate: IdentityPlan, domains: readonly string[]): DirectAccessTlsPlan {
  return {
    certificateSecret: certificate.certificateSecret,
    validationSecret: certificate.validationSecret,
    trustDomains:
      certificate.kind === "mesh-mtls" && certificate.validationSecret === TRUST_BUNDLE_SECRET ? [] : domains,
  };
}

/**
 * Where nothing is redirected to it, a proxy can still listen on the address itself, unless that is the application's.
 */
function isInboundRedirected(
  redirect: Redirect,
  address: string,
  port: number,
  serviceAddress: string,
  servicePort: number,
): boolean {
  if (redirectsInbound(redirect, address)) return true;
  return redirect.outboundPort !== undefined && address === serviceAddress && port === servicePort;
}

function named(identity: IdentityPlan, mesh: string, naming: Naming): IdentityPlan {
  if (identity.kind === "mesh-identity" || naming === "unified") return identity;
  const secrets = meshMtlsSecrets(mesh, naming);
  return {
    ...identity,
    certificateSecret: secrets.certificate,
    validationSecret:
      identity.validationSecret === TRUST_BUNDLE_SECRET ? TRUST_BUNDLE_SECRET : secrets.validation,
  };
}

/** Kuma opens the admin interface of proxies whose address is not the machine's own loopback address. */
function adminPlan(
  interned: Interned<AdminPlan>,
  dataplane: DataplaneResource,
  facts: NodeFacts,
): AdminPlan | undefined {
  const address = dataplane.spec.networking?.address ?? "";
  const port = dataplane.spec.networking?.admin?.port || facts.adminPort;
  const target = adminTarget(facts);
  if (address === "127.0.0.1" || address === facts.adminAddress) return undefined;
  if (port === undefined || target === undefined) return undefined;
  const name = adminClusterName(facts);
  const plan: AdminPlan = { name, address, port, target };
  return interned.get(JSON.stringify(plan), () => plan);
}

function dataplaneKri(dataplane: DataplaneResource, section: string): string {
  return formatKri({
    shortName: "dp",
    mesh: dataplane.mesh,
    zone: dataplane.labels[LABEL.zone] ?? "",
    namespace: dataplane.labels[LABEL.kubernetesNamespace] ?? "",
    name: dataplane.labels[LABEL.displayName] || dataplane.name,
    section,
  });
}

/** Plans share their parts, so comparing them compares mostly identities. */
function samePlan(a: ProxyPlan | undefined, b: ProxyPlan | undefined): boolean {
  return a === b || sameDeep(a, b);
}

function sameDeep(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameDeep(item, b[i]));
  }
  // Without lists of the fields: there would be some for every part of every plan that is compared.
  let more = 0;
  for (const key in a) {
    if (!sameDeep(Reflect.get(a, key), Reflect.get(b, key))) return false;
    more += 1;
  }
  for (const _ in b) more -= 1;
  return more === 0;
}
