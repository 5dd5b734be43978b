import type { HttpReply } from "./control-plane-http.ts";
import { messageOf } from "./launch-error.ts";

/** The two requests of the drain protocol; each rejects when the control plane does not answer. */
export interface DrainProtocol {
  /** `POST /drain`: this instance is going away. */
  announce(): Promise<HttpReply>;
  /** `GET /drain?wait=5s`: who still has to acknowledge. */
  poll(): Promise<HttpReply>;
}

export interface BarrierClock {
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** Point on the clock of `now` at which waiting ends. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

export type BarrierOutcome =
  /** Every client of this instance has acknowledged that it is gone. */
  | { readonly kind: "acknowledged" }
  /** The control plane has no drain barrier, or none for an instance with clients outside the mesh. */
  | { readonly kind: "unsupported"; readonly reason: string }
  /** The control plane has one and does not let this instance use it: its token is not accepted, say. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "timeout"; readonly pending: number | undefined; readonly reason: string | undefined }
  | { readonly kind: "interrupted" };

const RETRY_MS = 500;
const MIN_POLL_MS = 100;

/**
 * The drain barrier: tells the control plane that this instance is going away and waits until no client can still
 * send it a request. A control plane that is away is asked again until the deadline; one that has forgotten (it was
 * restarted) is told again.
 */
export async function awaitRemoval(protocol: DrainProtocol, clock: BarrierClock): Promise<BarrierOutcome> {
  let announced = false;
  let accepted = false;
  let pending: number | undefined;
  let reason: string | undefined;
  for (;;) {
    if (clock.signal.aborted) return { kind: "interrupted" };
    if (clock.now() >= clock.deadline) return { kind: "timeout", pending, reason };
    const started = clock.now();
    const answer = await ask(announced ? protocol.poll : protocol.announce);
    if (answer.kind === "pending") {
      announced = true;
      accepted = true;
      pending = answer.pending;
      reason = undefined;
      if (pending === 0) return { kind: "acknowledged" };
      await pauseWithin(clock, MIN_POLL_MS - (clock.now() - started));
    } else if (answer.kind === "no" && (announced || accepted)) {
      announced = false;
      reason = answer.reason;
      await pauseWithin(clock, RETRY_MS);
    } else if (answer.kind === "no") {
      return { kind: answer.isRefusal ? "refused" : "unsupported", reason: answer.reason };
    } else {
      reason = answer.reason;
      await pauseWithin(clock, RETRY_MS);
    }
  }
}

type Answer =
  | { readonly kind: "pending"; readonly pending: number }
  | { readonly kind: "no"; readonly reason: string; readonly isRefusal: boolean }
  | { readonly kind: "again"; readonly reason: string };

async function ask(request: () => Promise<HttpReply>): Promise<Answer> {
  let reply: HttpReply;
  try {
    reply = await request();
  } catch (error) {
    return { kind: "again", reason: messageOf(error) };
  }
  if (reply.status >= 400 && reply.status < 500 && reply.status !== 429) {
    // A control plane that does not know the path says so; any other answer is about what was asked.
    const isRefusal = reply.status !== 404 && reply.status !== 405;
    return { kind: "no", isRefusal, reason: reasonOf(reply) };
  }
  const pending = reply.status === 200 ? pendingOf(reply.body) : undefined;
  return pending === undefined
    ? { kind: "again", reason: `the control plane answered ${reply.status}` }
    : { kind: "pending", pending };
}

const MAX_REASON = 300;

function reasonOf({ status, body }: HttpReply): string {
  const [sentence = ""] = body.trim().split("\n");
  return `the control plane answered ${status}${sentence === "" ? "" : `: ${sentence.slice(0, MAX_REASON)}`}`;
}

function pendingOf(body: string): number | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("pending" in value)) return undefined;
    return typeof value.pending === "number" && value.pending >= 0 ? value.pending : undefined;
  } catch {
    return undefined;
  }
}

async function pauseWithin(clock: BarrierClock, ms: number): Promise<void> {
  const left = Math.min(ms, clock.deadline - clock.now());
  if (left > 0) await clock.pause(left);
}
