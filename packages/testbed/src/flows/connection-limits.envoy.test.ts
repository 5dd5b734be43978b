import assert from "node:assert/strict";
import { test } from "node:test";
import { patiently } from "../patience.ts";
import { until } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";
import { withWorld } from "../world/world.ts";
import { heldServer } from "./held-server.ts";
import { get } from "./load.ts";
import { applied, deleted, documents, openMeshYaml, policy } from "./scene.ts";
import { asker } from "./who-answers.ts";

const to = (name: string, conf: object): object => ({
  to: [{ targetRef: { kind: "MeshService", name }, default: conf }],
});
const inbound = (conf: object): string =>
  policy("MeshCircuitBreaker", "own", {
    targetRef: { kind: "Dataplane", labels: { app: "baggage" } },
    rules: [{ default: conf }],
  });
/** Calls that are open together: the app holds them, so that nothing here depends on how long anything takes. */
const AT_ONCE = 6;

test("limits of a cluster, and what an inbound takes", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(openMeshYaml());
    const address = (host: number): string => world.site.block.address(host);
    // In the place of an app behind its sidecar.
    const app = await heldServer(address(131), 8080);
    t.after(() => app.close());
    const [portal, baggage] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [
          { service: "check-in-api", port: 10_001 },
          { service: "baggage", port: 10_002 },
        ],
      }),
      world.startSidecar({ service: "baggage", host: 31 }),
      ...[1, 2, 3].map((n) =>
        world.startService({ service: "check-in-api", instance: `check-in-api-${n}`, host: 20 + n }),
      ),
    ]);
    const status = async (): Promise<number> =>
      (await get(undefined, `http://${address(11)}:10002/`, patiently(60_000))).status;
    /** Sends so many calls at once; `seen` are the statuses of those that were answered so far. */
    const send = () => {
      const seen: number[] = [];
      const calls = Array.from({ length: AT_ONCE }, async () => {
        seen.push(await status());
      });
      return { seen, all: Promise.all(calls) };
    };
    const isWell = async (): Promise<void> => {
      app.answerAtOnce(200);
      await until("baggage answers", async () => (await status()) === 200);
    };
    await isWell();

    for (const limit of [2, 5]) {
      await t.test(`${limit} retries at once and no more`, async () => {
        await applied(
          world,
          documents(
            policy(
              "MeshRetry",
              "again",
              to("baggage", {
                http: {
                  numRetries: 1,
                  retryOn: ["5xx"],
                  backOff: { baseInterval: "10ms", maxInterval: "20ms" },
                },
              }),
            ),
            policy("MeshCircuitBreaker", "few", to("baggage", { connectionLimits: { maxRetries: limit } })),
          ),
        );
        app.answerAtOnce(undefined);
        const before = await count(portal.sidecar, "baggage.*upstream_rq_retry_overflow$");
        const { seen, all } = send();
        await until("all have arrived", () => app.waiting === AT_ONCE);
        app.answer(503);
        await until("as many as may be are there again", () => app.waiting === limit);
        await until("the others have failed", () => seen.length === AT_ONCE - limit);
        app.answer(200);
        await all;
        assert.deepEqual(seen.sort(), [...Array(limit).fill(200), ...Array(AT_ONCE - limit).fill(503)]);
        const overflow = (await count(portal.sidecar, "baggage.*upstream_rq_retry_overflow$")) - before;
        assert.equal(overflow, AT_ONCE - limit);
        await isWell();
      });
    }

    await t.test("connections to so many instances and no more", async (context) => {
      const client = asker(`http://${address(11)}:10001`);
      context.after(() => client.close());
      const calls = async () => {
        const answers = [];
        for (let i = 0; i < 30; i++) answers.push(await client.ask());
        const names = new Set(answers.map(({ instance }) => instance).filter((name) => name !== ""));
        return { names, refused: answers.filter((answer) => answer.status === 503).length };
      };
      const free = await calls();
      assert.deepEqual([free.names.size, free.refused], [3, 0]);
      await applied(
        world,
        policy(
          "MeshCircuitBreaker",
          "pools",
          to("check-in-api", { connectionLimits: { maxConnectionPools: 2 } }),
        ),
      );
      // Each instance has a pool of its own and its turn: the third finds no place.
      const limited = await calls();
      assert.deepEqual([limited.names.size, limited.refused], [2, 10]);
      assert.equal(await count(portal.sidecar, "check-in-api.*upstream_cx_pool_overflow$"), 10);
    });

    await t.test("an inbound hands its app so many requests at once and no more", async () => {
      await deleted(world, "meshretry", "again");
      await applied(world, inbound({ connectionLimits: { maxRequests: 2 } }));
      app.answerAtOnce(undefined);
      const { seen, all } = send();
      await until("the others have failed", () => seen.length === AT_ONCE - 2);
      await until("two have arrived", () => app.waiting === 2);
      app.answer(200);
      await all;
      assert.deepEqual(seen.sort(), [200, 200, 503, 503, 503, 503]);
      await isWell();
    });

    await t.test("an inbound spares an app that fails, if it may go without any", async () => {
      const detection = (conf: object): string =>
        inbound({
          outlierDetection: {
            interval: "300ms",
            baseEjectionTime: `${patiently(3_000)}ms`,
            detectors: { totalFailures: { consecutive: 3 } },
            ...conf,
          },
        });
      const active = () =>
        count(baggage, "^cluster\\.localhost_8080\\.outlier_detection\\.ejections_active$");
      const failsThrice = async (): Promise<void> => {
        app.answerAtOnce(500);
        for (let i = 0; i < 3; i++) assert.equal(await status(), 500);
        app.answerAtOnce(200);
        await until("it is left out", async () => (await active()) === 1);
      };
      // The app is all there is: with nobody else well it is called all the same.
      await applied(world, detection({}));
      await failsThrice();
      while ((await active()) === 1) assert.equal(await status(), 200);

      await applied(world, detection({ healthyPanicThreshold: 0 }));
      await failsThrice();
      await until("calls are turned away", async () => {
        const before = app.seen;
        return (await status()) === 503 && app.seen === before;
      });
      await until("it is called again", async () => (await status()) === 200);
      assert.equal(await active(), 0);
    });
  });
});

async function count(sidecar: Sidecar, filter: string): Promise<number> {
  return [...(await sidecar.stats(filter)).values()].reduce((total, value) => total + value, 0);
}
