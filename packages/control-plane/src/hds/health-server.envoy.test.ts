import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { type TestContext, test } from "node:test";
import { startEnvoy } from "../xds/testing/envoy-process.ts";
import { until } from "../xds/testing/until.ts";
import { healthWorld } from "./testing/health-world.ts";

const PROBE = { serviceProbe: { interval: "0.1s", timeout: "2s", tcp: {} } };
const PORT = 8097;

async function listenOn(address: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(PORT, address);
  await once(server, "listening");
  return server;
}

async function world(t: TestContext) {
  const found = await healthWorld(t);
  const envoy = startEnvoy({
    nodeId: "default.web",
    xdsPort: found.server.port,
    caPem: found.server.certificate.certPem,
    healthDiscovery: true,
  });
  t.after(() => envoy.stop());
  const states = () => found.inbounds("web").map(({ state }) => state ?? "Ready");
  const become = (...wanted: string[]) =>
    until(
      `${wanted.join()} instead of ${states().join()}`,
      () => states().join() === wanted.join(),
      30_000,
    ).catch((error) => {
      throw new Error(`${error} but ${states().join()}\n${envoy.log().slice(-2000)}`);
    });
  return { ...found, become };
}

test("two inbounds with one port each get the result of their own address", async (t) => {
  const { put, become } = await world(t);
  const servers = [await listenOn("127.66.1.1"), await listenOn("127.66.1.2")];
  t.after(() => {
    for (const server of servers) server.close();
  });
  const [first, second] = servers;
  await put(
    "web",
    { port: 1, servicePort: PORT, serviceAddress: "127.66.1.1", ...PROBE },
    { port: 2, servicePort: PORT, serviceAddress: "127.66.1.2", ...PROBE },
    { port: 3, servicePort: PORT, serviceAddress: "127.66.1.1", ...PROBE },
  );
  first?.close();
  await become("NotReady", "Ready", "NotReady");
  servers[0] = await listenOn("127.66.1.1");
  await become("Ready", "Ready", "Ready");
  second?.close();
  await become("Ready", "NotReady", "Ready");
});

test("a probe that is added, moved and taken away while Envoy runs", async (t) => {
  const { put, become, inbounds } = await world(t);
  const server = await listenOn("127.66.1.3");
  t.after(() => server.close());
  const inbound = { port: 1, servicePort: PORT, serviceAddress: "127.66.1.4" };
  await put("web", inbound);
  await put("web", { ...inbound, ...PROBE });
  await become("NotReady");
  await put("web", { ...(inbounds("web")[0] ?? inbound), serviceAddress: "127.66.1.3" });
  await become("Ready");
  await put("web", { ...(inbounds("web")[0] ?? inbound), serviceAddress: "127.66.1.4" });
  await become("NotReady");
  const { serviceProbe: _, ...unprobed } = { ...PROBE, ...inbounds("web")[0] };
  await put("web", { port: 1, ...unprobed });
  // Envoy itself is well, so nothing keeps the inbound out any more.
  await become("Ready");
});
