import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { StreamRefused } from "./fleet.ts";
import type { ProxyConfig } from "./fragment.ts";
import { FragmentTable } from "./fragment-table.ts";
import { ENVOY, type EnvoyProcess, startEnvoy } from "./testing/envoy-process.ts";
import {
  clusterFragment,
  configOf,
  endpointFragment,
  httpListenerFragment,
  listenerFragment,
  routeFragment,
  secretFragment,
} from "./testing/resources.ts";
import { createTestFleet, createTestLog, type TestFleet, type TestStream } from "./testing/test-fleet.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";
import { until } from "./testing/until.ts";

interface World {
  readonly fleet: TestFleet;
  readonly envoy: EnvoyProcess;
  readonly server: TestServer;
  readonly log: ReturnType<typeof createTestLog>;
  stream(): TestStream;
  /** Sets the config and waits until Envoy has it. */
  settle(config: ProxyConfig): Promise<void>;
}

const skip = existsSync(ENVOY) ? false : "no Envoy binary";
const table = new FragmentTable();
let revision = 0;

async function withEnvoy(api: "DELTA_GRPC" | "GRPC", body: (world: World) => Promise<void>): Promise<void> {
  const fleet = createTestFleet();
  const log = createTestLog();
  const server = await startTestServer(fleet, log);
  const envoy = startEnvoy({
    nodeId: "default.web",
    xdsPort: server.port,
    caPem: server.certificate.certPem,
    api,
  });
  const stream = (): TestStream => {
    const last = fleet.streams.at(-1);
    if (last === undefined) throw new Error("Envoy has not connected");
    return last;
  };
  const world: World = {
    fleet,
    envoy,
    server,
    log,
    stream,
    async settle(config) {
      revision += 1;
      const wanted = revision;
      fleet.set(config, wanted);
      await until(`revision ${wanted} in sync`, () => fleet.streams.at(-1)?.inSync.includes(wanted) === true);
    },
  };
  try {
    await body(world);
  } catch (error) {
    const sent = fleet.streams.map(({ sent, answered, inSync }) => ({ sent, answered, inSync }));
    throw new Error(`${JSON.stringify(sent)}\n${log.lines.join("\n")}\n${envoy.log().slice(-3000)}`, {
      cause: error,
    });
  } finally {
    await envoy.stop();
    await server.close();
  }
}

function cluster(name: string, timeoutSeconds = 5): ReturnType<typeof clusterFragment> {
  return clusterFragment(table, name, { timeoutSeconds });
}

const endpointsA = endpointFragment(table, "a", [19_001]);
const endpointsB = endpointFragment(table, "b", [19_002]);
const listener = listenerFragment(table, "inbound:127.0.0.1:18101", { port: 18_101, cluster: "a" });

