import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ALLOW_ALL, IDENTITY, STRICT } from "../demo/documents.ts";
import { appUrl } from "../kong-air/call.ts";
import { MESH_YAML, outboundsTo } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import type { Child } from "../process/child.ts";
import type { Service } from "../world/service.ts";
import { createWorld, type World } from "../world/world.ts";
import { type Api, at, createApi, listAt } from "./testing/api.ts";
import { createTestClock, type TestClock } from "./testing/clock.ts";
import { withTraffic } from "./testing/witness.ts";

const HOUR = 3_600_000;
/** The issuer looks at the clock at least that often. */
const LOOK = 30_000;

let world: World;
let api: Api;
let controlPlane: Child;
let clock: TestClock;
let portal: Service;

before(async () => {
  world = await createWorld();
  clock = createTestClock(world);
  controlPlane = await world.startControlPlane(clock.settings);
  api = createApi(world.controlPlane.api);
  await world.apply([MESH_YAML, ALLOW_ALL, STRICT, IDENTITY].join("---\n"));
  [portal] = await Promise.all([
    world.startService({ service: "passenger-portal", host: 11, outbounds: outboundsTo(["check-in-api"]) }),
    world.startService({ service: "check-in-api", host: 12 }),
  ]);
  await until("the portal reaches check-in", async () => (await fetch(url())).ok, { timeoutMs: 15_000 });
});
after(() => world.stop());

const url = (): string => `${appUrl(world, "passenger-portal")}/call/check-in-api/`;

async function expiry(): Promise<string> {
  const items = listAt(await api.get(`/meshes/${world.mesh}/_proxy-status?name=passenger-portal`), "items");
  return String(at(items, 0, "identity", "expires"));
}

async function regenerations(): Promise<number> {
  const insight = await api.get(`/meshes/${world.mesh}/dataplane-insights/passenger-portal`);
  return Number(at(insight, "mTLS", "certificateRegenerations"));
}

/** A change goes out to both proxies, and both take it. */
async function assertChangesArrive(seconds: number): Promise<void> {
  const spec = {
    to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout: `${seconds}s` } } }],
  };
  const document = { type: "MeshTimeout", mesh: world.mesh, name: "everybody", spec };
  const begin = performance.now();
  const counts = await api.settled(await api.put(`/meshes/${world.mesh}/meshtimeouts/everybody`, document));
  assert.ok((counts.acknowledged ?? 0) >= 1, JSON.stringify(counts));
  assert.ok(performance.now() - begin < 5_000);
  assert.match(await portal.sidecar.admin("/config_dump"), new RegExp(`"timeout": "${seconds}s"`));
}

async function listeners(): Promise<number> {
  const stats = await portal.sidecar.stats("listener_manager.listener_(create|modified|removed)");
  return [...stats.values()].reduce((sum, each) => sum + each, 0);
}

test("the clock is set back by an hour: traffic, changes and new proxies go on", async () => {
  const touched = await listeners();
  await withTraffic({ url: url(), rate: 20 }, async () => {
    await clock.shift(controlPlane, { wallMs: -HOUR });
    await assertChangesArrive(11);
    await world.startService({
      service: "flight-control",
      host: 13,
      outbounds: outboundsTo(["check-in-api"]),
    });
    await until("a proxy that came meanwhile has a certificate and is let in", async () => {
      const answer = await fetch(`${appUrl(world, "flight-control")}/call/check-in-api/`);
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      return true;
    });
    await assertChangesArrive(12);
  });
  assert.equal(await listeners(), touched, "no listener was replaced");
});

test("the clock is right again: nothing falls over", async () => {
  await clock.shift(controlPlane, {});
  await assertChangesArrive(13);
  assert.ok((await fetch(url())).ok);
});

test("the machine slept for 20 hours: certificates are renewed soon, each once", async () => {
  const [before, renewed] = [await expiry(), await regenerations()];
  await clock.shift(controlPlane, { wallMs: 20 * HOUR, monotonicMs: 20 * HOUR });
  await until("the portal's certificate is renewed", async () => (await expiry()) !== before, {
    timeoutMs: LOOK + 10_000,
    intervalMs: 200,
  });
  const gained = Date.parse(await expiry()) - Date.parse(before);
  assert.ok(gained > 15 * HOUR && gained < 25 * HOUR, `${gained / HOUR} h`);
  await until("the insight counts it", async () => (await regenerations()) > renewed);
  assert.equal(await regenerations(), renewed + 1);
});
