import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import type { Explanation } from "@skein/control-plane/explain/explanation";
import fc from "fast-check";
import { withWorld } from "../world/world.ts";
import { change, explained } from "./asked-world.ts";
import { ALLOW_ALL, identity } from "./documents.ts";
import { faultSet } from "./fault-sets.ts";
import { get } from "./load.ts";
import { documents, meshYaml } from "./scene.ts";

/*
 * Shares that explain tells of answers against what comes of hundreds of requests, for random faults, retries and time-outs.
 * A share that is told right is missed by more than `SIGMAS` once in three million times.
 */

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const SETS = Number(process.env.SETS ?? 32);
const REQUESTS = 400;
const SLOW_REQUESTS = 120;
/** No more at a time: Envoy's own limit of retries at a time is three. */
const AT_A_TIME = 3;
const SIGMAS = 5.1;

test(`shares of answers are as explain tells them, for ${SETS} random sets of faults (SEED=${SEED})`, async (t) => {
  const sets = fc.sample(faultSet, { seed: SEED, numRuns: SETS });
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(documents(meshYaml(), identity(), ALLOW_ALL));
    await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "check-in-api", port: 10_001 }],
      }),
      world.startService({ service: "check-in-api", host: 12 }),
    ]);
    const url = `http://${world.site.block.address(11)}:10001/`;
    const seen = { mixed: 0, "504": 0, mended: 0, certain: 0 };
    for (const [i, set] of sets.entries()) {
      await change(world, { ...set, away: [] }, []);
      const said = await explained(world, { from: "passenger-portal", to: "check-in-api" });
      const { counts, bodies } = await asked(url, set.isSlow ? SLOW_REQUESTS : REQUESTS);
      const wrong = disagreement(said, counts);
      const about = `set ${i}\n${set.documents.join("---\n")}\nexplain: ${JSON.stringify(said.endings)}\ntraffic: ${JSON.stringify([...counts])}\nthe last of each: ${JSON.stringify([...bodies])}`;
      assert.equal(wrong, undefined, `SEED=${SEED}: ${wrong}; ${about}`);
      assert.equal(said.endingsEstimated, false, "there is one instance");
      if (said.endings.length > 1) seen.mixed += 1;
      if (said.endings.some(({ status }) => status === 504)) seen["504"] += 1;
      if (isMended(said)) seen.mended += 1;
      if (said.endings.length === 1) seen.certain += 1;
    }
    t.diagnostic(`SEED=${SEED}: ${JSON.stringify(seen)}`);
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `no set came to "${what}"`);
  });
});

/** By status, 0 for no answer. */
interface Answers {
  readonly counts: ReadonlyMap<number, number>;
  /** What the last of them said. */
  readonly bodies: ReadonlyMap<number, string>;
}

async function asked(url: string, count: number): Promise<Answers> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME });
  // A connection whose filters were replaced has the new ones after its next request.
  for (let i = 0; i < 12; i++) await get(agent, url);
  const counts = new Map<number, number>();
  const bodies = new Map<number, string>();
  let left = count;
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      while (left-- > 0) {
        const { status, body, error } = await get(agent, url);
        bodies.set(status, error ?? body);
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    }),
  );
  agent.destroy();
  return { counts, bodies };
}

/** A share that is another than it was told; `undefined` where none is. */
function disagreement({ endings }: Explanation, counts: ReadonlyMap<number, number>): string | undefined {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const told = new Map(endings.map(({ status = 200, share }) => [status, share / 100]));
  for (const status of new Set([...told.keys(), ...counts.keys()])) {
    const [p, count] = [told.get(status) ?? 0, counts.get(status) ?? 0];
    // The second part is for rare answers, of which there are few or none.
    const margin = SIGMAS * Math.sqrt(total * p * (1 - p)) + (p === 0 || p === 1 ? 0 : 8);
    if (Math.abs(count - total * p) > margin) {
      return `${status} came ${count} times of ${total}, and ${(total * p).toFixed(1)} were told`;
    }
  }
  return undefined;
}

/** Whether retries make the application answer more often than one attempt would. */
function isMended({ endings, branches }: Explanation): boolean {
  const answered = (list: readonly { readonly share: number; readonly status?: number }[]): number =>
    list.filter(({ status }) => status === undefined).reduce((sum, { share }) => sum + share, 0);
  return answered(endings) > answered(branches.flatMap(({ attempts }) => attempts)) + 1;
}
