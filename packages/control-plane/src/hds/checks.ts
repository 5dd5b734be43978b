import { type DataplaneInbound, type DataplaneSpec, durationMs, isIp } from "@skein/model";
import type { AdminPlan } from "@skein/policies";
import { adminClusterName, adminTarget } from "../plan/admin-target.ts";
import type { NodeFacts } from "../plan/node-facts.ts";
import { applicationSource, dataplaneRedirect, type Redirect } from "../plan/redirect.ts";

/** How often something is checked, and how many answers decide; times in milliseconds. */
export interface CheckPace {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly noTrafficIntervalMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/** Whether an application takes connections. */
export interface ProbeCheck {
  /** Name under which Envoy reports it, unique in a proxy. */
  readonly cluster: string;
  readonly address: string;
  readonly port: number;
  /** Address that Envoy calls from, where its calls would otherwise be led back to itself. */
  readonly source: string | undefined;
  readonly pace: CheckPace;
}

/** Whether Envoy itself is up and does not drain. */
export interface AdminCheck {
  readonly cluster: string;
  readonly target: AdminPlan["target"];
  readonly pace: CheckPace;
}

/** All that one proxy's Envoy is to check. */
export interface HealthChecks {
  readonly admin: AdminCheck | undefined;
  /** For each inbound its check, if it has one. Inbounds whose checks are the same share it. */
  readonly inbounds: readonly (ProbeCheck | undefined)[];
}

const NOTHING: HealthChecks = { admin: undefined, inbounds: [] };

/**
 * What to check for a Dataplane: Envoy itself, and each application port with a `serviceProbe`. Nothing at all where no
 * inbound could be taken out by it.
 */
export function healthChecks(spec: DataplaneSpec, node: NodeFacts, defaults: CheckPace): HealthChecks {
  const { networking } = spec;
  const inbounds = networking?.inbound ?? [];
  if (inbounds.every(({ state }) => state === "Ignored")) return NOTHING;
  const redirect = node.redirect ?? dataplaneRedirect(networking);
  const probes = inbounds.map((inbound) =>
    inbound.serviceProbe === undefined || inbound.state === "Ignored"
      ? undefined
      : probe(inbound, networking?.address ?? "", defaults, redirect),
  );
  const target = adminTarget(node);
  return {
    admin: target === undefined ? undefined : { cluster: adminClusterName(node), target, pace: defaults },
    inbounds: named(probes),
  };
}

type UnnamedCheck = Omit<ProbeCheck, "cluster">;

function probe(
  inbound: DataplaneInbound,
  proxyAddress: string,
  defaults: CheckPace,
  redirect: Redirect,
): UnnamedCheck | undefined {
  const { serviceProbe } = inbound;
  const address = inbound.serviceAddress || inbound.address || proxyAddress;
  // Envoy takes no names here, and would give up on all checks for one.
  if (!isIp(address)) return undefined;
  const interval = serviceProbe?.interval === undefined ? undefined : durationMs(serviceProbe.interval);
  return {
    address,
    port: inbound.servicePort || inbound.port,
    source: applicationSource(redirect, address),
    pace: {
      timeoutMs: serviceProbe?.timeout === undefined ? defaults.timeoutMs : durationMs(serviceProbe.timeout),
      intervalMs: interval ?? defaults.intervalMs,
      // Envoy counts no traffic on what it only checks, and would never come to the probe's own interval.
      noTrafficIntervalMs: interval ?? defaults.noTrafficIntervalMs,
      healthyThreshold: serviceProbe?.healthyThreshold || defaults.healthyThreshold,
      unhealthyThreshold: serviceProbe?.unhealthyThreshold || defaults.unhealthyThreshold,
    },
  };
}

/** Kuma calls each check after its port alone. Where that is not unique here, the name says more. */
function named(checks: readonly (UnnamedCheck | undefined)[]): readonly (ProbeCheck | undefined)[] {
  const byPort = new Map<number, Map<string, ProbeCheck>>();
  const keyOf = (check: UnnamedCheck): string => JSON.stringify(check);
  for (const check of checks) {
    if (check === undefined) continue;
    const there = byPort.get(check.port) ?? new Map<string, ProbeCheck>();
    byPort.set(check.port, there);
    there.set(keyOf(check), { cluster: "", ...check });
  }
  for (const [port, there] of byPort) {
    const addresses = new Map<string, number>();
    for (const [key, check] of there) {
      const before = addresses.get(check.address) ?? 0;
      addresses.set(check.address, before + 1);
      const long = `${check.address}:${port}${before === 0 ? "" : `#${before + 1}`}`;
      there.set(key, { ...check, cluster: there.size === 1 ? `localhost:${port}` : long });
    }
  }
  return checks.map((check) => check && byPort.get(check.port)?.get(keyOf(check)));
}