for (const api of ["DELTA_GRPC", "GRPC"] as const) {
  test(`${api}: configuration goes in, changes without a stall, and goes out again`, { skip }, () =>
    withEnvoy(api, async ({ settle, envoy, stream }) => {
      await settle(configOf(cluster("a"), endpointsA, listener));
      assert.equal(await envoy.stat("listener_manager.total_listeners_active"), 1);
      assert.match(await envoy.admin("/clusters"), /^a::127\.0\.0\.1:19001::/m);

      const start = performance.now();
      await settle(configOf(cluster("a", 7), endpointsA, listener));
      assert.ok(performance.now() - start < 3000, "an updated cluster stayed in warming");
      assert.equal(await envoy.stat("cluster_manager.warming_clusters"), 0);
      assert.match(await envoy.admin("/clusters"), /^a::127\.0\.0\.1:19001::/m);

      const toB = listenerFragment(table, listener.name, { port: 18_101, cluster: "b" });
      await settle(configOf(cluster("b"), endpointsB, toB));
      assert.doesNotMatch(await envoy.admin("/clusters"), /^a::/m);
      assert.match(await envoy.admin("/clusters"), /^b::127\.0\.0\.1:19002::/m);

      const renamed = listenerFragment(table, "renamed", { port: 18_101, cluster: "b" });
      await settle(configOf(cluster("b"), endpointsB, renamed));
      await settle(configOf());
      await until("no listener is left", async () => (await envoy.admin("/listeners")).trim() === "");
      assert.deepEqual(
        stream().answered.filter((ack) => ack.rejected !== undefined),
        [],
      );
    }),
  );

  test(
    `${api}: a bad listener is named, kept out, and the old one goes on; everything else goes in`,
    { skip },
    () =>
      withEnvoy(api, async ({ settle, fleet, stream, envoy }) => {
        await settle(configOf(cluster("a"), endpointsA, listener));
        const bad = listenerFragment(table, listener.name, {
          port: 18_101,
          cluster: "a",
          unknownFilter: true,
        });
        const second = listenerFragment(table, "second", { port: 18_102, cluster: "a" });
        revision += 1;
        fleet.set(configOf(cluster("a"), endpointsA, bad, second), revision);
        await until("the rejection", () => stream().answered.some((ack) => ack.rejected !== undefined));
        const [rejection] = stream().answered.filter((ack) => ack.rejected !== undefined);
        assert.deepEqual(rejection?.rejected?.resources, [
          { name: bad.name, version: bad.version, origins: bad.origins },
        ]);
        await until(
          "both listeners",
          async () => (await envoy.stat("listener_manager.total_listeners_active")) === 2,
        );

        revision += 1;
        const third = listenerFragment(table, "third", { port: 18_103, cluster: "a" });
        fleet.set(configOf(cluster("a", 9), endpointsA, bad, second, third), revision);
        await until(
          "the third listener",
          async () => (await envoy.stat("listener_manager.total_listeners_active")) === 3,
        );
        assert.match(await envoy.admin("/listeners"), /inbound:127\.0\.0\.1:18101/);
        await until("the rest in sync", () => stream().inSync.includes(revision));
        assert.equal(stream().answered.filter((ack) => ack.rejected !== undefined).length, 1);
        await settle(configOf(cluster("a", 9), endpointsA, listener, second, third));
      }),
  );

  test(`${api}: routes follow their clusters, and outlive a change of their listener`, { skip }, () =>
    withEnvoy(api, async ({ settle, fleet, stream, envoy }) => {
      const http = (statPrefix: string) =>
        httpListenerFragment(table, "http", { port: 18_105, route: "rt", statPrefix });
      const rejected = () => stream().answered.filter((ack) => ack.rejected !== undefined);
      await settle(configOf(cluster("a"), endpointsA, http("one"), routeFragment(table, "rt", "a")));
      await settle(configOf(cluster("a"), endpointsA, http("two"), routeFragment(table, "rt", "a")));
      const listeners = (state: string) => envoy.stat(`listener_manager.total_listeners_${state}`);
      await until(
        "the changed listener",
        async () => (await listeners("warming")) === 0 && (await listeners("active")) === 1,
      );
      await settle(configOf(cluster("b"), endpointsB, http("two"), routeFragment(table, "rt", "b")));
      assert.doesNotMatch(await envoy.admin("/clusters"), /^a::/m);
      assert.match(await envoy.admin("/config_dump?resource=dynamic_route_configs"), /"cluster": "b"/);
      assert.deepEqual(rejected(), []);

      const bad = routeFragment(table, "rt", "missing");
      revision += 1;
      fleet.set(configOf(cluster("b"), endpointsB, http("two"), bad), revision);
      await until("the rejection", () => rejected().length === 1);
      assert.deepEqual(rejected()[0]?.rejected?.resources[0]?.origins, bad.origins);
      assert.match(await envoy.admin("/config_dump?resource=dynamic_route_configs"), /"cluster": "b"/);
    }),
  );

  test(
    `${api}: one bad cluster in a response that is refused as a whole is found and kept out`,
    { skip },
    () =>
      withEnvoy(api, async ({ settle, fleet, stream, envoy }) => {
        await settle(configOf(cluster("a"), endpointsA, listener));
        const bad = clusterFragment(table, "bad", { kind: "static", timeoutSeconds: -1 });
        const good = ["g0", "g1", "g2", "g3", "g4"].map((name) =>
          clusterFragment(table, name, { kind: "static" }),
        );
        revision += 1;
        fleet.set(configOf(cluster("a"), endpointsA, listener, ...good, bad), revision);
        await until(
          "the good clusters",
          async () => (await envoy.stat("cluster_manager.active_clusters")) === 7,
        );
        const named = (): unknown[] => stream().answered.flatMap((ack) => ack.rejected?.resources ?? []);
        await until("the bad cluster named", () => named().length > 0);
        assert.deepEqual(named(), [{ name: "bad", version: bad.version, origins: bad.origins }]);
      }),
  );
}

test(
  "a proxy that reconnects with the current state is sent nothing, and what changed meanwhile is",
  { skip },
  () =>
    withEnvoy("DELTA_GRPC", async ({ settle, fleet, envoy, stream, server }) => {
      const { certPem, keyPem } = server.certificate;
      const tls = (secret: string): ProxyConfig =>
        configOf(
          clusterFragment(table, "a", { secret }),
          endpointsA,
          listener,
          secretFragment(table, "identity", certPem, keyPem),
        );
      await settle(tls("identity"));
      const first = stream();
      first.sink.close(new StreamRefused("unavailable", "the test closes this stream"));
      await until("a second stream", () => fleet.streams.length === 2 && stream().inSync.length > 0);
      assert.deepEqual(stream().sent, []);
      assert.equal(await envoy.stat("cluster_manager.cluster_modified"), 0);
    }),
);

test("names that do not exist hold nothing up, and are sent when they come into being", { skip }, () =>
  withEnvoy("DELTA_GRPC", async ({ settle, envoy, server }) => {
    const { certPem, keyPem } = server.certificate;
    const parts = [
      cluster("a"),
      endpointsA,
      clusterFragment(table, "late", { secret: "identity" }),
      listenerFragment(table, "tls", { port: 18_104, cluster: "a", secret: "identity" }),
    ];
    await settle(configOf(...parts));
    await until(
      "the listener",
      async () => (await envoy.stat("listener_manager.total_listeners_active")) === 1,
    );
    assert.equal(await envoy.stat("cluster_manager.warming_clusters"), 0);
    await settle(
      configOf(
        ...parts,
        endpointFragment(table, "late", [19_009]),
        secretFragment(table, "identity", certPem, keyPem),
      ),
    );
    assert.match(await envoy.admin("/clusters"), /^late::127\.0\.0\.1:19009::/m);
    assert.match(await envoy.admin("/config_dump?resource=dynamic_active_secrets"), /"name": "identity"/);
  }),
);
