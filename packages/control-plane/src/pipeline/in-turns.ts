import { setImmediate } from "node:timers/promises";

/** As long as planning, too, keeps the event loop to itself. */
const TURN_MS = 8;

/** Runs a long computation to its end, and lets others have their turn in between. */
export async function inTurns<Result>(
  steps: Generator<undefined, Result>,
  now: () => number = () => performance.now(),
): Promise<Result> {
  let begin = now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (now() - begin < TURN_MS) continue;
    await setImmediate();
    begin = now();
  }
}
