import { type DataplaneResource, SERVICELESS_INBOUND_PORT } from "@skein/model";
import type { AdminPlan, PlanCondition, PolicyDefinition, ProxyPlan } from "@skein/policies";
import type { Graph, Readable } from "../../view/graph.ts";
import type { MeshView } from "../../view/mesh-view.ts";
import { NO_SET } from "../../view/policy-set.ts";
import { adminClusterName, adminTarget } from "../admin-target.ts";
import type { Egresses } from "../egress.ts";
import type { Gateways } from "../gateways/gateways.ts";
import { inboundPlaces } from "../inbound-places.ts";
import { Interned } from "../interned.ts";
import type { NodeFacts } from "../node-facts.ts";
import type { ProxyOutbounds } from "../outbounds/reachability.ts";
import { ProxyEntries } from "../proxy-entries.ts";
import { sameDeep } from "../same-deep.ts";
import { TransparentPlans, transparentConditions } from "../transparent.ts";
import { dataplaneKri, type ProxyContexts } from "./context.ts";
import type { Inbounds } from "./inbounds.ts";
import { inboundTls } from "./tls.ts";

export interface QuietPlansInputs {
  readonly view: MeshView;
  readonly meshName: string;
  readonly zone: string;
  readonly definitions: readonly PolicyDefinition[];
  readonly node: { at(dataplane: string): Readable<NodeFacts> };
  readonly contexts: ProxyContexts;
  /** Trust domains whose ids proxies take. */
  readonly domains: Readable<readonly string[]>;
  readonly inbounds: Inbounds;
  readonly outbounds: { at(dataplane: string): Readable<ProxyOutbounds> };
  readonly egresses: Egresses;
  readonly gateways: Gateways;
}

/**
 * The plans of proxies as if their applications called nobody. Most changes of policies are about calls, and plan nothing
 * of this again.
 */
export function quietPlans(
  graph: Graph,
  inputs: QuietPlansInputs,
): { at(dataplane: string): Readable<ProxyPlan | undefined> } {
  const { view, meshName, zone, definitions, node, contexts, domains, inbounds, outbounds } = inputs;
  const admins = new Interned<AdminPlan>();
  const transparents = new TransparentPlans();
  const wholes = new ProxyEntries(meshName);
  return graph.family<string, ProxyPlan | undefined>((name) => {
    const dataplane = view.dataplane.at(name).get();
    const mesh = view.mesh.get();
    if (dataplane === undefined || mesh === undefined) return undefined;
    const context = contexts.of(dataplane, mesh);
    const { naming, own, certificate, redirect } = context;
    const facts = node.at(name).get();
    const policies = contexts.policies.at(name).get();
    const conditions: PlanCondition[] = [...transparentConditions(dataplane, redirect, facts)];
    if (own.problem !== undefined) conditions.push({ type: "NoIdentity", message: own.problem });
    const whole: Record<string, unknown> = {};
    for (const definition of definitions) {
      const type = definition.kind.type;
      const entry = wholes.of(definition, policies.proxy.byKind.get(type));
      if (entry === undefined) continue;
      whole[type] = entry;
      conditions.push(...(definition.conditions?.(entry, redirect) ?? []));
    }
    const { served, conditions: taken } = inboundPlaces(inbounds.of.at(name).get());
    conditions.push(...taken);
    const leaving = inputs.egresses.of({
      dataplane,
      kriOf: (section) => dataplaneKri(dataplane, section),
      identity: certificate,
      tls: inboundTls({ inTransition: false }, certificate, domains.get(), "Strict"),
      machine: { ipv6: facts.ipv6, systemCaPath: facts.systemCaPath },
      policies: (section) => policies.inbound.get(section) ?? NO_SET,
      taken: () => {
        const calls = outbounds.at(name).get();
        return [...calls.outbounds, ...calls.backends].map(({ upstream }) => upstream.clusterName);
      },
    });
    conditions.push(...leaving.conditions);
    const entering = inputs.gateways.of({
      dataplane,
      naming,
      identity: certificate,
      facts: contexts.caller(context),
      extAuthzAddress: facts.extAuthzAddress,
      policies: policies.gateway,
    });
    conditions.push(...entering.conditions);
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
      dns: undefined,
      inbounds: served.flatMap(({ inbound, plan }) =>
        inbound.port === SERVICELESS_INBOUND_PORT ? [] : [plan],
      ),
      ...(leaving.listeners.length === 0 ? {} : { egresses: leaving.listeners }),
      ...(entering.gateway === undefined ? {} : { gateway: entering.gateway }),
      outbounds: [],
      backends: entering.backends,
      policies: whole,
      conditions,
    };
  }, sameDeep);
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
