import assert from "node:assert/strict";
import { test } from "node:test";
import { FragmentTable } from "@skein/control-plane/xds/fragment-table";
import {
  clusterFragment,
  configOf,
  endpointFragment,
  listenerFragment,
  secretFragment,
} from "@skein/control-plane/xds/testing/resources";
import { createTestFleet, createTestLog } from "@skein/control-plane/xds/testing/test-fleet";
import { startTestServer } from "@skein/control-plane/xds/testing/test-server";
import { until } from "@skein/control-plane/xds/testing/until";
import { type AckRecord, launcherMetadata, startFleet } from "./client.ts";

test("simulated proxies ask for what real ones ask for, acknowledge, and are sent nothing when they reconnect", async () => {
  const table = new FragmentTable();
  const fleet = createTestFleet();
  const server = await startTestServer(fleet, createTestLog());
  const { certPem, keyPem } = server.certificate;
  const config = (ports: readonly number[], timeoutSeconds: number) =>
    configOf(
      clusterFragment(table, "a", { secret: "client", serviceName: "eds-a", timeoutSeconds }),
      endpointFragment(table, "eds-a", ports),
      listenerFragment(table, "l", { port: 10_000, cluster: "a", secret: "server" }),
      secretFragment(table, "client", certPem, keyPem),
      secretFragment(table, "server", certPem, keyPem),
    );
  fleet.set(config([1], 1), 1);
  const acks: AckRecord[] = [];
  const simulated = await startFleet({
    count: 5,
    target: `https://127.0.0.1:${server.port}`,
    caPem: certPem,
    nodeFor: (index) => ({
      id: `default.dp-${index}`,
      cluster: "dp",
      metadata: launcherMetadata({ name: `dp-${index}` }),
    }),
    token: (index) => `token-${index}`,
    onAck: (ack) => void acks.push(ack),
  });
  try {
    const inSync = (revision: number): boolean =>
      fleet.streams.every((stream) => stream.inSync.includes(revision));
    await until("all in sync", () => inSync(1));
    assert.equal(fleet.streams[0]?.node.token?.startsWith("token-"), true);
    assert.deepEqual(simulated.proxies[0]?.held.secret.size, 2);
    assert.deepEqual([...(simulated.proxies[0]?.held.endpoint.keys() ?? [])], ["eds-a"]);
    assert.equal(simulated.proxies[0]?.awaited, 0);

    acks.length = 0;
    fleet.set(config([1, 2], 1), 2);
    await simulated.until(() => acks.length === 5, 5000);
    assert.ok(acks.every(({ type, names }) => type === "endpoint" && names[0] === "eds-a"));

    fleet.set(config([1, 2], 2), 3);
    await until("the changed cluster in sync", () => inSync(3));

    const before = simulated.totals().responses;
    await simulated.reconnectAll();
    await until("all back", () => fleet.streams.length === 10 && inSync(3));
    assert.equal(simulated.totals().responses, before);
  } finally {
    simulated.close();
    await server.close();
  }
});
