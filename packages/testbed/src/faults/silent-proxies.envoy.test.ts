import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { MESH_YAML } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import type { Child } from "../process/child.ts";
import { createWorld, type World } from "../world/world.ts";
import { type Api, at, createApi, listAt } from "./testing/api.ts";
import { createTestClock, type TestClock } from "./testing/clock.ts";
import { residentMb } from "./testing/process.ts";
import {
  type BareProxy,
  connectBare,
  joinFleet,
  type SimulatedFleet,
  simulatedDataplane,
  simulatedName,
} from "./testing/simulated.ts";

const FLEET = 40;
const DEAF = 5;
/** So many that the clusters of a proxy which calls them all do not fit into the stream's buffer of 64 KiB. */
const SERVICES = 300;
const HEAP_MB = 128;
/** A connection that answers no ping is dropped after two to three intervals of 15 s. */
const GONE_WITHIN = 60_000;

let world: World;
let api: Api;
let controlPlane: Child;
let clock: TestClock;
let fleet: SimulatedFleet;
const closed: string[] = [];

before(async () => {
  world = await createWorld();
  clock = createTestClock(world);
  // Without a limit the heap grows until it is worth collecting, which says nothing about what is kept.
  const heap = `--max-old-space-size=${HEAP_MB} ${clock.settings.NODE_OPTIONS}`;
  controlPlane = await world.startControlPlane({ ...clock.settings, NODE_OPTIONS: heap });
  api = createApi(world.controlPlane.api);
  await world.apply(MESH_YAML);
  fleet = await joinFleet(world, api, FLEET, (proxy, reason) =>
    closed.push(`${simulatedName(proxy)}: ${reason}`),
  );
});
after(async () => {
  fleet?.close();
  await world.stop();
});

async function isConnected(name: string): Promise<boolean> {
  const items = listAt(await api.get(`/meshes/${world.mesh}/_proxy-status?size=1000`), "items");
  return items.some((item) => at(item, "name") === name && at(item, "connected") === true);
}

/** Changes a cluster and a listener of everybody, and resolves when all of the fleet have it. */
async function changeEverybody(round: number): Promise<void> {
  const conf = { connectionTimeout: `${round + 1}s`, http: { requestTimeout: `${round + 2}s` } };
  const spec = { to: [{ targetRef: { kind: "Mesh" }, default: conf }] };
  const document = { type: "MeshTimeout", mesh: world.mesh, name: "everybody", spec };
  const acknowledged = acks();
  await api.put(`/meshes/${world.mesh}/meshtimeouts/everybody`, document);
  await until("the fleet has it", () => acks().every((count, index) => count > (acknowledged[index] ?? 0)), {
    timeoutMs: 5_000,
    intervalMs: 5,
  });
}

const acks = (): readonly number[] => fleet.proxies.map(({ counts }) => counts.acks);

async function stoppedProxy(): Promise<Child> {
  const { dataplanes, caFile } = world.controlPlane;
  const script = fileURLToPath(new URL("testing/stopped-proxy.ts", import.meta.url));
  const token = await api.dataplaneToken({ mesh: world.mesh });
  const child = await world.startPart("sidecar", "stopped", [
    ...[process.execPath, script, dataplanes, caFile, world.mesh, "stopped", token],
  ]);
  await until("the proxy that will stop is served", () => child.tail().includes("ready"));
  return child;
}

test("proxies that stop reading: bounded memory, nobody held up, thrown out in time", async (t) => {
  const stopped = await stoppedProxy();
  stopped.signal("SIGSTOP");
  const stoppedAt = performance.now();

  const token = await api.dataplaneToken({ mesh: world.mesh });
  const calls = Array.from({ length: SERVICES }, (_, index) => `service-${index}`);
  for (const [index, name] of calls.entries())
    await api.put(
      `/meshes/${world.mesh}/dataplanes/${name}`,
      simulatedDataplane(world.mesh, name, { index: 2000 + index }),
    );
  const deaf: BareProxy[] = [];
  t.after(() => {
    for (const proxy of deaf) proxy.session.destroy();
  });
  for (let index = 0; index < DEAF; index++) {
    const name = `deaf-${index}`;
    const dataplane = simulatedDataplane(world.mesh, name, { index: 1000 + index, calls });
    const proxy = connectBare(world, { name, token, dataplane, window: 1024 });
    proxy.call.stream.pause();
    deaf.push(proxy);
  }
  await until("they are connected", () => isConnected(`deaf-${DEAF - 1}`));

  await t.test("changes reach the others quickly, and memory stays bounded", async () => {
    for (let round = 0; round < 20; round++) await changeEverybody(round);
    const memory = residentMb(controlPlane.pid);
    const begin = performance.now();
    for (let round = 20; round < 120; round++) await changeEverybody(round);
    const each = (performance.now() - begin) / 100;
    const grown = residentMb(controlPlane.pid) - memory;
    t.diagnostic(
      `${each.toFixed(0)} ms a change, ${grown.toFixed(0)} MB more after 100 changes for ${DEAF} deaf proxies`,
    );
    assert.ok(each < 1_000, `${each} ms`);
    assert.ok(grown < 60, `${grown} MB`);
    for (const { call } of deaf) assert.ok(call.messages.length <= 2, "it read after all");
  });

  await t.test("who has read nothing for a minute is disconnected, and nobody else", async () => {
    assert.deepEqual(
      deaf.filter(({ session }) => session.destroyed || session.closed),
      [],
    );
    await clock.shift(controlPlane, { monotonicMs: 61_000 });
    await until("all of them are disconnected", async () => {
      const left = await Promise.all(deaf.map((_, index) => isConnected(`deaf-${index}`)));
      return !left.includes(true);
    });
    assert.match(controlPlane.tail(100), /disconnected a proxy that does not read/);
    await changeEverybody(200);
  });

  await t.test("a process that is stopped is noticed by its silence", async () => {
    await until("it is disconnected", async () => !(await isConnected("stopped")), {
      timeoutMs: GONE_WITHIN,
      intervalMs: 200,
    });
    t.diagnostic(`after ${((performance.now() - stoppedAt) / 1000).toFixed(0)} s`);
    stopped.signal("SIGKILL");
    await changeEverybody(201);
  });

  assert.deepEqual(closed, [], "no other proxy lost its stream");
});

test("a client that speaks nothing we know does no harm", async () => {
  const port = Number(new URL(world.controlPlane.dataplanes).port);
  const sockets = await Promise.all(
    ["", "GET / HTTP/1.1\r\n\r\n", "\u0016\u0003\u0001\u0002\u0000garbage", "x".repeat(100_000)].map(
      (text) =>
        new Promise<ReturnType<typeof connect>>((resolve) => {
          const socket = connect(port, "127.0.0.1", () => {
            socket.write(text);
            resolve(socket);
          });
          socket.on("error", () => {});
        }),
    ),
  );
  await changeEverybody(300);
  for (const socket of sockets) socket.destroy();
  using garbled = connectBare(world, {
    name: "garbled",
    token: await api.dataplaneToken({ mesh: world.mesh }),
  });
  garbled.call.send(Buffer.alloc(1000, 0xff));
  const ended = await until("its stream is ended", () => garbled.ended);
  assert.match(ended.message, /not a discovery request/);
  using huge = connectBare(world, { name: "huge", token: await api.dataplaneToken({ mesh: world.mesh }) });
  huge.call.send(Buffer.alloc(5 * 1024 * 1024));
  assert.notEqual((await until("its stream is ended", () => huge.ended)).code, 0);
  await changeEverybody(301);
  assert.ok(controlPlane.running);
});
