import assert from "node:assert/strict";
import { connect } from "node:http2";
import { test } from "node:test";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { grpcCall } from "./grpc-client.ts";
import { applied, documents, meshYaml, policy } from "./scene.ts";
import { CALL, dataplane, serverByHand } from "./servers-by-hand.ts";
import { asker } from "./who-answers.ts";

const HTTP = 10_001;
const GRPC = 10_002;
const RESOURCE_EXHAUSTED = 8;
const LIMITED = {
  maxInterval: "10s",
  resetHeaders: [
    { name: "retry-after", format: "Seconds" },
    { name: "x-ratelimit-reset", format: "UnixTimestamp" },
  ],
};
/** Envoy's timers are not exact to the millisecond. */
const EARLY_MS = 50;
/** `maxInterval`, and longer than any pause that no header asks for, however busy the machine is. */
const LONG_MS = 10_000;

type Headers = Readonly<Record<string, string>>;

/** One call: what the server says when it turns the first attempt away, and when each attempt came, in ms since 1970. */
interface Call {
  readonly refusal: Headers;
  readonly attempts: number[];
}

test("retries wait as long as the server asks for", async (t) => {
  await withWorld(async (world) => {
    const host = world.site.block.address(11);
    const [http, grpc] = [world.site.block.address(21), world.site.block.address(22)];
    const calls = new Map<string, Call>();
    /** With what headers an attempt is turned away; `undefined` where it is not. */
    const refused = (headers: Readonly<Record<string, unknown>>): Headers | undefined => {
      const call = calls.get(String(headers[CALL]));
      return call?.attempts.push(Date.now()) === 1 ? call.refusal : undefined;
    };
    await Promise.all([
      serverByHand(t, http, ({ headers }, response) => {
        const refusal = refused(headers);
        response.writeHead(refusal === undefined ? 200 : 429, refusal);
        response.end();
      }),
      serverByHand(t, grpc, ({ headers }, response) => {
        const refusal = refused(headers);
        // As gRPC servers do: a call that ends before anything was said has its status in the headers.
        const status = refusal === undefined ? 0 : RESOURCE_EXHAUSTED;
        response.writeHead(200, {
          "content-type": "application/grpc",
          "grpc-status": String(status),
          ...refusal,
        });
        response.end();
      }),
      world.startControlPlane(),
    ]);
    await world.apply(
      documents(
        meshYaml(),
        dataplane("check-in-api", http, { protocol: "http", tags: { "kuma.io/service": "check-in-api" } }),
        dataplane("flights", grpc, { protocol: "grpc", tags: { "kuma.io/service": "flights" } }),
      ),
    );
    await world.startSidecar({
      service: "passenger-portal",
      host: 11,
      outbounds: [
        { service: "check-in-api", port: HTTP },
        { service: "flights", port: GRPC },
      ],
    });
    const client = asker(`http://${host}:${HTTP}`);
    const session = connect(`http://${host}:${GRPC}`);
    t.after(() => {
      client.close();
      session.destroy();
    });
    const protocols = [
      {
        protocol: "http",
        retryOn: "429",
        ask: async (headers: Headers) => (await client.ask("/", { headers })).status === 200,
      },
      {
        protocol: "grpc",
        retryOn: "ResourceExhausted",
        ask: async (headers: Headers) => (await grpcCall(session, headers)).grpcStatus === 0,
      },
    ] as const;

    for (const { protocol, retryOn, ask } of protocols) {
      const retries = (conf: object): Promise<void> => {
        const retry = { [protocol]: { numRetries: 1, retryOn: [retryOn], ...conf } };
        return applied(
          world,
          policy("MeshRetry", "again", { to: [{ targetRef: { kind: "Mesh" }, default: retry }] }),
        );
      };
      /** Makes a call that is turned away once, and says when it came again: so long afterwards, and at that time. */
      const again = async (refusal: Headers): Promise<{ readonly pauseMs: number; readonly at: number }> => {
        const name = `call-${calls.size}`;
        const attempts: number[] = [];
        calls.set(name, { refusal, attempts });
        assert.ok(await ask({ [CALL]: name }), `${attempts.length} attempts, and none was answered well`);
        assert.equal(attempts.length, 2);
        const [first = 0, at = 0] = attempts;
        return { pauseMs: at - first, at };
      };
      await until(`${protocol} is answered`, async () => await ask({}));

      await t.test(`${protocol}: so many seconds, or until a time`, async () => {
        await retries({ rateLimitedBackOff: LIMITED });
        /** More than two seconds from now. */
        const time = Math.floor(Date.now() / 1_000) + 3;
        const reset = { "x-ratelimit-reset": String(time) };
        const [seconds, timestamp, second] = await Promise.all([
          again({ "retry-after": "2" }),
          again(reset),
          // What asks for more than the longest pause is passed over, and the next header is looked at.
          again({ "retry-after": "60", ...reset }),
        ]);
        assert.ok(seconds.pauseMs >= 2_000 - EARLY_MS, `after ${seconds.pauseMs} ms`);
        for (const { at } of [timestamp, second]) {
          assert.ok(at >= time * 1_000 - EARLY_MS, `${time * 1_000 - at} ms too early`);
        }
      });

      await t.test(`${protocol}: no header counts that asks for too much, or that is not there`, async () => {
        for (const refusal of [{ "retry-after": "60" }, { "x-ratelimit-reset": "4102444800" }, {}]) {
          const { pauseMs } = await again(refusal);
          assert.ok(pauseMs < LONG_MS, `after ${pauseMs} ms`);
        }
      });

      await t.test(`${protocol}: a policy that names no header waits for none`, async () => {
        await retries({});
        const { pauseMs } = await again({ "retry-after": "60" });
        assert.ok(pauseMs < LONG_MS, `after ${pauseMs} ms`);
      });
    }
  });
});
