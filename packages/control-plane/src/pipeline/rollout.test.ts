import assert from "node:assert/strict";
import { test } from "node:test";
import type { IdentityStage } from "../plan/identities.ts";
import { Rollouts } from "./rollout.ts";

function rollouts(stageTimeoutMs = 60_000, lingerMs = 0) {
  const stages: (IdentityStage | undefined)[] = [];
  const timeouts: string[] = [];
  const world = { settled: false };
  const made = new Rollouts({
    isSettled: () => world.settled,
    setStage: (_mesh, _issuer, stage) => {
      stages.push(stage);
      world.settled = false;
    },
    stageTimeoutMs,
    onTimeout: (_mesh, _issuer, stage) => timeouts.push(stage),
    lingerMs: () => lingerMs,
  });
  const settle = () => {
    world.settled = true;
    made.progress();
  };
  return { made, stages, timeouts, settle };
}

test("each stage begins when everybody has acknowledged the one before", () => {
  const { made, stages, settle } = rollouts();
  let finished = 0;
  made.start("m", "issuer", () => {
    finished += 1;
  });
  assert.deepEqual(stages, ["announced"]);
  made.progress();
  assert.deepEqual(stages, ["announced"]);
  settle();
  settle();
  assert.equal(finished, 0);
  settle();
  assert.deepEqual(stages, ["announced", "serving", "calling", "enforced"]);
  assert.equal(finished, 0, "finished before the servers have acknowledged that they refuse plaintext");
  made.progress();
  assert.equal(finished, 0);
  settle();
  assert.equal(finished, 1);
  settle();
  assert.equal(stages.length, 4);
  made.close();
});

test("an issuer that is rolling out already is not started again", () => {
  const { made, stages } = rollouts();
  made.start("m", "issuer", () => undefined);
  let finished = false;
  made.start("m", "issuer", () => {
    finished = true;
  });
  assert.equal(finished, true);
  assert.deepEqual(stages, ["announced"]);
  made.close();
});

test("an issuer that goes takes its stage along and holds nobody up", () => {
  const { made, stages } = rollouts();
  let finished = false;
  made.start("m", "issuer", () => {
    finished = true;
  });
  made.stop("issuer");
  assert.deepEqual(stages, ["announced", undefined]);
  assert.equal(finished, true);
  assert.equal(made.stage("issuer"), undefined);
});

test("one broken proxy does not hold up a mesh for ever", async () => {
  const { made, stages, timeouts } = rollouts(5);
  await new Promise<void>((resolve) => made.start("m", "issuer", resolve));
  assert.deepEqual(stages, ["announced", "serving", "calling", "enforced"]);
  assert.deepEqual(timeouts, ["announced", "serving", "calling", "enforced"]);
});

test("what refuses something waits for the connections that were begun before", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { made, stages, settle } = rollouts(60_000, 1_000);
  made.start("m", "issuer", () => undefined);
  settle();
  settle();
  t.mock.timers.tick(999);
  assert.deepEqual(stages, ["announced"]);
  t.mock.timers.tick(1);
  assert.deepEqual(stages, ["announced", "serving"]);
  settle();
  assert.deepEqual(stages.slice(2), ["calling"], "servers take both: nobody has to wait");
  settle();
  t.mock.timers.tick(1_000);
  assert.deepEqual(stages.slice(3), ["enforced"]);

  let switched = false;
  made.whenQuiet("m", "issuer", () => {
    switched = true;
  });
  settle();
  t.mock.timers.tick(999);
  assert.equal(switched, false);
  t.mock.timers.tick(1);
  assert.equal(switched, true);
  made.close();
});
