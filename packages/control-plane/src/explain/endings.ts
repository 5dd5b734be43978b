import type { Again } from "@skein/policies/mesh-retry/again";
import type { Attempt, Branch, Ending } from "./explanation.ts";

/** The calls to one backend: retries stay there. */
export interface BackendCalls {
  /** Its share of the requests, in percent. */
  readonly share: number;
  readonly branches: readonly Branch[];
  readonly again: Again;
  /** What ends a request with all its retries, in milliseconds. */
  readonly requestMs: number | undefined;
}

/** What requests come to for the caller. */
export interface Endings {
  /** The most frequent first. */
  readonly endings: readonly Ending[];
  /** Which instance a retry goes to is not left to chance, so where instances differ the shares are only near. */
  readonly isEstimated: boolean;
}

/** How requests end after the retries of the caller's proxy. What waits too long ends with 504. */
export function endingsOf(calls: readonly BackendCalls[]): Endings {
  const shares = new Map<number | undefined, number>();
  for (const call of calls) {
    for (const [status, part] of endingsAt(call)) {
      shares.set(status, (shares.get(status) ?? 0) + part * call.share);
    }
  }
  return { endings: sorted(shares), isEstimated: calls.some(chooses) };
}

/** The same where some requests end before their route: nobody makes those again. */
export function behind(before: readonly Attempt[] | undefined, { endings, isEstimated }: Endings): Endings {
  if (before === undefined || endings.length === 0) return { endings, isEstimated };
  const shares = new Map<number | undefined, number>();
  const end = (status: number | undefined, share: number) =>
    shares.set(status, (shares.get(status) ?? 0) + share);
  for (const { status, share } of before) {
    if (status !== undefined) end(status, share);
    else for (const each of endings) end(each.status, (share * each.share) / 100);
  }
  return { endings: sorted(shares), isEstimated };
}

/** The most frequent first. */
function sorted(shares: ReadonlyMap<number | undefined, number>): readonly Ending[] {
  return [...shares]
    .map(([status, share]): Ending => {
      const rounded = Math.round(share * 10_000) / 10_000;
      return status === undefined ? { share: rounded } : { share: rounded, status };
    })
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share || (a.status ?? 0) - (b.status ?? 0));
}

/** Parts of the requests to one backend by status; `undefined` for the application's answer. */
function endingsAt({
  branches,
  again,
  requestMs = Number.POSITIVE_INFINITY,
}: BackendCalls): ReadonlyMap<number | undefined, number> {
  const whole = branches.reduce((sum, { share }) => sum + share, 0);
  const attempts = branches.flatMap((branch) =>
    branch.attempts.map((attempt) => ({
      attempt,
      part: whole === 0 ? 0 : (attempt.share / 100) * (branch.share / whole),
    })),
  );
  const ends = new Map<number | undefined, number>();
  const end = (status: number | undefined, part: number) => ends.set(status, (ends.get(status) ?? 0) + part);
  // Requests that are under way, by the time that they have spent waiting.
  let going: ReadonlyMap<number, number> = new Map([[0, 1]]);
  for (let n = 0; going.size > 0; n++) {
    const next = new Map<number, number>();
    for (const [spent, part] of going) {
      for (const { attempt, part: own } of attempts) {
        const waits = attempt.delayMs ?? 0;
        const isCut = again.perTryMs !== undefined && waits >= again.perTryMs;
        const now = spent + (isCut ? (again.perTryMs ?? 0) : waits);
        const status = isCut ? 504 : attempt.status;
        if (now >= requestMs) end(504, part * own);
        else if (n < again.most && isMadeAgain(attempt, isCut, again)) {
          next.set(now, (next.get(now) ?? 0) + part * own);
        } else end(status, part * own);
      }
    }
    going = next;
  }
  return ends;
}

function isMadeAgain({ status, without }: Attempt, isCut: boolean, { after }: Again): boolean {
  if (isCut) return after({ kind: "reset" });
  if (status === undefined || without === "endpoint") return false;
  return after(without === undefined ? { kind: "status", status } : { kind: without });
}

function chooses({ branches, again }: BackendCalls): boolean {
  return again.most > 0 && new Set(branches.map(({ attempts }) => JSON.stringify(attempts))).size > 1;
}
