import type { KindDefinition, MeshInsightSpec, Resource } from "@skein/model";
import type { Store } from "../store/store.ts";
import { child, isRecord, records, text } from "./fields.ts";
import { type DataplaneStatus, dataplaneStatus, serviceOf } from "./status.ts";

/** Proxies by state. */
export interface Tally {
  total: number;
  online: number;
  offline: number;
  partiallyDegraded: number;
}

export type ProxyType = "standard" | "gatewayBuiltin" | "gatewayDelegated";

/** A Dataplane and what is known of its connection. */
export interface DataplaneState {
  readonly dataplane: Resource;
  readonly insight: Resource | undefined;
  readonly status: DataplaneStatus;
  readonly type: ProxyType;
  /** Values of `kuma.io/service` of its inbounds or its gateway, each once. */
  readonly services: readonly string[];
}

/** Every Dataplane of a mesh, or of all meshes, with its state. */
export function dataplaneStates(store: Store, mesh?: string): readonly DataplaneState[] {
  const listing = mesh === undefined ? {} : { mesh };
  return store.list({ type: "Dataplane", ...listing }).map((dataplane) => {
    const insight = store.get({ type: "DataplaneInsight", mesh: dataplane.mesh, name: dataplane.name });
    const { gateway, inbound } = child(dataplane.spec, "networking");
    const parts = isRecord(gateway) ? [gateway] : records(inbound);
    const services = [...new Set(parts.map(serviceOf).filter((service) => service !== ""))];
    const status = dataplaneStatus(dataplane.spec, insight?.spec).status;
    return { dataplane, insight, status, type: proxyTypeOf(gateway), services };
  });
}

/** An empty tally. */
export function newTally(): Tally {
  return { total: 0, online: 0, offline: 0, partiallyDegraded: 0 };
}

/** Adds one proxy. */
export function count(tally: Tally, status: DataplaneStatus): void {
  tally.total++;
  if (status === "Online") tally.online++;
  else if (status === "Offline") tally.offline++;
  else tally.partiallyDegraded++;
}

/** A tally without its zeros, as flat kinds print it. */
export function compact(tally: Tally): Partial<Tally> {
  return Object.fromEntries(Object.entries(tally).filter(([, value]) => value !== 0));
}

/** Counts of one mesh, from its Dataplanes, their insights, and the resources of the given kinds. */
export function meshInsightSpec(
  store: Store,
  kinds: readonly KindDefinition[],
  mesh: string,
  services: number,
): MeshInsightSpec {
  const all = newTally();
  const byType: Record<string, Tally> = { standard: newTally() };
  const tallies = { kumaDp: {}, envoy: {}, issued: {}, supported: {} };
  for (const { status, type, insight } of dataplaneStates(store, mesh)) {
    count(all, status);
    if (type !== "standard") countIn(byType, "gateway", status);
    countIn(byType, type, status);
    if (!insight) continue;
    const last = isRecord(insight.spec) ? records(insight.spec.subscriptions).at(-1) : undefined;
    const versions = child(last, "version");
    countIn(tallies.kumaDp, text(child(versions, "kumaDp"), "version") || "unknown", status);
    countIn(tallies.envoy, text(child(versions, "envoy"), "version") || "unknown", status);
    const mTLS = child(insight.spec, "mTLS");
    const issued = text(mTLS, "issuedBackend");
    if (issued !== "") countIn(tallies.issued, issued, status);
    for (const backend of texts(mTLS.supportedBackends)) countIn(tallies.supported, backend, status);
  }
  const totals = resourceTotals(store, kinds, mesh);
  return {
    dataplanes: compact(all),
    policies: Object.fromEntries(totals.filter(([kind]) => kind.policy).map(named)),
    dpVersions: { kumaDp: compactAll(tallies.kumaDp), envoy: compactAll(tallies.envoy) },
    mTLS: { issuedBackends: compactAll(tallies.issued), supportedBackends: compactAll(tallies.supported) },
    services: services === 0 ? {} : { total: services, internal: services },
    dataplanesByType: compactAll(byType),
    resources: Object.fromEntries(totals.map(named)),
  };
}

/** How many resources there are of each mesh-scoped kind that has any. */
export function resourceTotals(
  store: Store,
  kinds: readonly KindDefinition[],
  mesh?: string,
): readonly (readonly [KindDefinition, number])[] {
  return kinds
    .filter(({ scope }) => scope === "Mesh" || mesh === undefined)
    .map(
      (kind) =>
        [kind, store.list({ type: kind.type, ...(mesh === undefined ? {} : { mesh }) }).length] as const,
    )
    .filter(([, total]) => total > 0);
}

function named([kind, total]: readonly [KindDefinition, number]): [string, { total: number }] {
  return [kind.type, { total }];
}

function proxyTypeOf(gateway: unknown): ProxyType {
  if (!isRecord(gateway)) return "standard";
  return gateway.type === "BUILTIN" ? "gatewayBuiltin" : "gatewayDelegated";
}

function countIn(tallies: Record<string, Tally>, key: string, status: DataplaneStatus): void {
  tallies[key] ??= newTally();
  count(tallies[key], status);
}

function compactAll(tallies: Readonly<Record<string, Tally>>): Record<string, Partial<Tally>> {
  return Object.fromEntries(Object.entries(tallies).map(([key, tally]) => [key, compact(tally)]));
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
