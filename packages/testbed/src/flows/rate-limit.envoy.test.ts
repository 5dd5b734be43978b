import assert from "node:assert/strict";
import { test } from "node:test";
import { applied, deleted, documents, policy } from "./scene.ts";
import { drained, listenerChanges, only, withTwoCallers } from "./two-callers.ts";

/** So long that nothing of a bucket is filled again while a test runs. */
const HOUR = "1h";

const of = (service: string): object => ({ kind: "Dataplane", labels: { app: service } });
const requests = (num: number, more: object = {}): object => ({
  local: { http: { requestRate: { num, interval: HOUR }, ...more } },
});
const limits = (...rules: readonly object[]): string =>
  policy("MeshRateLimit", "limits", { targetRef: of("check-in-api"), rules });
const timeouts = (name: string, target: string, ...rules: readonly object[]): string =>
  policy("MeshTimeout", name, { targetRef: of(target), rules });
const many = (status: number, count: number): readonly number[] =>
  Array.from({ length: count }, () => status);

test("an instance takes as many requests and connections as it may", async (t) => {
  await withTwoCallers([], async ({ world, checkIn, flightControl, ask, statuses, connect }) => {
    await t.test("one bucket for all callers; over the limit the configured answer", async () => {
      const headers = {
        set: [{ name: "x-limited-by", value: "check-in-api, politely" }],
        add: [{ name: "x-limited-by", value: "skein" }],
      };
      await applied(world, limits({ default: requests(5, { onRateLimit: { status: 503, headers } }) }));
      await drained(checkIn.sidecar);
      assert.deepEqual(await statuses("passenger-portal", 3), many(200, 3));
      assert.deepEqual(await statuses("baggage", 3), [200, 200, 503]);
      const answer = await ask("passenger-portal");
      assert.equal(answer.status, 503);
      assert.equal(answer.headers["x-limited-by"], "check-in-api, politely, skein");
      assert.equal(answer.body, "local_rate_limited");
    });

    await t.test("a change of the limit replaces no listener", async () => {
      const before = await listenerChanges(checkIn.sidecar);
      await applied(world, limits({ default: requests(4) }));
      assert.deepEqual(await statuses("baggage", 6), [...many(200, 4), 429, 429]);
      assert.deepEqual(await listenerChanges(checkIn.sidecar), before);
    });

    await t.test("a bucket lasts until the routes of its inbound change", async () => {
      await applied(world, timeouts("elsewhere", "flight-control", { default: { idleTimeout: "3h" } }));
      await applied(
        world,
        policy("MeshTimeout", "outbound", {
          to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout: "5s" } } }],
        }),
      );
      assert.deepEqual(await statuses("baggage", 2), [429, 429], "an unrelated change filled the bucket");
      // Envoy makes the buckets of a route configuration anew with each version of it.
      await applied(world, timeouts("here", "check-in-api", { default: { http: { requestTimeout: "5s" } } }));
      assert.deepEqual(await statuses("baggage", 5), [...many(200, 4), 429]);
      for (const name of ["elsewhere", "outbound", "here"]) await deleted(world, "meshtimeout", name);
    });

    await t.test("timeouts for one caller make routes, and no second bucket", async () => {
      await applied(
        world,
        documents(
          limits({ default: requests(5) }),
          timeouts("by-caller", "check-in-api", {
            matches: [only("baggage")],
            default: { http: { requestTimeout: "400ms" } },
          }),
        ),
      );
      assert.deepEqual(await statuses("passenger-portal", 3), many(200, 3));
      assert.deepEqual(await statuses("baggage", 3), [200, 200, 429]);
    });

    await t.test("a limit for one caller, none for another, and a timeout for each", async () => {
      await applied(
        world,
        documents(
          limits(
            { default: requests(1, { onRateLimit: { status: 503 } }) },
            { matches: [only("passenger-portal")], default: requests(3) },
            { matches: [only("baggage")], default: { local: { http: { disabled: true } } } },
          ),
          timeouts(
            "by-caller",
            "check-in-api",
            { matches: [only("baggage")], default: { http: { requestTimeout: "3s" } } },
            { matches: [only("passenger-portal")], default: { http: { requestTimeout: "300ms" } } },
          ),
        ),
      );
      const slow = "/delay?ms=900";
      assert.deepEqual(await statuses("passenger-portal", 1, slow), [504]);
      assert.deepEqual(await statuses("passenger-portal", 3), [200, 200, 503], "the answer of the base");
      assert.deepEqual(await statuses("baggage", 1, slow), [200]);
      assert.deepEqual(await statuses("baggage", 10), many(200, 10));
      await deleted(world, "meshratelimit", "limits");
      assert.deepEqual(await statuses("passenger-portal", 1, slow), [504], "the timeout goes on");
      assert.deepEqual(await statuses("passenger-portal", 5), many(200, 5));
      await deleted(world, "meshtimeout", "by-caller");
    });

    await t.test(
      "connections over the limit are closed, and a change of the chain gives none away",
      async () => {
        const connections = (num: number): string =>
          policy("MeshRateLimit", "connections", {
            targetRef: of("flight-control"),
            rules: [{ default: { local: { tcp: { connectionRate: { num, interval: HOUR } } } } }],
          });
        await applied(world, connections(3));
        assert.equal(await connect("passenger-portal"), undefined);
        assert.equal(await connect("baggage"), undefined);
        assert.equal(await connect("passenger-portal"), undefined);
        assert.notEqual(await connect("passenger-portal"), undefined);
        assert.notEqual(await connect("baggage"), undefined);
        const before = await listenerChanges(flightControl.sidecar);
        await applied(world, timeouts("chain", "flight-control", { default: { idleTimeout: "3h" } }));
        assert.notDeepEqual(await listenerChanges(flightControl.sidecar), before);
        assert.notEqual(await connect("passenger-portal"), undefined, "the new chain has a new bucket");
        await applied(world, connections(1));
        assert.equal(await connect("baggage"), undefined);
        assert.notEqual(await connect("baggage"), undefined);
        await deleted(world, "meshratelimit", "connections");
        assert.equal(await connect("baggage"), undefined);
      },
    );
  });
});
