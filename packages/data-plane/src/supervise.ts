import type { Server } from "node:net";
import type { AgentProcess } from "./agent-process.ts";
import { callControlPlane } from "./control-plane-http.ts";
import type { RunningDns } from "./dns/run-dns.ts";
import { drain, drainProtocol } from "./drain.ts";
import { envoyAdmin } from "./envoy-admin.ts";
import { EnvoyProcess } from "./envoy-process.ts";
import { files } from "./files.ts";
import { messageOf } from "./launch-error.ts";
import type { LaunchPlan } from "./launch-plan.ts";
import { createLogger, type Logger } from "./log.ts";
import { probeReadiness, type Readiness } from "./readiness.ts";
import { serveReadiness } from "./readiness-server.ts";
import { mirrorToken } from "./token-mirror.ts";

/**
 * Runs a prepared sidecar until it is told to end; resolves with the exit code of the process.
 *
 * SIGTERM and SIGINT drain and then end; a second one ends at once. SIGUSR2 drains and stays (a pod's preStop), so
 * that the SIGTERM after it ends at once.
 */
export async function supervise(plan: LaunchPlan): Promise<number> {
  const log = createLogger(plan.log);
  const admin = envoyAdmin(plan.admin);
  const envoy = new EnvoyProcess(plan, admin, log);
  const hurry = new AbortController();
  let draining: Promise<void> | undefined;
  let ending = false;

  const startDraining = () => {
    draining ??= drain({
      admin,
      protocol: (signal) => drainProtocol(plan, callControlPlane, signal),
      drainTimeMs: plan.drainTimeMs,
      log,
      signal: hurry.signal,
    }).then(
      () => undefined,
      (error: unknown) => log.error("draining failed", { reason: messageOf(error) }),
    );
    return draining;
  };
  const onEnd = (signal: NodeJS.Signals) => {
    if (ending || draining !== undefined) {
      log.info("ending at once", { signal });
      hurry.abort();
      envoy.stop();
      return;
    }
    ending = true;
    log.info("draining", { signal, drainTimeMs: plan.drainTimeMs });
    void startDraining().then(() => envoy.stop());
  };
  const onDrain = () => {
    log.info("draining, and staying until SIGTERM", { signal: "SIGUSR2" });
    void startDraining();
  };
  process.on("SIGTERM", onEnd);
  process.on("SIGINT", onEnd);
  process.on("SIGUSR2", onDrain);

  const dns = plan.dns === undefined ? undefined : await startDns(plan.dns, log);
  const probe = async (): Promise<Readiness> => {
    if (draining !== undefined) return { ready: false, state: "TERMINATING" };
    const found = await probeReadiness(admin);
    return found.ready && dns?.settled() === false ? { ready: false, state: "WAITING_FOR_NAMES" } : found;
  };
  const isServed = plan.dns === undefined || dns !== undefined;
  const readiness = isServed ? await openReadiness(plan, probe, dns, log) : undefined;
  if (readiness === undefined) {
    dns?.close();
    removeWorkDir(plan);
    return 1;
  }
  using _token =
    plan.tokenSource === undefined || plan.tokenFile === undefined
      ? undefined
      : mirrorToken(plan.tokenSource, plan.tokenFile, log);
  const agent = plan.agent === undefined || ending ? undefined : await runAgent(plan.agent, log);
  const code = ending ? 0 : await envoy.run();
  await agent?.stop();
  dns?.close();
  readiness.close();
  process.off("SIGTERM", onEnd);
  process.off("SIGINT", onEnd);
  process.off("SIGUSR2", onDrain);
  removeWorkDir(plan);
  log.info("ended", { code });
  return code;
}

/** Loaded where there is DNS to serve: its code is memory. */
async function startDns(dns: NonNullable<LaunchPlan["dns"]>, log: Logger): Promise<RunningDns | undefined> {
  const { runDns } = await import("./dns/run-dns.ts");
  return runDns(dns, log);
}

/** Loaded where there is an agent: its code is memory. */
async function runAgent(command: NonNullable<LaunchPlan["agent"]>, log: Logger): Promise<AgentProcess> {
  const { AgentProcess } = await import("./agent-process.ts");
  return new AgentProcess(command, log);
}

async function openReadiness(
  plan: LaunchPlan,
  probe: () => Promise<Readiness>,
  dns: RunningDns | undefined,
  log: Logger,
): Promise<Server | undefined> {
  const { address, port } = plan.readiness;
  try {
    return await serveReadiness({
      ...{ address, port, probe },
      ...(dns === undefined ? {} : { metrics: () => dns.metrics() }),
    });
  } catch (error) {
    log.error(
      `GET /ready cannot be served on ${address}:${port}; choose another --readiness-port for this proxy`,
      {
        reason: messageOf(error),
      },
    );
    return undefined;
  }
}

function removeWorkDir(plan: LaunchPlan): void {
  if (plan.ownsWorkDir) files.rmSync(plan.workDir, { recursive: true, force: true });
}
