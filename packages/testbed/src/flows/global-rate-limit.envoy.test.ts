import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { ROOT } from "../world/commands.ts";
import { withWorld } from "../world/world.ts";
import { type Answer, get } from "./load.ts";
import { applied, deleted, documents, meshYaml, policy } from "./scene.ts";

const HOUR = 3_600_000;

/** Windows begin at full hours: a test that counts within one waits until the next begins if that is near. */
async function wellWithinAnHour(): Promise<void> {
  await until("the hour is young enough", () => Date.now() % HOUR < HOUR - 60_000, { timeoutMs: 90_000 });
}

test("all instances of a service take so many requests together", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(meshYaml());
    const redisHost = world.site.block.address(31);
    const redis = await world.startServer("redis", [
      `${ROOT}/.tools/bin/redis-server`,
      ...["--bind", redisHost, "--port", "6379", "--save", "", "--appendonly", "no"],
    ]);
    await until("Redis listens", () => redis.tail().includes("Ready to accept connections"));
    const url = `redis://${redisHost}:6379/0`;
    await Promise.all([
      world.startRateLimitService("limits-a", 32, url),
      world.startRateLimitService("limits-memory", 33),
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [
          { service: "check-in-api", port: 10_001 },
          { service: "baggage", port: 10_002 },
        ],
      }),
      world.startService({ service: "check-in-api", host: 12 }),
      world.startService({ service: "check-in-api", instance: "check-in-api-2", host: 13 }),
      world.startService({ service: "baggage", host: 14 }),
    ]);
    const host = world.site.block.address(11);
    const ask = (port: number): Promise<Answer> => get(undefined, `http://${host}:${port}/`);
    const statuses = async (port: number, count: number): Promise<Record<number, number>> => {
      const counts: Record<number, number> = {};
      // One after the other: Envoy lets a request through when the answer takes longer than the timeout.
      for (let i = 0; i < count; i++) {
        const { status } = await ask(port);
        counts[status] = (counts[status] ?? 0) + 1;
      }
      return counts;
    };
    /** A new filter is on new connections only: the next request on an open one is its last. */
    const renewConnections = async (): Promise<void> => {
      await statuses(10_001, 12);
    };
    const limits = (host: number, rest: object = {}): string =>
      policy("MeshGlobalRateLimit", "backend", {
        from: [
          {
            targetRef: { kind: "Mesh" },
            default: {
              backend: {
                rateLimitService: { url: `http://${world.site.block.address(host)}:10003`, timeout: "2s" },
              },
              http: {
                onRateLimit: { status: 423, headers: { set: [{ name: "x-airline-full", value: "yes" }] } },
              },
              ...rest,
            },
          },
        ],
      });
    const rate = (app: string, num: number): string =>
      policy("MeshGlobalRateLimit", `rate-${app}`, {
        targetRef: { kind: "Dataplane", labels: { app } },
        from: [{ targetRef: { kind: "Mesh" }, default: { http: { requestRate: { num, interval: "1h" } } } }],
      });
    for (const port of [10_001, 10_002])
      await until("the services answer", async () => (await ask(port)).status === 200);
    await wellWithinAnHour();

    await t.test("a rate without a service, or a service without a rate, limits nothing", async () => {
      await applied(world, rate("check-in-api", 20));
      assert.deepEqual(await statuses(10_001, 25), { 200: 25 });
    });

    await t.test("instances count together, services apart", async () => {
      await deleted(world, "meshglobalratelimit", "rate-check-in-api");
      await applied(world, limits(32));
      await renewConnections();
      await applied(world, documents(rate("check-in-api", 20), rate("baggage", 5)));
      assert.deepEqual(await statuses(10_001, 50), { 200: 20, 423: 30 });
      await until("baggage is full", async () => (await ask(10_002)).status === 423);
      const answer = await fetch(`http://${host}:10001/`);
      assert.deepEqual([answer.status, answer.headers.get("x-airline-full")], [423, "yes"]);
    });

    await t.test("a shadow counts and refuses nobody", async () => {
      await applied(world, limits(32, { mode: "Shadow" }));
      await renewConnections();
      assert.deepEqual(await statuses(10_001, 10), { 200: 10 });
      await applied(world, limits(32));
      await renewConnections();
      assert.deepEqual(await statuses(10_001, 5), { 423: 5 });
    });

    await t.test("another instance of the rate limit service knows the same counts", async () => {
      await world.startRateLimitService("limits-b", 34, url);
      await applied(world, limits(34));
      await renewConnections();
      assert.deepEqual(await statuses(10_001, 5), { 423: 5 });
    });

    await t.test("a higher rate reaches connections that are open, at once", async () => {
      await applied(world, rate("baggage", 1_000));
      assert.deepEqual(await statuses(10_002, 10), { 200: 10 });
    });

    await t.test("a service that counts in memory begins at nothing", async () => {
      await deleted(world, "meshglobalratelimit", "rate-check-in-api");
      await applied(world, limits(33));
      await renewConnections();
      await applied(world, rate("check-in-api", 20));
      assert.deepEqual(await statuses(10_001, 25), { 200: 20, 423: 5 });
    });

    await t.test("without Redis nobody is refused, and when it is back everybody counts again", async () => {
      await applied(world, limits(32));
      await renewConnections();
      assert.deepEqual(await statuses(10_001, 3), { 423: 3 });
      await redis.kill();
      await until("requests are let through", async () => (await ask(10_001)).status === 200);
      assert.deepEqual(await statuses(10_001, 10), { 200: 10 });
      await world.startServer("redis-again", [
        `${ROOT}/.tools/bin/redis-server`,
        ...["--bind", redisHost, "--port", "6379", "--save", "", "--appendonly", "no"],
      ]);
      await until("requests are counted", async () => (await ask(10_001)).status === 423);
    });
  });
});
