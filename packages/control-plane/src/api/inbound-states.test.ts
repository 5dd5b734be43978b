import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, seed } from "./testing/world.ts";

const URL = "/meshes/default/dataplanes/web";
const PROBE = { interval: "1s", tcp: {} };

async function worldWith(probes: boolean) {
  const world = createWorld({ settings: { probes } });
  await seed(world.store, { type: "Mesh", name: "default" });
  const put = (...inbound: object[]) =>
    world.call("PUT", URL, {
      type: "Dataplane",
      mesh: "default",
      name: "web",
      networking: {
        address: "10.0.0.1",
        inbound: inbound.map((each) => ({ port: 80, tags: { "kuma.io/service": "web" }, ...each })),
      },
    });
  const states = async () => {
    const { json } = await world.call("GET", URL);
    return json.networking.inbound.map(
      ({ state, health }: { state?: string; health?: { ready: boolean } }) => [state, health?.ready],
    );
  };
  return { world, put, states };
}

test("an inbound with a probe is created as not ready, and what was found out stays when it is written again", async () => {
  const { world, put, states } = await worldWith(true);
  await put({ serviceProbe: PROBE }, { port: 81 });
  assert.deepEqual(await states(), [
    ["NotReady", false],
    [undefined, undefined],
  ]);
  await put({ serviceProbe: PROBE, tags: { "kuma.io/service": "web", round: "2" } }, { port: 81 });
  assert.deepEqual(await states(), [
    ["NotReady", false],
    [undefined, undefined],
  ]);
  const { json } = await world.call("GET", URL);
  await world.call("PUT", URL, json);
  assert.deepEqual((await states())[0], ["NotReady", false]);
  await put({ serviceProbe: PROBE, state: "Ignored" }, { port: 81, state: "NotReady" });
  assert.deepEqual(await states(), [
    ["Ignored", undefined],
    ["NotReady", undefined],
  ]);
});

test("where no probes are made, an inbound does not wait for one, and whoever writes it is told", async () => {
  const { put, states } = await worldWith(false);
  const answer = await put({ serviceProbe: PROBE });
  assert.deepEqual(await states(), [[undefined, undefined]]);
  assert.deepEqual(answer.json.warnings, [
    "networking.inbound[0].serviceProbe: has no effect, as dpServer.hds.enabled of the control plane is false",
  ]);
  assert.equal((await put({})).json.warnings, undefined);
});
