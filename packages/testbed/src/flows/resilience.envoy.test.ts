import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { callThrough } from "../kong-air/call.ts";
import { pause, until } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";
import { withWorld } from "../world/world.ts";
import { freeze } from "./frozen.ts";
import { type Answer, get, tcpClient } from "./load.ts";
import { applied, deleted, openMeshYaml, policy } from "./scene.ts";

const to = (service: string | undefined, conf: object): object => ({
  targetRef: service === undefined ? { kind: "Mesh" } : { kind: "MeshService", name: service },
  default: conf,
});

test("timeouts, retries and circuit breakers show in traffic", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(openMeshYaml());
    const checkIn = (n: number) => ({ service: "check-in-api", instance: `check-in-api-${n}`, host: 11 + n });
    const [portal, first, , baggage] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [
          { service: "check-in-api", port: 10_001 },
          { service: "baggage", port: 10_002 },
          { service: "flight-control", port: 10_003 },
        ],
      }),
      world.startService(checkIn(1)),
      world.startService(checkIn(2)),
      world.startService({ service: "baggage", host: 14 }),
      world.startService({ service: "flight-control", host: 15, tcp: true }),
    ]);
    const host = world.site.block.address(11);
    const ask = (service: "check-in-api" | "baggage", path: string): Promise<Answer> =>
      get(undefined, `http://${host}:${service === "baggage" ? 10_002 : 10_001}${path}`);
    for (const service of ["check-in-api", "baggage"] as const)
      await until(`${service} answers`, async () => (await ask(service, "/")).status === 200);

    await t.test("a request timeout for all services, and a longer one for one", async () => {
      assert.equal((await ask("check-in-api", "/delay?ms=700")).status, 200);
      await applied(
        world,
        policy("MeshTimeout", "limits", {
          to: [
            to(undefined, { http: { requestTimeout: "300ms" } }),
            to("baggage", { http: { requestTimeout: "3s" } }),
          ],
        }),
      );
      const begin = performance.now();
      const [short, long] = await Promise.all([
        ask("check-in-api", "/delay?ms=1500"),
        ask("baggage", "/delay?ms=700"),
      ]);
      const took = performance.now() - begin;
      assert.deepEqual([short.status, long.status], [504, 200]);
      assert.ok(took < 1_400, `took ${took} ms`);
      await deleted(world, "meshtimeout", "limits");
      assert.equal((await ask("check-in-api", "/delay?ms=700")).status, 200);
    });

    await t.test("failed requests are sent again, as often as allowed", async () => {
      const received = async (): Promise<number> =>
        await sum(baggage.sidecar, "^cluster\\.localhost_8080\\.upstream_rq_total$");
      const begin = await received();
      assert.equal((await ask("baggage", "/fail?status=503&every=3&try=1")).status, 503);
      assert.equal((await received()) - begin, 1);
      await applied(
        world,
        policy("MeshRetry", "again", {
          to: [
            to("baggage", {
              http: {
                numRetries: 3,
                retryOn: ["5xx"],
                backOff: { baseInterval: "10ms", maxInterval: "20ms" },
              },
            }),
          ],
        }),
      );
      const between = await received();
      assert.equal((await ask("baggage", "/fail?status=503&every=3&try=2")).status, 200);
      assert.equal((await received()) - between, 3);
      assert.equal((await ask("baggage", "/fail?status=503")).status, 503);
      assert.equal((await received()) - between, 7);
      assert.equal(await sum(portal.sidecar, "baggage.*upstream_rq_retry$"), 5);
      await deleted(world, "meshretry", "again");
    });

    await t.test("too many requests and connections at once are turned away", async () => {
      const limit = (connectionLimits: object): string =>
        policy("MeshCircuitBreaker", "few", {
          to: [to("baggage", { connectionLimits }), to("flight-control", { connectionLimits })],
        });
      const burst = async (): Promise<readonly number[]> =>
        (await Promise.all(Array.from({ length: 8 }, () => ask("baggage", "/delay?ms=500"))))
          .map(({ status }) => status)
          .sort();
      assert.deepEqual(
        await burst(),
        Array.from({ length: 8 }, () => 200),
      );
      await applied(world, limit({ maxRequests: 2, maxConnections: 1 }));
      assert.equal((await ask("baggage", "/")).status, 200);
      assert.deepEqual(await burst(), [200, 200, 503, 503, 503, 503, 503, 503]);

      await applied(world, limit({ maxPendingRequests: 1, maxConnections: 1 }));
      const overflow = "baggage.*upstream_rq_pending_overflow$";
      const before = await sum(portal.sidecar, overflow);
      // A frozen callee finishes no TLS handshake, so the connection stays in the making while all eight come.
      const [, statuses] = await Promise.all([freeze(baggage.sidecar, 1_000), burst()]);
      assert.deepEqual(statuses, [200, 503, 503, 503, 503, 503, 503, 503], "one waits for a connection");
      assert.equal((await sum(portal.sidecar, overflow)) - before, 7);

      const only = connect({ host, port: 10_003 });
      await until("the only connection is up", () => only.bytesRead > 0);
      assert.notEqual(await tcpClient(host, 10_003).send(), undefined, "a second connection is let through");
      only.destroy();
      await until(
        "another connection is let through",
        async () => (await tcpClient(host, 10_003).send()) === undefined,
      );
      await deleted(world, "meshcircuitbreaker", "few");
    });

    await t.test("an instance that fails is left out, and comes back", async () => {
      await applied(
        world,
        policy("MeshCircuitBreaker", "outliers", {
          to: [
            to("check-in-api", {
              outlierDetection: {
                interval: "300ms",
                baseEjectionTime: "2s",
                maxEjectionPercent: 100,
                detectors: { totalFailures: { consecutive: 3 } },
              },
            }),
          ],
        }),
      );
      const ejected = async (): Promise<number> =>
        await sum(portal.sidecar, "check-in-api.*outlier_detection.ejections_active$");
      assert.equal(await ejected(), 0);
      await first.app.child.kill();
      const statuses: number[] = [];
      await until("the failing instance is ejected", async () => {
        statuses.push((await ask("check-in-api", "/")).status);
        return (await ejected()) === 1;
      });
      assert.equal(statuses.filter((status) => status === 503).length, 3, statuses.join());
      for (let i = 0; i < 20; i++) assert.equal((await ask("check-in-api", "/")).status, 200);
      await world.startApp(checkIn(1));
      await until("it is back", async () => {
        await pause(20);
        return (await callThrough(world, "passenger-portal", "check-in-api")).instance === "check-in-api-1";
      });
      assert.equal(await ejected(), 0);
    });
  });
});

async function sum(sidecar: Sidecar, filter: string): Promise<number> {
  return [...(await sidecar.stats(filter))].reduce((total, [, value]) => total + value, 0);
}
