import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openSqliteStore } from "./sqlite.ts";
import { KEPT, PASSENGERS } from "./testing/kill-writer.ts";
import { tempDir } from "./testing/temp-dir.ts";

const WRITER = join(import.meta.dirname, "testing", "kill-writer.ts");
const LANES = 2;
const KILLS_PER_LANE = 100;

/**
 * Runs a writer and kills it: mostly while it writes, sometimes while it starts and recovers.
 * Returns the highest transaction that it saw resolved.
 */
async function runAndKill(file: string, first: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, file, `${first}`], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "close");
  let output = "";
  let complaints = "";
  child.stdout.on("data", (data: Buffer) => {
    output += data;
  });
  child.stderr.on("data", (data: Buffer) => {
    complaints += data;
  });
  const isEarly = Math.random() < 0.1;
  if (!isEarly) await Promise.race([once(child.stdout, "data"), exited]);
  await sleep(Math.random() * (isEarly ? 120 : 40));
  child.kill("SIGKILL");
  const [, signal] = await exited;
  assert.equal(signal, "SIGKILL", `the writer ended by itself: ${complaints}`);
  const whole = output.slice(0, output.lastIndexOf("\n") + 1).trim();
  return Math.max(first - 1, ...whole.split("\n").filter(Boolean).map(Number));
}

/** Opens the file, sees that exactly the transactions 1 … n are in it, each whole, and returns n. */
async function checkWhole(file: string, acknowledged: number): Promise<number> {
  const store = openSqliteStore(file, { now: Date.now });
  const head = store.get({ type: "Head", mesh: "", name: "head" })?.spec as { n: number } | undefined;
  const newest = head?.n ?? 0;
  assert.ok(
    newest >= acknowledged,
    `transaction ${acknowledged} was acknowledged, and ${newest} is the newest`,
  );
  assert.equal(store.revision, newest);
  const flights = Array.from({ length: Math.min(KEPT, newest) }, (_, age) => newest - age);
  assert.deepEqual(new Set(store.list({ type: "Flight" }).map(({ name }) => Number(name))), new Set(flights));
  assert.deepEqual(
    new Set(store.list({ type: "Passenger" }).map(({ name }) => name)),
    new Set(flights.flatMap((n) => Array.from({ length: PASSENGERS }, (_, seat) => `${n}-${seat}`))),
  );
  await store.close();
  return newest;
}

describe("kill -9 during writes", { timeout: 240_000, concurrency: LANES }, () => {
  for (let lane = 1; lane <= LANES; lane++) {
    it(`loses nothing acknowledged and shows nothing half, ${KILLS_PER_LANE} times (lane ${lane})`, async (context) => {
      const file = join(tempDir(context), "skein.db");
      let newest = 0;
      for (let kill = 0; kill < KILLS_PER_LANE; kill++) {
        const acknowledged = await runAndKill(file, newest + 1);
        newest = await checkWhole(file, acknowledged);
      }
      context.diagnostic(`${newest} transactions`);
      assert.ok(newest > KILLS_PER_LANE);
    });
  }
});
