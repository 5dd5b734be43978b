import {
  type DestinationPlan,
  type EgressPlan,
  type OutboundPlan,
  type PolicyPlans,
  type ProxyPlan,
  passthroughName,
  type UpstreamPlan,
} from "@skein/policies";
import { ADMIN_SECRETS } from "../envoy/admin.ts";
import { gatewayParts } from "../plan/gateways/parts.ts";
import { TRUST_BUNDLE_SECRET } from "../plan/identities.ts";
import { type PlanField, policyFields } from "../plan/plan-fields.ts";
import type { Fragment, ProxyConfig, XdsType } from "../xds/fragment.ts";

/** The part of a plan that an Envoy resource is made from. */
export type PlanPart =
  | { readonly kind: "inbound"; readonly section: string; readonly kri: string }
  /** A listener of a built-in gateway; `kri` is the MeshGateway's. */
  | { readonly kind: "gateway"; readonly section: string; readonly kri: string }
  /** `destination` is a KRI, or the name of a service where it is known by a tag. */
  | { readonly kind: "outbound" | "backend"; readonly destination: string }
  | { readonly kind: "admin" | "identity" | "trust" | "proxy" };

/** A resource of the API that is not a policy. */
export interface PlanSource {
  readonly type:
    | "Dataplane"
    | "Mesh"
    | "MeshGateway"
    | "MeshService"
    | "MeshExternalService"
    | "MeshMultiZoneService"
    | "MeshIdentity"
    | "MeshTrust";
  readonly mesh: string;
  /** By name, or by KRI; of a mesh's MeshTrusts all are meant. */
  readonly name?: string;
  readonly kri?: string;
}

/** Why a proxy has an Envoy resource, and why it is as it is. */
export interface Blame {
  readonly fragment: Fragment;
  readonly parts: readonly PlanPart[];
  /** What the policies that shaped it say, as far as it is in force for these parts. */
  readonly fields: readonly PlanField[];
  readonly sources: readonly PlanSource[];
}

interface Contribution {
  readonly type: XdsType;
  readonly name: string;
  readonly part: PlanPart;
  readonly policies: PolicyPlans;
  readonly sources: readonly PlanSource[];
}

/** Traces the resources of a configuration back to the plan that they were made from. */
export function blame(plan: ProxyPlan, config: ProxyConfig): readonly Blame[] {
  const all = contributions(plan);
  const byResource = Map.groupBy(all, ({ type, name }) => `${type} ${name}`);
  const { listeners, routes, clusters, endpoints, secrets } = config;
  return [listeners, routes, clusters, endpoints, secrets]
    .flatMap((fragments) => [...fragments.values()])
    .map((fragment) => {
      const own = byResource.get(`${fragment.type} ${fragment.name}`) ?? shapedBy(all, fragment);
      const found =
        own.length > 0
          ? own
          : [{ part: { kind: "proxy" as const }, policies: {}, sources: [dataplane(plan)] }];
      return {
        fragment,
        parts: unique(found.map(({ part }) => part)),
        fields: unique(
          [...found.map(({ policies }) => policies), plan.policies]
            .flatMap(policyFields)
            .filter(({ origin }) => origin !== undefined && fragment.origins.includes(origin.policy)),
        ),
        sources: unique(found.flatMap(({ sources }) => sources)),
      };
    });
}

/** What policies brought along that no part has under its own name, such as the clusters of services that filters ask. */
function shapedBy(all: readonly Contribution[], { origins }: Fragment): readonly Contribution[] {
  if (origins.length === 0) return [];
  return all.filter(
    ({ type, policies }) =>
      type === "listener" &&
      policyFields(policies).some(({ origin }) => origin !== undefined && origins.includes(origin.policy)),
  );
}

function contributions(plan: ProxyPlan): readonly Contribution[] {
  const self = dataplane(plan);
  const admin = plan.admin?.name;
  return [
    ...plan.inbounds.flatMap(({ section, kri, listenerName, shared }) => {
      const common = {
        part: { kind: "inbound" as const, section, kri },
        policies: shared.policies,
        sources: [self, ...(shared.tls === undefined ? [] : issuerOf(plan))],
      };
      return [
        { type: "listener" as const, name: listenerName, ...common },
        { type: "cluster" as const, name: shared.clusterName, ...common },
        { type: "route" as const, name: shared.routeName, ...common },
      ];
    }),
    ...(plan.egresses ?? []).flatMap((egress) => egressContributions(plan, egress)),
    ...gatewayContributions(plan),
    ...plan.outbounds.flatMap((outbound) => outboundContributions(plan, outbound)),
    ...plan.backends.flatMap(({ upstream }) => upstreamContributions(plan, upstream, "backend")),
    ...(admin === undefined
      ? []
      : (
          [
            ["listener", admin],
            ["cluster", admin],
            ["secret", ADMIN_SECRETS.certificate],
            ["secret", ADMIN_SECRETS.validation],
          ] as const
        ).map(([type, name]) => ({
          type,
          name,
          part: { kind: "admin" as const },
          policies: {},
          sources: [self],
        }))),
    ...transparentContributions(plan),
    ...identityContributions(plan),
  ];
}

