import type { CallAdmin } from "./envoy-admin.ts";

/** What `GET /ready` answers. */
export interface Readiness {
  readonly ready: boolean;
  /** `READY`, `TERMINATING`, or what keeps the proxy from being ready. */
  readonly state: string;
}

const UPDATES = ["cluster_manager.cds.update_success", "listener_manager.lds.update_success"];

/**
 * Ready means: Envoy serves, *and* has accepted a first set of clusters and of listeners. Envoy alone would also call
 * itself live after its first configuration was rejected.
 */
export async function probeReadiness(admin: CallAdmin): Promise<Readiness> {
  try {
    const live = await admin("GET", "/ready");
    if (live.status !== 200) return { ready: false, state: live.body.trim() || "NOT_READY" };
    const stats = await admin(
      "GET",
      `/stats?filter=${encodeURIComponent("^(cluster_manager\\.cds|listener_manager\\.lds)\\.update_success$")}`,
    );
    return hasFirstConfig(stats.body)
      ? { ready: true, state: "READY" }
      : { ready: false, state: "WAITING_FOR_FIRST_CONFIG" };
  } catch {
    return { ready: false, state: "ENVOY_NOT_RUNNING" };
  }
}

/** Whether both discovery services have delivered a configuration that Envoy accepted. */
export function hasFirstConfig(stats: string): boolean {
  return UPDATES.every((name) =>
    stats.split("\n").some((line) => line.startsWith(`${name}: `) && Number(line.slice(name.length + 2)) > 0),
  );
}
