import { type DataplaneInbound, type DataplaneResource, enabledMtlsBackend, SERVICE_TAG } from "@skein/model";
import {
  type IdentityPlan,
  type InboundPlan,
  type InboundSharedPlan,
  meshTls,
  type PolicyDefinition,
  planOf,
} from "@skein/policies";
import type { Graph, Readable } from "../../view/graph.ts";
import type { MeshView } from "../../view/mesh-view.ts";
import { NO_SET, type PolicySet } from "../../view/policy-set.ts";
import { sectionOf } from "../../view/selectable.ts";
import { inboundProtocol } from "../destinations.ts";
import { Interned } from "../interned.ts";
import type { NodeFacts } from "../node-facts.ts";
import type { PlannedInbound } from "../outbounds/reachability.ts";
import { applicationSource, type Redirect, redirectsInbound } from "../redirect.ts";
import { sameDeep } from "../same-deep.ts";
import { dataplaneKri, type ProxyContext, type ProxyContexts } from "./context.ts";
import { inboundTls } from "./tls.ts";

export interface InboundsInputs {
  readonly view: MeshView;
  readonly meshName: string;
  readonly definitions: readonly PolicyDefinition[];
  readonly node: { at(dataplane: string): Readable<NodeFacts> };
  readonly contexts: ProxyContexts;
  /** Trust domains whose ids proxies take. */
  readonly domains: Readable<readonly string[]>;
}

/**
 * What becomes of the inbounds of proxies. What does not differ between the instances of a service is planned once for
 * all of them.
 */
export class Inbounds {
  readonly #inputs: InboundsInputs;
  readonly #shared = new Interned<InboundSharedPlan>();
  /** Of a proxy. Apart from its plan, because what a proxy may reach depends on the inbounds of others. */
  readonly of: { at(dataplane: string): Readable<readonly PlannedInbound[]> };

  constructor(graph: Graph, inputs: InboundsInputs) {
    const { view, contexts } = inputs;
    this.#inputs = inputs;
    this.of = graph.family<string, readonly PlannedInbound[]>((name) => {
      const dataplane = view.dataplane.at(name).get();
      const mesh = view.mesh.get();
      if (dataplane === undefined || mesh === undefined) return [];
      const context = contexts.of(dataplane, mesh);
      const sets = contexts.policies.at(name).get().inbound;
      return (dataplane.spec.networking?.inbound ?? [])
        .filter((inbound) => inbound.state !== "Ignored")
        .map((inbound) => ({
          inbound,
          plan: this.#plan(context, inbound, sets.get(sectionOf(inbound)) ?? NO_SET),
        }));
    }, sameDeep);
  }

  #plan(context: ProxyContext, inbound: DataplaneInbound, policies: PolicySet): InboundPlan {
    const { definitions, node, domains } = this.#inputs;
    const { dataplane, naming, own, certificate, redirect } = context;
    const section = sectionOf(inbound);
    const address = inbound.address || dataplane.spec.networking?.address || "";
    const name = naming === "unified" ? `self_inbound_dp_${section}` : undefined;
    const servicePort = inbound.servicePort || inbound.port;
    const service = inbound.tags?.[SERVICE_TAG] ?? section;
    const serviceName = inbound.tags?.[SERVICE_TAG] ?? dataplane.labels["kuma.io/workload"] ?? dataplane.name;
    const sameService = (dataplane.spec.networking?.inbound ?? []).filter(
      ({ tags }) => tags?.[SERVICE_TAG] === inbound.tags?.[SERVICE_TAG],
    ).length;
    const serviceAddress = inbound.serviceAddress || address;
    const clusterName =
      name ?? `${isTwin(dataplane, inbound, address) ? serviceAddress : "localhost"}:${servicePort}`;
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
      this.#backendMode(certificate),
      definitions.some(({ perService, kind }) => perService && policies.byKind.has(kind.type)) && serviceName,
      extAuthzAddress,
      source,
      policies.id,
    ].join(" ");
    return {
      section,
      kri: dataplaneKri(dataplane, section),
      listenerName: name ?? `inbound:${address}:${inbound.port}`,
      address,
      port: inbound.port,
      tags: inbound.tags ?? {},
      ...(isInboundRedirected(redirect, address, inbound.port, serviceAddress, servicePort)
        ? { redirected: true }
        : {}),
      shared: this.#shared.get(key, () => {
        const plans = this.#entries(inbound, policies, {
          service: serviceName,
          callers: own.callers,
          extAuthzAddress,
        });
        const mode = planOf(meshTls, plans)?.conf.mode ?? this.#backendMode(certificate);
        return {
          protocol: inboundProtocol(inbound),
          service: { address: serviceAddress, port: servicePort },
          ...(source === undefined ? {} : { source }),
          clusterName,
          routeName: name ?? (sameService > 1 ? `inbound:${service}:${inbound.port}` : `inbound:${service}`),
          virtualHost: name ?? service,
          statPrefix: name ?? `localhost_${servicePort}`,
          tls: inboundTls(own, certificate, domains.get(), mode),
          policies: plans,
        };
      }),
    };
  }

  #entries(
    inbound: DataplaneInbound,
    policies: PolicySet,
    place: {
      service: string;
      callers: ProxyContext["own"]["callers"];
      extAuthzAddress: NodeFacts["extAuthzAddress"];
    },
  ): Record<string, unknown> {
    const { definitions, meshName } = this.#inputs;
    const plans: Record<string, unknown> = {};
    for (const definition of definitions) {
      const entry = definition.planInbound?.({
        policies: policies.byKind.get(definition.kind.type) ?? [],
        mesh: meshName,
        protocol: inboundProtocol(inbound),
        ...place,
      });
      if (entry !== undefined) plans[definition.kind.type] = entry;
    }
    return plans;
  }

  /** Without a MeshTLS, certificates of the mesh's own CA follow its backend's mode; a MeshIdentity is strict. */
  #backendMode(certificate: IdentityPlan | undefined): "Strict" | "Permissive" {
    const mesh = this.#inputs.view.mesh.get();
    const backend = mesh === undefined ? undefined : enabledMtlsBackend(mesh.spec);
    return certificate?.kind === "mesh-mtls" && backend?.mode === "PERMISSIVE" ? "Permissive" : "Strict";
  }
}

/** Two applications on one port number, on different addresses, must not share a cluster. */
function isTwin({ spec }: DataplaneResource, inbound: DataplaneInbound, address: string): boolean {
  const port = inbound.servicePort || inbound.port;
  const serviceAddress = inbound.serviceAddress || address;
  return (spec.networking?.inbound ?? []).some(
    (other) =>
      other !== inbound &&
      (other.servicePort || other.port) === port &&
      (other.serviceAddress || other.address || address) !== serviceAddress,
  );
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
