import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readLock } from "../net/block.ts";
import { until } from "../poll.ts";
import { marked, WORLD_MARK } from "../process/reap.ts";
import { occupySite } from "./site.ts";

const occupant = fileURLToPath(new URL("testing/occupant.ts", import.meta.url));

interface Occupied {
  readonly process: ChildProcess;
  readonly world: string;
  readonly dir: string;
  readonly lock: string;
}

/** Another process that takes a site and starts two processes in it, one of which leaves its group. */
async function occupy(ending: string): Promise<Occupied> {
  const child = spawn(process.execPath, [occupant, ending], { stdio: ["ignore", "pipe", "ignore"] });
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once("line", resolve),
  );
  const said = JSON.parse(line) as Omit<Occupied, "process">;
  await until("both processes run", () => marked(WORLD_MARK, said.world).length >= 2);
  return { process: child, ...said };
}

async function assertNothingLeft({ world, dir, lock }: Occupied): Promise<void> {
  await until("its processes are gone", () => marked(WORLD_MARK, world).length === 0);
  assert.ok(!existsSync(dir), `${dir} is still there`);
  // The block is free for every other world of this machine, which may have taken it by now.
  assert.notEqual(readLock(lock)?.world, world, `${lock} is still this world's`);
}

for (const ending of ["return", "throw", "reject"]) {
  test(`nothing is left behind after an end by ${ending}`, async () => {
    const occupied = await occupy(ending);
    await ended(occupied.process, () => occupied.process.kill("SIGUSR2"));
    await assertNothingLeft(occupied);
  });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`nothing is left behind after ${signal}`, async () => {
    const occupied = await occupy("signal");
    await ended(occupied.process, () => occupied.process.kill(signal));
    await assertNothingLeft(occupied);
  });
}

test("what a killed process left is cleared by the next that takes a block", async () => {
  const occupied = await occupy("signal");
  await ended(occupied.process, () => occupied.process.kill("SIGKILL"));
  assert.ok(existsSync(occupied.dir));
  const site = await occupySite();
  await assertNothingLeft({ ...occupied, lock: "" });
  site.clear();
});

function ended(child: ChildProcess, act: () => void): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    act();
  });
}
