import {
  type DataplaneInbound,
  type DataplaneResource,
  enabledMtlsBackend,
  formatKri,
  LABEL,
  SERVICE_TAG,
  SERVICELESS_INBOUND_PORT,
} from "@skein/model";
import {
  type AdminPlan,
  type BackendClusterPlan,
  callerTagsHeader,
  type DestinationKey,
  type DirectAccessPlan,
  type DirectAccessTlsPlan,
  type EndpointsView,
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
  type UpstreamPlan,
  type ViewingCaller,
  viewOf,
} from "@skein/policies";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import type { PolicySet } from "../view/policy-set.ts";
import { sameItems } from "../view/same-items.ts";
import { sectionOf } from "../view/selectable.ts";
import { type Destination, destinations, endpoints, inboundProtocol } from "./destinations.ts";
import { DirectAccess } from "./direct-access.ts";
import { EndpointViews } from "./endpoint-views.ts";
import {
  type DataplaneIdentity,
  dataplaneIdentities,
  type IdentityStage,
  meshMtlsSecrets,
  TRUST_BUNDLE_SECRET,
  trustDomains,
} from "./identities.ts";
import { Interned } from "./interned.ts";
import type { NodeFacts } from "./node-facts.ts";
import { outboundTarget } from "./outbound-target.ts";
import { applicationSource, type Redirect, redirectsInbound, redirectsOutbound } from "./redirect.ts";
import { redirectOf, TransparentPlans, transparentConditions } from "./transparent.ts";
import { Upstreams } from "./upstreams.ts";

export interface MeshPlannerInputs {
  readonly view: MeshView;
  readonly meshName: string;
  readonly zone: string;
  readonly definitions: readonly PolicyDefinition[];
  readonly stage: { at(issuer: string): Readable<IdentityStage | undefined> };
  /** What each proxy said of itself; `UNKNOWN_NODE` while it is not connected. */
  readonly node: { at(dataplane: string): Readable<NodeFacts> };
}

/** The plans of one mesh, each evaluated when it is asked for and kept until something it read changes. */
export interface MeshPlanner {
  readonly plan: { at(dataplane: string): Readable<ProxyPlan | undefined> };
  readonly endpoints: EndpointViews;
  readonly destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly identity: { at(dataplane: string): Readable<DataplaneIdentity> };
}