/** A listener by which others leave the mesh, and what it leads to. */
function egressContributions(
  plan: ProxyPlan,
  { section, kri, listenerName, chains }: EgressPlan,
): readonly Contribution[] {
  const part = { kind: "inbound" as const, section, kri };
  return chains.flatMap(({ clusterName, routeName, policies, destination }) =>
    (
      [
        ["listener", listenerName],
        ["cluster", clusterName],
        ["route", routeName],
      ] as const
    ).map(([type, name]) => ({
      ...{ type, name, part, policies },
      sources: [dataplane(plan), ...destinationOf(plan, destination), ...issuerOf(plan)],
    })),
  );
}

/** What a built-in gateway takes from outside: listeners, routes and the certificates that clients see. */
function gatewayContributions(plan: ProxyPlan): readonly Contribution[] {
  const { kri = "" } = plan.gateway ?? {};
  const sources = [dataplane(plan), { type: "MeshGateway" as const, mesh: plan.mesh, kri }];
  return gatewayParts(plan).flatMap(({ port, chain, host, policies }) => {
    const part = { kind: "gateway" as const, section: host.section, kri };
    const { byDestination, shared = {} } = host.calls;
    return [
      ...[policies, shared, ...Object.values(byDestination)].flatMap((each) => [
        { type: "listener" as const, name: port.listenerName, part, policies: each, sources },
        { type: "route" as const, name: chain.name, part, policies: each, sources },
      ]),
      ...(chain.certificates ?? []).map((name) => ({
        ...{ type: "secret" as const, name, part, policies: {}, sources },
      })),
    ];
  });
}

/** What takes redirected connections: whether those of applications pass is for the mesh to say. */
function transparentContributions(plan: ProxyPlan): readonly Contribution[] {
  const { transparent, naming, inbounds } = plan;
  if (transparent === undefined) return [];
  const part = { kind: "proxy" as const };
  const self = dataplane(plan);
  return (["ipv4", "ipv6"] as const).flatMap((ip) => [
    ...inbounds.flatMap(({ shared }) =>
      (["listener", "cluster"] as const).map((type) => ({
        type,
        name: passthroughName("inbound", ip, naming),
        part,
        policies: shared.policies,
        sources: [self, ...(shared.tls === undefined ? [] : issuerOf(plan))],
      })),
    ),
    ...(["listener", "cluster"] as const).map((type) => ({
      type,
      name: passthroughName("outbound", ip, naming),
      part,
      policies: {},
      sources: [self, { type: "Mesh" as const, mesh: "", name: plan.mesh }],
    })),
  ]);
}

function outboundContributions(plan: ProxyPlan, outbound: OutboundPlan): readonly Contribution[] {
  const { destination, policies } = outbound.upstream;
  const common = {
    part: { kind: "outbound" as const, destination: destination.kri },
    policies,
    sources: [dataplane(plan), ...destinationOf(plan, destination)],
  };
  return [
    { type: "listener", name: outbound.listenerName, ...common },
    { type: "route", name: destination.routeName, ...common },
    ...upstreamContributions(plan, outbound.upstream, "outbound"),
  ];
}

function upstreamContributions(
  plan: ProxyPlan,
  upstream: UpstreamPlan,
  kind: "outbound" | "backend",
): readonly Contribution[] {
  const { destination, clusterName, policies, tls } = upstream;
  const part = { kind, destination: destination.kri };
  const sources = destinationOf(plan, destination);
  return [
    {
      type: "cluster",
      name: clusterName,
      part,
      policies,
      sources: [...sources, ...(tls === undefined ? [] : issuerOf(plan))],
    },
    { type: "endpoint", name: clusterName, part, policies, sources },
  ];
}

function identityContributions(plan: ProxyPlan): readonly Contribution[] {
  const { identity, mesh } = plan;
  if (identity === undefined) return [];
  const isBundle = identity.validationSecret === TRUST_BUNDLE_SECRET;
  return [
    {
      type: "secret",
      name: identity.certificateSecret,
      part: { kind: "identity" },
      policies: {},
      sources: issuerOf(plan),
    },
    {
      type: "secret",
      name: identity.validationSecret,
      part: { kind: "trust" },
      policies: {},
      sources: isBundle ? [{ type: "MeshTrust", mesh }] : issuerOf(plan),
    },
  ];
}

function dataplane({ mesh, name }: ProxyPlan): PlanSource {
  return { type: "Dataplane", mesh, name };
}

/** A service that is known by a tag has no resource: the caller's Dataplane names it. */
function destinationOf(plan: ProxyPlan, { kind, mesh, name }: DestinationPlan): readonly PlanSource[] {
  return kind === "ServiceTag" ? [dataplane(plan)] : [{ type: kind, mesh, name }];
}

function issuerOf({ identity, mesh }: ProxyPlan): readonly PlanSource[] {
  if (identity === undefined) return [];
  return identity.kind === "mesh-mtls"
    ? [{ type: "Mesh", mesh: "", name: mesh }]
    : [{ type: "MeshIdentity", mesh, kri: identity.issuer }];
}

function unique<T>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}
