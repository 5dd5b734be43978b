import type { KindDefinition } from "@skein/model";
import type { Store } from "../store/store.ts";
import { timestamp } from "../store/timestamp.ts";
import { count, dataplaneStates, newTally, resourceTotals, type Tally } from "./mesh-insight.ts";
import { type ServiceAddressing, serviceInsights } from "./service-insight.ts";
import { isOnline } from "./status.ts";

/** Counts over everything that a control plane knows. */
export function globalInsight(
  store: Store,
  kinds: readonly KindDefinition[],
  addressing: ServiceAddressing,
  now: number,
): unknown {
  const dataplanes = { standard: newTally(), gatewayBuiltin: newTally(), gatewayDelegated: newTally() };
  for (const { status, type } of dataplaneStates(store)) count(dataplanes[type], status);
  const totals = resourceTotals(store, kinds);
  const meshes = store.list({ type: "Mesh" });
  return {
    createdAt: timestamp(now),
    dataplanes,
    services: services(
      store,
      meshes.map(({ name }) => name),
      addressing,
    ),
    zones: {
      controlPlanes: connections(store, "Zone", "ZoneInsight"),
      zoneIngresses: connections(store, "ZoneIngress", "ZoneIngressInsight"),
      zoneEgresses: connections(store, "ZoneEgress", "ZoneEgressInsight"),
    },
    meshes: { total: meshes.length },
    policies: { total: totals.reduce((sum, [kind, total]) => sum + (kind.policy ? total : 0), 0) },
    resources: Object.fromEntries(totals.map(([kind, total]) => [kind.type, { total }])),
  };
}

function services(store: Store, meshes: readonly string[], addressing: ServiceAddressing): unknown {
  const tallies = { internal: newTally(), gatewayBuiltin: newTally(), gatewayDelegated: newTally() };
  for (const mesh of meshes) {
    for (const { serviceType, status } of serviceInsights(store, mesh, addressing).values()) {
      const tally: Tally =
        serviceType === "gateway_builtin"
          ? tallies.gatewayBuiltin
          : serviceType === "gateway_delegated"
            ? tallies.gatewayDelegated
            : tallies.internal;
      count(tally, status === "online" ? "Online" : status === "offline" ? "Offline" : "Partially degraded");
    }
  }
  return { ...tallies, external: { total: 0 } };
}

function connections(store: Store, type: string, insightType: string): { online: number; total: number } {
  const all = store.list({ type });
  const online = all.filter(({ mesh, name }) => isOnline(store.get({ type: insightType, mesh, name })?.spec));
  return { online: online.length, total: all.length };
}
