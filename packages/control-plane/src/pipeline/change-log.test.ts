import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeLog } from "./change-log.ts";

function changeLog(options: { capacity?: number; itemCapacity?: number } = {}) {
  const clock = { ms: 0 };
  const log = new ChangeLog({ now: () => 1_000_000 + clock.ms, monotonic: () => clock.ms, ...options });
  return { log, clock };
}

async function isPending(promise: Promise<void>): Promise<boolean> {
  const late = Symbol("late");
  return (
    (await Promise.race([promise, new Promise((resolve) => setImmediate(() => resolve(late)))])) === late
  );
}

test("a change that concerns nobody is settled as soon as it is planned", () => {
  const { log } = changeLog();
  log.begin(1);
  assert.equal(log.status(1)?.state, "planning");
  log.planned([1]);
  assert.equal(log.status(1)?.state, "settled");
  assert.equal(log.status(2), undefined);
});

test("a change is settled when the last proxy has answered, well or badly or by leaving", async () => {
  const { log, clock } = changeLog();
  log.begin(1);
  for (const name of ["a", "b", "c"]) log.affected([1], "m", name, []);
  log.planned([1]);
  const settled = log.settled(1, AbortSignal.timeout(1000));
  clock.ms = 10;
  log.answered([1], "m", "a", "acknowledged");
  log.answered([1], "m", "b", "rejected", [
    { type: "listener", name: "l", message: "no", policies: ["kri"] },
  ]);
  assert.equal(log.status(1)?.state, "pending");
  assert.ok(await isPending(settled));
  clock.ms = 25;
  log.answered([1], "m", "c", "gone");
  await settled;
  const status = log.status(1);
  assert.deepEqual(status?.proxies, { affected: 3, acknowledged: 1, behind: 0, rejected: 1, gone: 1 });
  assert.equal(status?.lastAcknowledgedAfterMs, 10);
  assert.deepEqual(status?.items.find(({ name }) => name === "b")?.rejected?.[0]?.policies, ["kri"]);
});

test("what follows from a change keeps it open, and counts as its own", async () => {
  const { log } = changeLog();
  log.begin(1);
  const release = log.hold(1, "m");
  log.planned([1]);
  assert.equal(log.status(1)?.state, "pending");
  assert.deepEqual(log.held("m"), [1]);
  assert.deepEqual(log.held("other"), []);
  log.affected(log.held("m"), "m", "a", []);
  release();
  release();
  assert.deepEqual(log.held("m"), []);
  assert.equal(log.status(1)?.state, "pending");
  log.answered([1], "m", "a", "acknowledged");
  assert.equal(log.status(1)?.state, "settled");
});

test("a proxy that is changed twice by one change has to answer twice", () => {
  const { log } = changeLog();
  log.begin(1);
  log.affected([1], "m", "a", []);
  log.planned([1]);
  log.answered([1], "m", "a", "acknowledged");
  log.affected([1], "m", "a", []);
  assert.deepEqual(log.status(1)?.proxies, { affected: 1, acknowledged: 0, behind: 1, rejected: 0, gone: 0 });
});

test("waiting ends with its signal, and at once for a change nobody knows", async () => {
  const { log } = changeLog();
  await log.settled(99, AbortSignal.timeout(10_000));
  log.begin(1);
  const controller = new AbortController();
  const settled = log.settled(1, controller.signal);
  assert.ok(await isPending(settled));
  controller.abort();
  await settled;
});

test("old changes lose their items first and are forgotten in the end; open ones are kept", () => {
  const { log } = changeLog({ capacity: 3, itemCapacity: 2 });
  log.begin(1);
  log.affected([1], "m", "open", []);
  log.planned([1]);
  for (const id of [2, 3, 4, 5]) {
    log.begin(id);
    log.affected([id], "m", "a", []);
    log.planned([id]);
    log.answered([id], "m", "a", "acknowledged");
  }
  assert.equal(log.status(1)?.proxies.behind, 1);
  assert.equal(log.status(2), undefined);
  assert.equal(log.status(5)?.proxies.acknowledged, 1);
});

test("what a storm of changes left goes when they are settled, but for what was waited for", () => {
  const { log } = changeLog({ itemCapacity: 2 });
  const ids = [1, 2, 3, 4];
  for (const id of ids) log.begin(id);
  for (const id of ids) log.affected([id], "m", "a", []);
  log.planned(ids);
  for (const id of [2, 3, 4, 1]) log.answered([id], "m", "a", "acknowledged");
  assert.deepEqual(
    ids.map((id) => log.status(id)?.items.length),
    [1, 0, 0, 1],
  );
  assert.equal(log.status(2)?.proxies.acknowledged, 1, "the counts stay");
});

test("a change from which others follow is settled with the last of them", async () => {
  const { log } = changeLog();
  let tell: (ids: readonly number[]) => void = () => undefined;
  log.begin(1);
  const followed = log.follow(1, new Promise((resolve) => (tell = resolve)));
  log.planned([1]);
  const settled = log.settled(1, AbortSignal.timeout(1000));
  assert.equal(log.status(1)?.state, "pending");
  for (const id of [2, 3]) {
    log.begin(id);
    log.affected([id], "m", "a", []);
  }
  log.planned([2, 3]);
  tell([2, 3]);
  log.answered([2], "m", "a", "acknowledged");
  assert.ok(await isPending(settled));
  log.answered([3], "m", "a", "acknowledged");
  await followed;
  await settled;
  assert.equal(log.status(1)?.state, "settled");
  assert.equal(log.status(1)?.proxies.affected, 0, "what followed is told of itself only");
  await log.follow(9, Promise.resolve([]));
});
