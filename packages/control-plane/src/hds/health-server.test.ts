import assert from "node:assert/strict";
import { test } from "node:test";
import { StreamRefused } from "../xds/fleet.ts";
import { until } from "../xds/testing/until.ts";
import { healthWorld } from "./testing/health-world.ts";
import { HealthStatus, healthReport, healthRequest, specifierOf } from "./testing/messages.ts";

const PROBE = { serviceProbe: { tcp: {} } };
const OUT = { state: "NotReady", health: { ready: false } } as const;
const { HEALTHY, UNHEALTHY } = HealthStatus;
const says = (status: HealthStatus) => healthReport({ "localhost:80": ["127.0.0.1", 80, status] });
/** Long enough for a write that must not come, short enough to wait for. */
const moment = () => new Promise((resolve) => setTimeout(resolve, 60));

test("a proxy is told what to check, anew when that changes and only then", async (t) => {
  const { put, open, counts, store } = await healthWorld(t);
  await put("web", { port: 80, ...PROBE });
  const call = open();
  call.send(healthRequest("default.web"));
  await until("a specifier", () => call.messages.length === 1);
  const names = () =>
    specifierOf(call.messages.at(-1) ?? new Uint8Array()).clusterHealthChecks.map(
      ({ clusterName }) => clusterName,
    );
  assert.deepEqual(names(), ["localhost:80"]);
  await put("web", { port: 80, ...PROBE, ...OUT });
  await put("other", { port: 81, ...PROBE });
  await put("web", { port: 80, ...PROBE }, { port: 81, ...PROBE });
  await until("another specifier", () => call.messages.length === 2);
  assert.deepEqual(names(), ["localhost:80", "localhost:81"]);
  await store.write([{ op: "delete", key: { type: "Dataplane", mesh: "default", name: "web" } }]);
  await until("a specifier without checks", () => call.messages.length === 3);
  assert.deepEqual(names(), []);
  assert.deepEqual([counts.sent, counts.generated, counts.received, counts.failed], [3, 3, 1, 0]);
});

test("a report changes the state of what it is about, and only if it is another", async (t) => {
  let time = 0;
  const { put, open, store, inbounds, health } = await healthWorld(t, { monotonic: () => time });
  await put("web", { port: 80, ...PROBE }, { port: 81 });
  const call = open();
  call.send(healthRequest("default.web"));
  await until("a specifier", () => call.messages.length === 1);
  const { revision } = store;
  call.send(says(UNHEALTHY));
  await moment();
  assert.equal(store.revision, revision, "a check that may not have been made yet says nothing bad");
  time = 60_000;
  call.send(says(UNHEALTHY));
  await until("it is out", () => inbounds("web")[0]?.state === "NotReady");
  assert.deepEqual(inbounds("web"), [{ port: 80, ...PROBE, ...OUT }, { port: 81 }]);
  const out = store.revision;
  for (let i = 0; i < 5; i++) call.send(says(UNHEALTHY));
  await moment();
  assert.equal(store.revision, out);
  call.send(says(HEALTHY));
  await until("it is back", () => inbounds("web")[0]?.state === undefined);
  assert.deepEqual(inbounds("web"), [{ port: 80, ...PROBE }, { port: 81 }]);
  assert.equal(health.streams, 1);
});

test("the same report counts again when somebody changed the Dataplane", async (t) => {
  let time = 0;
  const { put, open, inbounds } = await healthWorld(t, { monotonic: () => time });
  await put("web", { port: 80, ...PROBE });
  const call = open();
  call.send(healthRequest("default.web"));
  await until("a specifier", () => call.messages.length === 1);
  time = 60_000;
  call.send(says(UNHEALTHY));
  await until("it is out", () => inbounds("web")[0]?.state === "NotReady");
  call.send(says(UNHEALTHY));
  await moment();
  await put("web", { port: 80, ...PROBE });
  call.send(says(UNHEALTHY));
  await until("it is out again", () => inbounds("web")[0]?.state === "NotReady");
});

test("nothing is written about a proxy that starts, and what drains is not put back", async (t) => {
  const now = { starting: true, draining: false };
  const { put, open, inbounds } = await healthWorld(t, {
    isStarting: () => now.starting,
    isDraining: () => now.draining,
  });
  await put("web", { port: 80, ...PROBE, ...OUT });
  const call = open();
  call.send(healthRequest("default.web"));
  await until("a specifier", () => call.messages.length === 1);
  const stays = async () => {
    call.send(says(HEALTHY));
    await moment();
    assert.equal(inbounds("web")[0]?.state, "NotReady");
  };
  await stays();
  Object.assign(now, { starting: false, draining: true });
  await stays();
  now.draining = false;
  call.send(says(HEALTHY));
  await until("it is back", () => inbounds("web")[0]?.state === undefined);
});

test("a stream that ends changes nothing", async (t) => {
  const { put, open, inbounds, health } = await healthWorld(t);
  await put("web", { port: 80, ...PROBE });
  const call = open();
  call.send(healthRequest("default.web"));
  await until("a specifier", () => call.messages.length === 1);
  call.stream.close();
  await until("it is gone", () => health.streams === 0);
  await moment();
  assert.deepEqual(inbounds("web"), [{ port: 80, ...PROBE }]);
});

test("who may not have a stream is told why", async (t) => {
  const { open, health } = await healthWorld(t, {
    firstRequestMs: 50,
    admit: async ({ name, token }) => {
      if (name !== "web") throw new StreamRefused("unauthenticated", `not ${name} with ${token}`);
    },
  });
  const ended = async (...messages: Uint8Array[]) => {
    const call = open();
    for (const message of messages) call.send(message);
    await until("the end", () => call.status !== undefined);
    return call.status;
  };
  assert.deepEqual(await ended(healthRequest("default.other")), {
    code: 16,
    message: "not other with test-token",
  });
  assert.match((await ended(healthRequest("web")))?.message ?? "", /node\.id "web" is not of the form/);
  assert.match((await ended(says(HEALTHY)))?.message ?? "", /must carry the node/);
  assert.match((await ended(Buffer.from([0xff])))?.message ?? "", /not a message of health discovery/);
  assert.match(
    (await ended(healthRequest("default.web"), healthRequest("default.other")))?.message ?? "",
    /node\.id changed from default\.web to default\.other/,
  );
  assert.deepEqual(await ended(), { code: 4, message: "no request came on this stream" });
  await until("all are gone", () => health.streams === 0);
});

test("proxies whose applications fail at once are written together", async (t) => {
  let time = 0;
  const { put, open, inbounds, store, counts } = await healthWorld(t, {
    monotonic: () => time,
    batchMs: 1_000,
  });
  // Streams of one connection are limited; the connection is not what this is about.
  const names = Array.from({ length: 30 }, (_, i) => `web-${i}`);
  for (const name of names) await put(name, { port: 80, ...PROBE });
  const calls = names.map((name) => {
    const call = open();
    call.send(healthRequest(`default.${name}`));
    return call;
  });
  await until("all specifiers", () => counts.sent === names.length);
  time = 60_000;
  let commits = 0;
  store.watch(() => {
    commits += 1;
  });
  for (const call of calls) call.send(says(UNHEALTHY));
  await until("all are out", () => names.every((name) => inbounds(name)[0]?.state === "NotReady"));
  assert.ok(commits <= 3, `${commits} commits`);
});
