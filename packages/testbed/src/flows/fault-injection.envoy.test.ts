import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import type { EchoAnswer } from "../apps/answer.ts";
import type { Sidecar } from "../world/service.ts";
import { type Answer, get } from "./load.ts";
import { applied, deleted, policy } from "./scene.ts";
import { drained, listenerChanges, only, withTwoCallers } from "./two-callers.ts";

const target = { kind: "Dataplane", labels: { app: "check-in-api" } };
const faults = (...rules: readonly object[]): string =>
  policy("MeshFaultInjection", "faults", { targetRef: target, rules });
const always = (...http: readonly object[]): object => ({
  http: http.map((fault) =>
    Object.fromEntries(Object.entries(fault).map(([kind, conf]) => [kind, { percentage: 100, ...conf }])),
  ),
});
const abort = (httpStatus: number): object => ({ abort: { httpStatus } });
const delay = (value: string): object => ({ delay: { value } });

/** How far a count of `n` trials may be from its mean: less than one run in a million is. */
function bound(n: number, probability: number): number {
  return 5 * Math.sqrt(n * probability * (1 - probability));
}

test("faults hit the share of the requests that they should, of those callers only", async (t) => {
  await withTwoCallers([], async ({ world, checkIn, ask, statuses, url }) => {
    const statistic = async (name: string): Promise<number> =>
      sum(await checkIn.sidecar.stats(`fault.${name}$`));

    await t.test("a quarter of one caller's requests", async () => {
      const quarter = { abort: { httpStatus: 503, percentage: "25" } };
      await applied(world, faults({ matches: [only("passenger-portal")], default: { http: [quarter] } }));
      await drained(checkIn.sidecar);
      const count = 400;
      const seen = await statuses("passenger-portal", count);
      const failed = seen.filter((status) => status === 503).length;
      assert.deepEqual([...new Set(seen)].sort(), [200, 503]);
      assert.ok(Math.abs(failed - count / 4) < bound(count, 0.25), `${failed} of ${count}`);
      assert.equal(await statistic("aborts_injected"), failed);
      assert.deepEqual(new Set(await statuses("baggage", 100)), new Set([200]));
    });

    await t.test("faults begin and end on open connections", async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const before = await listenerChanges(checkIn.sidecar);
      const fault = (percentage: number): string =>
        faults({
          matches: [only("passenger-portal")],
          default: { http: [{ abort: { httpStatus: 418, percentage } }] },
        });
      await get(agent, url("passenger-portal"));
      for (const [percentage, status] of [
        [100, 418],
        [0, 200],
        [100, 418],
      ] as const) {
        await applied(world, fault(percentage));
        const answer = await get(agent, url("passenger-portal"));
        assert.deepEqual([answer.status, answer.reused], [status, true]);
      }
      assert.deepEqual(await listenerChanges(checkIn.sidecar), before, "a listener was replaced");
      agent.destroy();
    });

    await t.test("every rule that fits adds its faults, the most specific first", async () => {
      await applied(
        world,
        faults(
          { default: always(abort(418)) },
          { matches: [only("passenger-portal")], default: always(delay("1s"), delay("500ms")) },
        ),
      );
      await drained(checkIn.sidecar);
      const delays = await statistic("delays_injected");
      const [slow, fast] = await Promise.all([timed(ask("passenger-portal")), timed(ask("baggage"))]);
      assert.deepEqual([slow.answer.status, fast.answer.status], [418, 418]);
      assert.equal(slow.answer.body, "fault filter abort");
      assert.ok(slow.ms >= 1_490, `${slow.ms} ms`);
      assert.ok(fast.ms < slow.ms - 500, `${fast.ms} ms`);
      assert.equal((await statistic("delays_injected")) - delays, 2);
    });

    await t.test("an answer gets through as slowly as it may", async () => {
      const bandwidth = { responseBandwidth: { limit: "8kbps" } };
      await applied(world, faults({ matches: [only("passenger-portal")], default: always(bandwidth) }));
      await drained(checkIn.sidecar);
      // The app says the path that it was asked for: twelve KiB, at eight a second.
      const path = `/${"x".repeat(12 * 1024)}`;
      const [slow, fast] = await Promise.all([
        timed(ask("passenger-portal", path)),
        timed(ask("baggage", path)),
      ]);
      assert.deepEqual([slow.answer.status, fast.answer.status], [200, 200]);
      assert.equal(pathSeen(slow.answer), path);
      assert.ok(slow.ms > 1_200, `${slow.ms} ms`);
      assert.ok(fast.ms < slow.ms - 500, `${fast.ms} ms`);
    });

    await t.test("a caller's retries make up for a callee's faults", async () => {
      const injected = await statistic("aborts_injected");
      await applied(
        world,
        policy("MeshRetry", "again", {
          to: [
            {
              targetRef: { kind: "MeshService", name: "check-in-api" },
              default: {
                http: {
                  numRetries: 15,
                  retryOn: ["5xx"],
                  backOff: { baseInterval: "1ms", maxInterval: "2ms" },
                },
              },
            },
          ],
        }),
      );
      const quarter = { abort: { httpStatus: 503, percentage: 25 } };
      await applied(world, faults({ default: { http: [quarter] } }));
      await drained(checkIn.sidecar);
      const count = 200;
      assert.deepEqual(new Set(await statuses("baggage", count)), new Set([200]));
      assert.ok((await statistic("aborts_injected")) > injected, "nothing had to be made up for");
      await deleted(world, "meshretry", "again");
    });

    await t.test("callers told apart by their tags, which applications never see", async () => {
      const subset = (service: string): object => ({
        kind: "MeshSubset",
        tags: { "kuma.io/service": service },
      });
      await deleted(world, "meshfaultinjection", "faults");
      await applied(
        world,
        policy("MeshFaultInjection", "by-tags", {
          targetRef: target,
          from: [
            { targetRef: { kind: "Mesh" }, default: always(abort(500)) },
            { targetRef: subset("baggage"), default: { http: [] } },
            { targetRef: subset("passenger-portal"), default: always(abort(418)) },
          ],
        }),
      );
      await drained(checkIn.sidecar);
      assert.deepEqual(await statuses("passenger-portal", 5), [418, 418, 418, 418, 418]);
      const { status, body } = await ask("baggage");
      assert.equal(status, 200);
      assert.equal((JSON.parse(body) as EchoAnswer).headers["x-kuma-tags"], undefined);
    });
  });
});

async function timed(answer: Promise<Answer>): Promise<{ readonly answer: Answer; readonly ms: number }> {
  const begin = performance.now();
  return { answer: await answer, ms: performance.now() - begin };
}

function pathSeen({ body }: Answer): string {
  return (JSON.parse(body) as EchoAnswer).path;
}

function sum(statistics: Awaited<ReturnType<Sidecar["stats"]>>): number {
  return [...statistics.values()].reduce((total, value) => total + value, 0);
}
