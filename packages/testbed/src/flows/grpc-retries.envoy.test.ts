import assert from "node:assert/strict";
import { connect } from "node:http2";
import { test } from "node:test";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { grpcCall } from "./grpc-client.ts";
import { applied, deleted, openMeshYaml, policy } from "./scene.ts";

/** The conditions that the API has, with the status that gRPC gives each. */
const CODES = {
  Canceled: 1,
  DeadlineExceeded: 4,
  ResourceExhausted: 8,
  Internal: 13,
  Unavailable: 14,
} as const;
const UNAVAILABLE = 14;
const BACK_OFF = { baseInterval: "5ms", maxInterval: "10ms" };

test("gRPC calls that fail are made again on the codes of the policy", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(openMeshYaml());
    await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "flights", port: 10_001 }],
      }),
      world.startService({ service: "flights", host: 12, grpc: true }),
    ]);
    const session = connect(`http://${world.site.block.address(11)}:10001`);
    t.after(() => session.close());
    let calls = 0;
    /** A call of which the app counts the attempts. */
    const call = async (headers: Readonly<Record<string, string>>): Promise<readonly [number, number]> => {
      const { grpcStatus, attempt } = await grpcCall(session, { "x-airline-call": `${++calls}`, ...headers });
      return [grpcStatus, attempt];
    };
    const failing = (times: number, status: number) => call({ "x-airline-fails": `${times} ${status}` });
    const retries = async (grpc: object): Promise<void> =>
      await applied(
        world,
        policy("MeshRetry", "again", {
          to: [
            {
              targetRef: { kind: "MeshService", name: "flights" },
              default: { grpc: { backOff: BACK_OFF, ...grpc } },
            },
          ],
        }),
      );
    await until("flights answers", async () => (await grpcCall(session)).grpcStatus === 0);

    await t.test("without a policy a failure is the answer", async () => {
      for (const status of Object.values(CODES)) assert.deepEqual(await failing(1, status), [status, 1]);
    });

    for (const [condition, code] of Object.entries(CODES)) {
      await t.test(`on ${condition}, and on no other`, async () => {
        await retries({ numRetries: 2, retryOn: [condition] });
        for (const status of Object.values(CODES)) {
          assert.deepEqual(await failing(2, status), status === code ? [0, 3] : [status, 1]);
        }
        assert.deepEqual(await failing(9, code), [code, 3], "no more often than allowed");
      });
    }

    await t.test("where no code is named, on all but an internal error and a deadline", async () => {
      await retries({ numRetries: 1 });
      const { Internal, DeadlineExceeded } = CODES;
      for (const status of Object.values(CODES)) {
        const isFinal = status === Internal || status === DeadlineExceeded;
        assert.deepEqual(await failing(1, status), isFinal ? [status, 1] : [0, 2]);
      }
    });

    await t.test("an attempt that takes too long is made again", async () => {
      await retries({ numRetries: 1, perTryTimeout: "1s" });
      assert.deepEqual(await call({ "x-airline-slow": "1 12000" }), [0, 2]);
      assert.deepEqual(await call({ "x-airline-slow": "2 12000" }), [UNAVAILABLE, 0]);
    });

    await t.test("the HTTP part of a policy is not about gRPC, and the write says so", async () => {
      await deleted(world, "meshretry", "again");
      const http = { numRetries: 2, retryOn: ["5xx", "GatewayError"], backOff: BACK_OFF };
      const { stdout, stderr } = await world.apply(
        policy("MeshRetry", "other", {
          to: [{ targetRef: { kind: "MeshService", name: "flights" }, default: { http } }],
        }),
        ["--wait=20s"],
      );
      assert.match(
        stdout + stderr,
        /spec\.to\[0\]\.default\.http: MeshService "flights" speaks grpc, so it has no effect there; its part is grpc/,
      );
      assert.deepEqual(await failing(1, UNAVAILABLE), [UNAVAILABLE, 1]);
    });

    await t.test("a request timeout ends a call", async () => {
      const conf = { http: { requestTimeout: "1s" } };
      await applied(
        world,
        policy("MeshTimeout", "limits", {
          to: [{ targetRef: { kind: "MeshService", name: "flights" }, default: conf }],
        }),
      );
      assert.deepEqual(await call({ "x-airline-slow": "1 12000" }), [UNAVAILABLE, 0]);
      assert.deepEqual(await call({}), [0, 1]);
    });
  });
});
