import assert from "node:assert/strict";
import { connect } from "node:http2";
import { type TestContext, test } from "node:test";
import { withWorld } from "../world/world.ts";
import { applied, httpLoad, nothingLost, openMeshYaml, policy } from "./scene.ts";
import { answeredOnlyBy, asker, greeter, tally } from "./who-answers.ts";

/** Fails after two bad answers; a slow one on a busy machine is not a bad one. */
const PACE = {
  interval: "200ms",
  noTrafficInterval: "200ms",
  timeout: "5s",
  unhealthyThreshold: 2,
  healthyThreshold: 1,
};
/** For the protocol whose bad answer is none: a busy machine has to be well inside this. */
const SILENT_PACE = { ...PACE, timeout: "3s" };

const to = (service: string, conf: object): object => ({
  targetRef: { kind: "MeshService", name: service },
  default: conf,
});

test("an instance that fails its check gets no traffic, and comes back", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(openMeshYaml());
    const pair = (service: string, host: number, more: { tcp?: boolean; grpc?: boolean } = {}) =>
      [1, 2].map((n) =>
        world.startService({ service, instance: `${service}-${n}`, host: host + n, ...more }),
      );
    const [, first, , grpcFirst, , tcpFirst] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [
          { service: "check-in-api", port: 10_001 },
          { service: "flights", port: 10_002 },
          { service: "flight-control", port: 10_003 },
        ],
      }),
      ...pair("check-in-api", 20),
      ...pair("flights", 30, { grpc: true }),
      ...pair("flight-control", 40, { tcp: true }),
    ]);
    assert.ok(first !== undefined && grpcFirst !== undefined && tcpFirst !== undefined);
    const host = world.site.block.address(11);
    const http = asker(`http://${host}:10001`);
    const grpc = asker(`http://${host}:10002`);
    t.after(() => {
      http.close();
      grpc.close();
    });
    const byHttp = async (): Promise<string> => (await http.ask()).instance;
    const byGrpc = async (): Promise<string> => (await grpc.ask()).instance;
    const byTcp = (): Promise<string> => greeter(host, 10_003);
    await answeredOnlyBy(["check-in-api-1", "check-in-api-2"], byHttp);

    /** Fails and comes back, seen by callers. */
    const follows = async (
      context: TestContext,
      service: string,
      who: () => Promise<string>,
      change: (isWell: boolean) => Promise<void> | void,
    ): Promise<void> => {
      context.after(() => change(true));
      const both = [`${service}-1`, `${service}-2`];
      await answeredOnlyBy(both, who);
      await change(false);
      await answeredOnlyBy([`${service}-2`], who);
      assert.deepEqual([...(await tally(40, who))], [[`${service}-2`, 40]]);
      await change(true);
      await answeredOnlyBy(both, who);
    };

    await t.test("by the status of an HTTP answer", async (context) => {
      const checks = { ...PACE, http: { path: "/healthz", expectedStatuses: [200, 204] } };
      await applied(world, policy("MeshHealthCheck", "http", { to: [to("check-in-api", checks)] }));
      await follows(context, "check-in-api", byHttp, async (isWell) => {
        await fetch(`${first.app.url}/health?status=${isWell ? 204 : 503}`);
      });
    });

    await t.test("by what gRPC's health service says", async (context) => {
      const checks = { ...PACE, grpc: { serviceName: "flights" } };
      await applied(world, policy("MeshHealthCheck", "grpc", { to: [to("flights", checks)] }));
      await follows(context, "flights", byGrpc, (isWell) =>
        http2Get(`${grpcFirst.app.url}/health?serving=${isWell}`),
      );
    });

    await t.test("by the bytes that come back on a connection", async (context) => {
      const checks = { ...SILENT_PACE, tcp: { send: "are you there?", receive: ["are you there?"] } };
      await applied(world, policy("MeshHealthCheck", "tcp", { to: [to("flight-control", checks)] }));
      // The sidecar goes on taking connections for an app that hangs; only an answer tells.
      await follows(context, "flight-control", byTcp, (isWell) =>
        tcpFirst.app.child.signal(isWell ? "SIGCONT" : "SIGSTOP"),
      );
    });

    await t.test(
      "an instance that leaves is not called any more, though it was well until then",
      async () => {
        const loads = [
          httpLoad(`http://${host}:10001/`, "kept", 60),
          httpLoad(`http://${host}:10001/`, "new", 40),
        ];
        await answeredOnlyBy(["check-in-api-1", "check-in-api-2"], byHttp);
        const exit = await first.sidecar.child.stop(10_000);
        assert.deepEqual(exit, { code: 0, signal: null }, first.sidecar.child.tail());
        await nothingLost(loads);
        assert.equal(await byHttp(), "check-in-api-2");
      },
    );
  });
});

/** One GET over HTTP/2 without TLS. */
function http2Get(url: string): Promise<void> {
  const { origin, pathname, search } = new URL(url);
  const session = connect(origin);
  return new Promise<void>((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({ ":path": pathname + search });
    stream.on("error", reject);
    stream.on("end", resolve);
    stream.resume();
  }).finally(() => session.close());
}