/** Wires the derivations of one mesh. Free of I/O, clocks and randomness. */
export function meshPlanner(graph: Graph, inputs: MeshPlannerInputs): MeshPlanner {
  const { view, meshName, zone, definitions, node } = inputs;
  const identity = dataplaneIdentities(graph, inputs);
  const destination = destinations(graph, { view, meshName, zone, identity });
  const instances = endpoints(graph, { view, meshName, zone, identity });
  const endpointViews = new EndpointViews(graph, instances, zone);
  const views = new Interned<EndpointsView>();
  const upstreams = new Upstreams(graph, view, definitions, destination);
  const domains = graph.derived(() => trustDomains(view, meshName), sameItems);
  const shared = new Interned<InboundSharedPlan>();
  const admins = new Interned<AdminPlan>();
  const transparents = new TransparentPlans();
  const directAccess = new DirectAccess(graph, view, identity);

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

  const plan = graph.family<string, ProxyPlan | undefined>((name) => {
    const dataplane = view.dataplane.at(name).get();
    const mesh = view.mesh.get();
    if (dataplane === undefined || mesh === undefined) return undefined;
    const exclusive = mesh.spec.meshServices?.mode === "Exclusive";
    const facts = node.at(name).get();
    const naming: Naming = exclusive && facts.unifiedNaming ? "unified" : "legacy";
    const own = identity.at(name).get();
    const certificate = own.current === undefined ? undefined : named(own.current, meshName, naming);
    const policies = view.policies.at(name).get();
    const redirect = redirectOf(dataplane, facts);
    const context: ProxyContext = { dataplane, naming, own, certificate, redirect };
    const conditions: PlanCondition[] = [...transparentConditions(dataplane, redirect)];
    if (own.problem !== undefined) conditions.push({ type: "NoIdentity", message: own.problem });
    const tags = view.callerTags.get() ? dataplaneTags(dataplane) : undefined;
    const caller = upstreams.kind(policies.outbound, naming, certificate, tags);
    const seen = ({ policies }: UpstreamPlan): { readonly view?: EndpointsView } => {
      const found = viewOf(policies, viewingCaller(dataplane, zone));
      return found === undefined ? {} : { view: views.get(JSON.stringify(found), () => found) };
    };
    const outbounds: OutboundPlan[] = [];
    for (const [index, outbound] of (dataplane.spec.networking?.outbound ?? []).entries()) {
      const target = outboundTarget(view, outbound);
      if (!target.ok) {
        conditions.push({
          type: "UnresolvedOutbound",
          message: `networking.outbound[${index}]: ${target.error}`,
        });
        continue;
      }
      const upstream = upstreams.plan(caller, target.value).get();
      if (upstream === undefined) continue;
      const address = outbound.address || "127.0.0.1";
      outbounds.push({
        listenerName:
          naming === "unified" && upstream.destination.kind !== "ServiceTag"
            ? upstream.destination.kri
            : `outbound:${address}:${outbound.port}`,
        target: target.value,
        address,
        port: outbound.port,
        upstream,
        ...seen(upstream),
        ...(redirectsOutbound(redirect, address, dataplane.spec.networking?.address)
          ? { redirected: true as const }
          : {}),
      });
    }
    const backends = new Map<DestinationKey, BackendClusterPlan>();
    for (const { upstream, target } of outbounds) {
      for (const [key, backend] of Object.entries(upstream.backends)) {
        if (backend.kind === "unresolved") {
          conditions.push({
            type: "UnresolvedBackend",
            message: `${upstream.destination.name}:${upstream.destination.port}: ${key}: ${backend.problem}`,
          });
        } else if (backend.target !== target) {
          const own = upstreams.plan(caller, backend.target).get();
          if (own !== undefined)
            backends.set(backend.target, { target: backend.target, upstream: own, ...seen(own) });
        }
      }
    }
    const whole: Record<string, unknown> = {};
    for (const definition of definitions) {
      const type = definition.kind.type;
      const entry = definition.planProxy?.({
        policies: policies.proxy.byKind.get(type) ?? [],
        mesh: meshName,
      });
      if (entry === undefined) continue;
      whole[type] = entry;
      conditions.push(...(definition.conditions?.(entry, redirect) ?? []));
    }
    const inbounds = (dataplane.spec.networking?.inbound ?? [])
      .filter((inbound) => inbound.state !== "Ignored")
      .map((inbound) => ({
        inbound,
        plan: inboundPlan(context, inbound, policies.inbound.get(sectionOf(inbound)) ?? NO_SET),
      }));
    const instances = directInstances(context, outbounds, conditions);
    return {
      mesh: meshName,
      name,
      kri: dataplaneKri(dataplane, ""),
      zone,
      labels: dataplane.labels,
      address: dataplane.spec.networking?.address ?? "",
      naming,
      identity: certificate,
      admin: adminPlan(admins, dataplane, facts),
      transparent: transparents.of({
        redirect,
        mesh,
        strictInboundPorts: facts.strictInboundPorts,
        inbounds: inbounds.map(({ inbound, plan }) => ({ inbound, tls: plan.shared.tls })),
      }),
      ...(instances.length === 0 ? {} : { directAccess: instances }),
      inbounds: inbounds.flatMap(({ inbound, plan }) =>
        inbound.port === SERVICELESS_INBOUND_PORT ? [] : [plan],
      ),
      outbounds: uniquelyNamed(outbounds),
      backends: [...backends.values()].sort((a, b) => (a.target < b.target ? -1 : 1)),
      policies: whole,
      conditions,
    };
  }, samePlan);

  return { plan, endpoints: endpointViews, destination, identity };
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

function viewingCaller({ spec, labels }: DataplaneResource, zone: string): ViewingCaller {
  return { zone, labels, tags: (spec.networking?.inbound ?? []).map(({ tags }) => tags ?? {}) };
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
  const name = facts.unifiedNaming ? "system_envoy_admin" : "kuma:envoy:admin";
  const plan: AdminPlan = { name, address, port, target };
  return interned.get(JSON.stringify(plan), () => plan);
}

function adminTarget({ adminSocket, adminAddress, adminPort }: NodeFacts): AdminPlan["target"] | undefined {
  if (adminSocket !== undefined) return { socket: adminSocket };
  if (adminAddress === undefined || adminPort === undefined) return undefined;
  return { address: adminAddress, port: adminPort };
}

/** Two outbounds to one destination would share a listener name; the later ones carry their address too. */
function uniquelyNamed(outbounds: readonly OutboundPlan[]): readonly OutboundPlan[] {
  const seen = new Set<string>();
  return outbounds.map((outbound) => {
    const taken = seen.has(outbound.listenerName);
    seen.add(outbound.listenerName);
    return taken
      ? { ...outbound, listenerName: `${outbound.listenerName}@${outbound.address}:${outbound.port}` }
      : outbound;
  });
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
  const [aEntries, bEntries] = [Object.entries(a), Object.entries(b)];
  return (
    aEntries.length === bEntries.length &&
    aEntries.every(([key, value]) => sameDeep(value, Reflect.get(b, key)))
  );
}
