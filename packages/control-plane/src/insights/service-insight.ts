import type { ServiceInsightService } from "@skein/model";
import type { Store } from "../store/store.ts";
import { child, records, text } from "./fields.ts";
import { type DataplaneState, dataplaneStates, type ProxyType } from "./mesh-insight.ts";

/** How addresses of services are shown. */
export interface ServiceAddressing {
  readonly dnsDomain: string;
  readonly serviceVipPort: number;
}

type ServiceType = "internal" | "external" | "gateway_delegated" | "gateway_builtin";

const SERVICE_TYPES: Readonly<Record<ProxyType, ServiceType>> = {
  standard: "internal",
  gatewayBuiltin: "gateway_builtin",
  gatewayDelegated: "gateway_delegated",
};

/**
 * The services of a mesh by name, sorted: every value of the tag `kuma.io/service`. A service is online when all of
 * its proxies are, offline when none is.
 */
export function serviceInsights(
  store: Store,
  mesh: string,
  addressing: ServiceAddressing,
): ReadonlyMap<string, ServiceInsightService> {
  const members = new Map<string, DataplaneState[]>();
  for (const state of dataplaneStates(store, mesh)) {
    for (const service of state.services) members.set(service, [...(members.get(service) ?? []), state]);
  }
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(sorted.map(([service, states]) => [service, serviceInsight(service, states, addressing)]));
}

function serviceInsight(
  service: string,
  states: readonly DataplaneState[],
  { dnsDomain, serviceVipPort }: ServiceAddressing,
): ServiceInsightService {
  const total = states.length;
  const online = states.filter(({ status }) => status === "Online").length;
  const offline = states.filter(({ status }) => status === "Offline").length;
  const type = SERVICE_TYPES[states[0]?.type ?? "standard"];
  const issuedBackends: Record<string, number> = {};
  for (const { insight } of states) {
    const backend = text(child(insight?.spec, "mTLS"), "issuedBackend");
    if (backend !== "") issuedBackends[backend] = (issuedBackends[backend] ?? 0) + 1;
  }
  return {
    status: online === total ? "online" : offline === total ? "offline" : "partially_degraded",
    dataplanes: { total, ...(online === 0 ? {} : { online }), ...(offline === 0 ? {} : { offline }) },
    ...(Object.keys(issuedBackends).length === 0 ? {} : { issuedBackends }),
    ...(type === "internal"
      ? { addressPort: `${service}.${dnsDomain}:${serviceVipPort}` }
      : { serviceType: type }),
    zones: zonesOf(states),
  };
}

function zonesOf(states: readonly DataplaneState[]): string[] {
  const zones = states.flatMap(({ dataplane }) => {
    const label = dataplane.labels["kuma.io/zone"];
    if (label !== undefined) return [label];
    const inbounds = records(child(dataplane.spec, "networking").inbound);
    return inbounds
      .map((inbound) => text(child(inbound, "tags"), "kuma.io/zone"))
      .filter((zone) => zone !== "");
  });
  return [...new Set(zones)].sort();
}
