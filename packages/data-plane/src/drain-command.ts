import { callControlPlane } from "./control-plane-http.ts";
import { drain, drainProtocol } from "./drain.ts";
import { envoyAdmin } from "./envoy-admin.ts";
import { LaunchError, messageOf } from "./launch-error.ts";
import { type LaunchPlan, readLaunchPlan } from "./launch-plan.ts";
import { createLogger } from "./log.ts";

export interface DrainCommandInputs {
  readonly workDir: string;
  readonly drainTimeMs: number | undefined;
  /** End Envoy afterwards. */
  readonly quit: boolean;
  readonly signal: AbortSignal;
}

/**
 * `skein-dp drain`: drains a lean sidecar, which has no launcher left to do it. For a pod's preStop or a unit's
 * `ExecStop`; returns when it is safe to end Envoy.
 */
export async function drainLean(inputs: DrainCommandInputs): Promise<void> {
  const plan = readPlan(inputs.workDir);
  if (plan.mode === "supervised") {
    throw new LaunchError(
      "invalid-options",
      `The sidecar in ${inputs.workDir} has a launcher that drains it: send SIGTERM to process ${plan.pid}, or SIGUSR2 to drain without ending.`,
    );
  }
  const admin = envoyAdmin(plan.admin);
  try {
    await admin("GET", "/ready");
  } catch (error) {
    throw new LaunchError("not-running", `No Envoy runs in ${inputs.workDir}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  await drain({
    admin,
    protocol: (signal) => drainProtocol(plan, callControlPlane, signal),
    drainTimeMs: inputs.drainTimeMs ?? plan.drainTimeMs,
    log: createLogger(plan.log),
    signal: inputs.signal,
  });
  if (inputs.quit) await admin("POST", "/quitquitquit");
}

function readPlan(workDir: string): LaunchPlan {
  try {
    return readLaunchPlan(workDir);
  } catch (error) {
    throw new LaunchError(
      "not-running",
      `${workDir} is not the work directory of a sidecar: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
