import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { LaunchError } from "./launch-error.ts";
import { type LaunchPlan, readLaunchPlan, writeLaunchPlan } from "./launch-plan.ts";
import { openWorkDir, sweepWorkDirs } from "./work-dir.ts";

const LATER = Date.now() + 3_600_000;
const NO_PROCESS = 2 ** 22 + 1;

describe("work directories", () => {
  let temporary: string;
  beforeEach(() => {
    temporary = mkdtempSync(join(tmpdir(), "skein-test-"));
  });
  afterEach(() => rmSync(temporary, { recursive: true, force: true }));

  function abandoned(pid: number): LaunchPlan {
    const { path: workDir } = openWorkDir(undefined, temporary);
    const plan: LaunchPlan = {
      mode: "lean",
      pid,
      mesh: "default",
      name: "a",
      workDir,
      ownsWorkDir: true,
      admin: { kind: "pipe", path: join(workDir, "kuma-envoy-admin.sock") },
      command: { file: "envoy", args: [] },
      controlPlane: { address: "https://cp:5678", skipVerify: false },
      drainTimeMs: 1_000,
      readiness: { address: "127.0.0.1", port: 9902 },
      log: { level: "info", json: false },
    };
    writeLaunchPlan(plan);
    return plan;
  }

  test("are private, and may be named", () => {
    const named = join(temporary, "a", "b");
    assert.deepEqual(openWorkDir(named, temporary), { path: named, owned: false });
    assert.equal(statSync(named).mode & 0o777, 0o700);
    assert.equal(openWorkDir(undefined, temporary).owned, true);
  });

  test("too long for a socket, or unusable, are refused", () => {
    assert.throws(() => openWorkDir(join(temporary, "x".repeat(100)), temporary), LaunchError);
    assert.throws(() => openWorkDir("/dev/null/x", temporary), LaunchError);
  });

  test("keep the plan", () => {
    const plan = abandoned(1);
    assert.deepEqual(readLaunchPlan(plan.workDir), plan);
    assert.equal(statSync(join(plan.workDir, "launch.json")).mode & 0o777, 0o600);
  });

  test("are swept when their sidecar is gone, and only then", async () => {
    const dead = abandoned(NO_PROCESS);
    const alive = abandoned(process.pid);
    const elsewhere = abandoned(NO_PROCESS);
    mkdirSync(join(temporary, "skein-dp-not-ours"));
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(join(elsewhere.workDir, "kuma-envoy-admin.sock"), resolve);
    });
    await sweepWorkDirs(temporary, Date.now());
    assert.ok(existsSync(dead.workDir), "too young");
    await sweepWorkDirs(temporary, LATER);
    server.close();
    assert.ok(!existsSync(dead.workDir));
    assert.ok(existsSync(alive.workDir));
    assert.ok(existsSync(elsewhere.workDir), "its process may be in another pid namespace");
    assert.ok(existsSync(join(temporary, "skein-dp-not-ours")));
  });
});
