import { judge } from "../access/judge.ts";
import { isItself, placeOf } from "../access/matrix.ts";
import type { Called, CalledOutside, Caller, Parties } from "../access/parties.ts";
import type { AccessEntry } from "../api/ports.ts";
import type { AccessChange } from "./report.ts";

/** All callers of either time, in order. */
export function callersOf(before: Parties, after: Parties): readonly string[] {
  return [...new Set([...before.callers.keys(), ...after.callers.keys()])].sort();
}

/** What becomes of the pairs of one caller. Pairs whose two sides stay what they are are not judged. */
export function accessChanges(
  mesh: string,
  source: string,
  before: Parties,
  after: Parties,
): readonly AccessChange[] {
  const [was, is] = [before.callers.get(source), after.callers.get(source)];
  const changes: AccessChange[] = [];
  for (const key of new Set([...before.called.keys(), ...after.called.keys()])) {
    const [old, now] = [before.called.get(key), after.called.get(key)];
    const called = now ?? old;
    if (called === undefined || isItself(source, called) || isSame(was, is, old, now)) continue;
    const then = was === undefined || old === undefined ? undefined : judge(was, old);
    const next = is === undefined || now === undefined ? undefined : judge(is, now);
    const change = changeOf(then?.verdict, next?.verdict);
    if (change === undefined) continue;
    changes.push({
      mesh,
      source,
      ...placeOf(called),
      ...(then === undefined ? {} : { before: then.verdict }),
      ...(next === undefined ? {} : { after: next.verdict }),
      change,
      policy: next?.policy ?? null,
      reason: next?.reason ?? "one of the two is gone",
    });
  }
  return changes.sort((a, b) =>
    a.destination < b.destination ? -1 : a.destination > b.destination ? 1 : a.port - b.port,
  );
}

/** Whether both sides are what they were, as far as the decision goes. */
function isSame(
  was: Caller | undefined,
  is: Caller | undefined,
  old: Called | undefined,
  now: Called | undefined,
): boolean {
  if (was === undefined || is === undefined || old === undefined || now === undefined) return false;
  if (was.plan.identity !== is.plan.identity) return false;
  if (old.kind === "inbound") return now.kind === "inbound" && old.inbound.shared === now.inbound.shared;
  return now.kind === "outside" && isSameWay(old, now);
}

/** Of calls past egresses more than this counts: what the caller's proxy itself says. */
function isSameWay(old: CalledOutside, now: CalledOutside): boolean {
  if (old.egresses === undefined || now.egresses === undefined) return false;
  const [listeners, others] = [old.egresses, now.egresses];
  return (
    old.problem === now.problem &&
    listeners.length === others.length &&
    listeners.every(({ proxy, chain }, i) => proxy === others[i]?.proxy && chain === others[i]?.chain)
  );
}

type Verdict = AccessEntry["verdict"];

/** Whether calls get through. */
const OPEN: ReadonlySet<Verdict> = new Set(["allow", "plaintext", "unchecked"]);

const NAMED: Readonly<Record<Verdict, AccessChange["change"]>> = {
  deny: "newly-denied",
  unreachable: "newly-unreachable",
  differs: "newly-differs",
  allow: "newly-allowed",
  plaintext: "newly-plaintext",
  unchecked: "newly-unchecked",
};

function changeOf(
  before: Verdict | undefined,
  after: Verdict | undefined,
): AccessChange["change"] | undefined {
  if (before === after) return undefined;
  if (before === undefined) return "appears";
  if (after === undefined) return "disappears";
  if (!OPEN.has(after)) return NAMED[after];
  if (!OPEN.has(before)) return "newly-allowed";
  if (after !== "allow") return NAMED[after];
  return before === "unchecked" ? "newly-checked" : "newly-encrypted";
}
