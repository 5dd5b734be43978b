import type { TestContext } from "node:test";
import type { DataplaneInbound, DataplaneResource } from "@skein/model";
import { openMemoryStore } from "../../store/memory.ts";
import { connectTls, openCall, type TestCall } from "../../xds/testing/grpc-client.ts";
import { configOf } from "../../xds/testing/resources.ts";
import { createTestFleet, createTestLog } from "../../xds/testing/test-fleet.ts";
import { startTestServer } from "../../xds/testing/test-server.ts";
import { HDS_PATH, HealthServer, type HealthServerOptions } from "../health-server.ts";

/** A server of health discovery over TLS, on a store in memory. */
export async function healthWorld(t: TestContext, options: Partial<HealthServerOptions> = {}) {
  const store = openMemoryStore({ now: () => 0 });
  const log = createTestLog();
  const counts = { received: 0, sent: 0, generated: 0, failed: 0 };
  const health = new HealthServer({
    store,
    admit: async () => undefined,
    defaults: {
      timeoutMs: 1000,
      intervalMs: 100,
      noTrafficIntervalMs: 100,
      healthyThreshold: 1,
      unhealthyThreshold: 1,
    },
    reportMs: 100,
    isDraining: () => false,
    isStarting: () => false,
    metrics: {
      received: () => {
        counts.received += 1;
      },
      sent: () => {
        counts.sent += 1;
      },
      generated: () => {
        counts.generated += 1;
      },
      generationFailed: () => {
        counts.failed += 1;
      },
    },
    monotonic: () => performance.now(),
    log,
    batchMs: 5,
    ...options,
  });
  store.watch((changes) => health.changed(changes));
  const handlers = new Map([[HDS_PATH, health.handler]]);
  const fleet = createTestFleet();
  fleet.set(configOf(), 1);
  const server = await startTestServer(fleet, log, { handlers });
  const session = connectTls(server.port, server.certificate.certPem);
  t.after(async () => {
    session.destroy();
    await health.close();
    await server.close();
  });
  return {
    store,
    log,
    counts,
    health,
    server,
    open: (): TestCall => openCall(session, HDS_PATH),
    put: (name: string, ...inbound: Partial<DataplaneInbound>[]) =>
      store.write([
        {
          op: "put",
          resource: {
            type: "Dataplane",
            mesh: "default",
            name,
            labels: {},
            spec: { networking: { address: "127.0.0.1", inbound } },
          },
        },
      ]),
    inbounds: (name: string) =>
      store.get<DataplaneResource>({ type: "Dataplane", mesh: "default", name })?.spec.networking?.inbound ??
      [],
  };
}
