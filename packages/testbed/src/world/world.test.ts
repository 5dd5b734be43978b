import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { callThrough, describeCall } from "../kong-air/call.ts";
import { isOk } from "../net/http.ts";
import { tail } from "../process/logs.ts";
import { marked, WORLD_MARK } from "../process/reap.ts";
import { run } from "../process/run.ts";
import { writeShims } from "./shims.ts";
import { createWorld, joinWorld, type World, withWorld } from "./world.ts";

const file = (name: string): string => fileURLToPath(new URL(`testing/${name}`, import.meta.url));
const commands = {
  controlPlane: [process.execPath, file("stand-in-cp.ts")],
  dataPlane: [process.execPath, file("stand-in-dp.ts")],
};

test("a control plane can be killed and comes back at the same address", async () => {
  await withWorld(
    async (world) => {
      const first = await world.startControlPlane();
      await world.killControlPlane();
      assert.ok(!first.running);
      await assert.rejects(isOk(world.controlPlane.diagnostics));
      const second = await world.startControlPlane();
      assert.notEqual(first.pid, second.pid);
      assert.ok(await isOk(world.controlPlane.diagnostics));
    },
    { commands },
  );
});

test("a control plane that cannot start says why", async () => {
  const world = await createWorld({ commands });
  await assert.rejects(
    world.startControlPlane({ FAIL: "no disk" }),
    /exit code 3[\s\S]*cannot start: no disk/,
  );
  await world.stop();
});

test("a service is an app and a sidecar that knows it, and they call each other by name", async () => {
  const world = await createWorld({ commands });
  await world.startControlPlane();
  const { app, sidecar } = await world.startService({
    service: "check-in-api",
    instance: "check-in-api-2",
    labels: { team: "passenger" },
    // No Envoy here: the "outbound" leads to nothing.
    outbounds: [{ service: "flight-control", port: 10_001 }],
  });
  assert.equal(app.url, `http://${world.site.block.prefix}.111:8080`);
  assert.equal(sidecar.address, `${world.site.block.prefix}.11`);
  assert.deepEqual([...(await sidecar.stats("requests"))], [["http.requests", 7]]);
  const given = tail(sidecar.child.logFile);
  for (const part of [
    "token of check-in-api-2",
    "name: check-in-api-2",
    "team: passenger",
    "name: flight-control",
  ]) {
    assert.match(given, new RegExp(part));
  }
  const call = await callThrough(world, "check-in-api-2", "flight-control");
  assert.equal(describeCall(call), "check-in-api-2 -> flight-control  ---  ECONNREFUSED");
  await assertStopsCleanly(world);
});

test("what a command in the world's shell starts belongs to the world", async () => {
  const world = await createWorld({ commands });
  await world.startControlPlane();
  const joined = joinWorld(world.environment, { commands });
  await joined.startApp({ service: "kiosk" });
  const bin = writeShims(world);
  const ps = await run(`${bin}/kong-air`, ["ps"], { env: {}, cwd: world.site.dir });
  assert.match(ps.stdout, /app +kiosk +127\.\d+\.\d+\.111 +pid \d+/);
  await assertStopsCleanly(world);
});

async function assertStopsCleanly(world: World): Promise<void> {
  assert.ok(marked(WORLD_MARK, world.site.id).length > 0);
  await world.stop();
  assert.deepEqual(marked(WORLD_MARK, world.site.id), []);
  assert.ok(!existsSync(world.site.dir));
}
