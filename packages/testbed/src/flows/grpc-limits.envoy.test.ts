import assert from "node:assert/strict";
import { connect } from "node:http2";
import { test } from "node:test";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { grpcCall as call } from "./grpc-client.ts";
import { applied, deleted, openMeshYaml, policy } from "./scene.ts";
import { drained } from "./two-callers.ts";

const UNAVAILABLE = 14;
const PERMISSION_DENIED = 7;

test("faults and limits on a gRPC service answer as gRPC does", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(openMeshYaml());
    const [, flights] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "flights", port: 10_001 }],
      }),
      world.startService({ service: "flights", host: 12, grpc: true, opa: true }),
    ]);
    await world.startRateLimitService("limits", 33);
    const session = connect(`http://${world.site.block.address(11)}:10001`);
    t.after(() => session.close());
    const statuses = async (count: number): Promise<readonly number[]> => {
      const seen: number[] = [];
      for (let i = 0; i < count; i++) seen.push((await call(session)).grpcStatus);
      return seen;
    };
    await until("flights answers", async () => (await call(session)).grpcStatus === 0);
    const target = { kind: "Dataplane", labels: { app: "flights" } };
    const faults = (fault: object): string =>
      policy("MeshFaultInjection", "faults", {
        targetRef: target,
        rules: [{ default: { http: [fault] } }],
      });

    await t.test("an abort is a status of gRPC, in headers alone", async () => {
      await applied(world, faults({ abort: { httpStatus: 503, percentage: 100 } }));
      await drained(flights.sidecar);
      assert.deepEqual(await statuses(3), [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
      assert.match((await call(session)).message, /fault/);
      await applied(world, faults({ abort: { httpStatus: 403, percentage: 100 } }));
      assert.deepEqual(await statuses(1), [PERMISSION_DENIED]);
    });

    await t.test("a delay comes before the answer", async () => {
      await applied(world, faults({ delay: { value: "700ms", percentage: 100 } }));
      const { grpcStatus, ms } = await call(session);
      assert.equal(grpcStatus, 0);
      // Envoy counts from the time its event loop woke, so its 700 ms may end a little before ours.
      assert.ok(ms >= 690, `${ms} ms`);
      await deleted(world, "meshfaultinjection", "faults");
      assert.deepEqual(await statuses(2), [0, 0]);
    });

    await t.test("a call over the limit is unavailable", async () => {
      const local = { http: { requestRate: { num: 3, interval: "1h" } } };
      await applied(
        world,
        policy("MeshRateLimit", "limit", { targetRef: target, rules: [{ default: { local } }] }),
      );
      await drained(flights.sidecar);
      assert.deepEqual(await statuses(5), [0, 0, 0, UNAVAILABLE, UNAVAILABLE]);
      await deleted(world, "meshratelimit", "limit");
      assert.deepEqual(await statuses(5), [0, 0, 0, 0, 0]);
    });

    await t.test("a call over the limit of all instances together is unavailable", async () => {
      const url = `http://${world.site.block.address(33)}:10003`;
      const counted = (http: object): string =>
        policy("MeshGlobalRateLimit", "together", {
          targetRef: target,
          from: [
            {
              targetRef: { kind: "Mesh" },
              default: { backend: { rateLimitService: { url, timeout: "2s" } }, ...http },
            },
          ],
        });
      // The filter first, so that the calls of open connections are none of the three.
      await applied(world, counted({}));
      await drained(flights.sidecar);
      assert.deepEqual(await statuses(2), [0, 0]);
      const DAY = 86_400_000;
      await until("the day is young enough", () => Date.now() % DAY < DAY - 60_000, { timeoutMs: 90_000 });
      await applied(world, counted({ http: { requestRate: { num: 3, interval: "24h" } } }));
      assert.deepEqual(await statuses(5), [0, 0, 0, UNAVAILABLE, UNAVAILABLE]);
      await deleted(world, "meshglobalratelimit", "together");
      assert.deepEqual(await statuses(2), [0, 0]);
    });

    await t.test("an agent decides by the called method", async () => {
      const rules = (method: string): string =>
        policy("MeshOPA", "rules", {
          targetRef: target,
          default: {
            appendPolicies: [
              {
                rego: {
                  inlineString: `package calls
import rego.v1

default allow := false

allow if input.attributes.request.http.path == "/grpc.health.v1.Health/${method}"
`,
                },
              },
            ],
          },
        });
      await applied(world, rules("Watch"));
      await until("the call is refused", async () => (await call(session)).grpcStatus === PERMISSION_DENIED);
      assert.deepEqual(await statuses(2), [PERMISSION_DENIED, PERMISSION_DENIED]);
      await applied(world, rules("Check"));
      assert.deepEqual(await statuses(2), [0, 0]);
    });
  });
});
