import { type CallResult, callThrough } from "../kong-air/call.ts";
import { pairs, type Role, spiffeId } from "../kong-air/cast.ts";
import { patiently } from "../patience.ts";
import { pause } from "../poll.ts";
import type { World } from "../world/world.ts";

/** A claim that does not hold, with what was seen instead. */
export class ClaimFailed extends Error {
  readonly detail: string;
  constructor(claim: string, detail: string) {
    super(claim);
    this.name = "ClaimFailed";
    this.detail = detail;
  }
}

const GRACE_MS = patiently(2_000);

/**
 * Makes the real requests again until `check` holds, for two seconds at most, and answers how long that took. For changes
 * from which the control plane derives others (an identity: a CA, a trust, the identities of services).
 */
export async function soon(
  world: World,
  check: (results: readonly CallResult[]) => void,
): Promise<{ readonly results: readonly CallResult[]; readonly ms: number }> {
  const begin = performance.now();
  for (;;) {
    const results = await callEverybody(world);
    const ms = performance.now() - begin;
    try {
      check(results);
      return { results, ms };
    } catch (error) {
      if (!(error instanceof ClaimFailed) || ms > GRACE_MS) throw error;
    }
    await pause(20);
  }
}

/** Real requests, one for every caller and callee. */
export async function callEverybody(world: World): Promise<readonly CallResult[]> {
  return await Promise.all(pairs().map(([from, to]) => callThrough(world, from, to)));
}

/** Every call answers with `status`, or with what `except` says for it. */
export function expectStatuses(
  claim: string,
  results: readonly CallResult[],
  wanted: (from: Role, to: Role) => number,
): void {
  const wrong = results.filter((result) => result.status !== wanted(result.from as Role, result.to as Role));
  if (wrong.length > 0) throw new ClaimFailed(claim, wrong.map(seen).join("\n"));
}

/** Every called app saw `caller` as the one who called. */
export function expectCallers(
  claim: string,
  results: readonly CallResult[],
  caller: (from: string) => string | null = spiffeId,
): void {
  const wrong = results.filter((result) => result.status !== 200 || result.caller !== caller(result.from));
  if (wrong.length > 0) throw new ClaimFailed(claim, wrong.map(seen).join("\n"));
}

/** A request without any certificate, from outside the mesh: its status, or the reason why there was none. */
export async function outsider(world: World, host: number): Promise<number | string> {
  try {
    const answer = await fetch(`http://${world.site.block.address(host)}:8080/`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(patiently(5_000)),
    });
    await answer.body?.cancel();
    return answer.status;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return cause instanceof Error && "code" in cause ? String(cause.code) : String(error);
  }
}

function seen(result: CallResult): string {
  const caller = result.caller === null ? "" : `, caller ${result.caller}`;
  return `${result.from} -> ${result.to}: ${result.status || "no answer"}${caller} ${result.detail}`;
}
