import type { CallControlPlane, ControlPlane } from "./control-plane-http.ts";
import { awaitRemoval, type BarrierOutcome, type DrainProtocol } from "./drain-barrier.ts";
import type { CallAdmin } from "./envoy-admin.ts";
import { files } from "./files.ts";
import { activeInbound } from "./inbound-activity.ts";
import { messageOf } from "./launch-error.ts";
import type { LaunchPlan } from "./launch-plan.ts";
import type { Logger } from "./log.ts";
import { readToken } from "./token-mirror.ts";
import { pause } from "./wait.ts";

export interface DrainInputs {
  readonly admin: CallAdmin;
  /** The control plane's side; its requests end with the signal. */
  readonly protocol: (signal: AbortSignal) => DrainProtocol;
  readonly drainTimeMs: number;
  readonly log: Logger;
  /** Ends the wait at once. */
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

const SAMPLE_MS = 100;
/** A request that a client sent just before it acknowledged may still be on its way: quiet has to last. */
const QUIET_SAMPLES = 5;
const POLL_WAIT_S = 5;

/**
 * Drains one Envoy: inbound connections are asked to leave, the app may go on calling out. Returns when no client can
 * send a request any more and the running ones are done, or when `drainTimeMs` is over; never throws for an Envoy or a
 * control plane that is away.
 */
export async function drain(inputs: DrainInputs): Promise<BarrierOutcome> {
  const now = inputs.now ?? (() => performance.now());
  const started = now();
  const deadline = started + inputs.drainTimeMs;
  await startDraining(inputs);
  const requests = AbortSignal.any([
    inputs.signal,
    AbortSignal.timeout(Math.ceil(Math.max(0, deadline - now()))),
  ]);
  const outcome = await awaitRemoval(inputs.protocol(requests), {
    now,
    deadline,
    signal: inputs.signal,
    pause: (ms) => pause(ms, inputs.signal),
  });
  report(inputs.log, outcome, Math.round(now() - started));
  if (outcome.kind === "unsupported" || outcome.kind === "refused")
    await pause(deadline - now(), inputs.signal);
  if (outcome.kind === "acknowledged") await waitForQuiet(inputs, now, deadline);
  return outcome;
}

async function startDraining({ admin, log }: DrainInputs): Promise<void> {
  for (const path of ["/healthcheck/fail", "/drain_listeners?inboundonly&graceful&skip_exit"]) {
    try {
      const reply = await admin("POST", path);
      if (reply.status !== 200) log.warn("Envoy did not start to drain", { path, status: reply.status });
    } catch (error) {
      log.warn("Envoy did not start to drain", { path, reason: messageOf(error) });
    }
  }
}

async function waitForQuiet(inputs: DrainInputs, now: () => number, deadline: number): Promise<void> {
  let quiet = 0;
  let active = 0;
  while (quiet < QUIET_SAMPLES && now() < deadline && !inputs.signal.aborted) {
    try {
      active = await activeInbound(inputs.admin);
    } catch (error) {
      inputs.log.warn("Envoy cannot be asked for its active requests", { reason: messageOf(error) });
      return;
    }
    quiet = active === 0 ? quiet + 1 : 0;
    if (quiet < QUIET_SAMPLES) await pause(Math.min(SAMPLE_MS, deadline - now()), inputs.signal);
  }
  if (active > 0) inputs.log.warn("the drain time is over; some requests are cut off", { active });
}

function report(log: Logger, outcome: BarrierOutcome, afterMs: number): void {
  if (outcome.kind === "acknowledged") {
    log.info("every client has acknowledged that this instance is gone", { afterMs });
  } else if (outcome.kind === "timeout") {
    log.warn("the drain time is over before every client has acknowledged", {
      ...(outcome.pending === undefined ? {} : { pending: outcome.pending }),
      reason: outcome.reason,
    });
  } else if (outcome.kind === "refused") {
    log.warn(
      "the control plane does not let this instance ask who still calls it; waiting for the whole drain time",
      { reason: outcome.reason },
    );
  } else if (outcome.kind === "unsupported") {
    log.info("nobody can tell who still calls this instance; waiting for the whole drain time", {
      reason: outcome.reason,
    });
  }
}

/** The drain protocol against the control plane of a plan. The token is read anew for each request. */
export function drainProtocol(plan: LaunchPlan, call: CallControlPlane, signal: AbortSignal): DrainProtocol {
  const { address, caFile, skipVerify } = plan.controlPlane;
  const controlPlane: ControlPlane = {
    address,
    skipVerify,
    ...(caFile === undefined ? {} : { ca: files.readFileSync(caFile, "utf8") }),
  };
  const headers = (): Record<string, string> =>
    plan.tokenFile === undefined ? {} : { authorization: readToken(plan.tokenFile) };
  const who = { mesh: plan.mesh, name: plan.name };
  return {
    announce: async () =>
      call(controlPlane, {
        method: "POST",
        path: "/drain",
        headers: { ...headers(), "content-type": "application/json" },
        body: JSON.stringify(who),
        timeoutMs: 5_000,
        signal,
      }),
    poll: async () =>
      call(controlPlane, {
        method: "GET",
        path: `/drain?${new URLSearchParams({ ...who, wait: `${POLL_WAIT_S}s` })}`,
        headers: headers(),
        timeoutMs: (POLL_WAIT_S + 5) * 1_000,
        signal,
      }),
  };
}
