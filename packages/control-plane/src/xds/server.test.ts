import assert from "node:assert/strict";
import { request } from "node:https";
import { type TestContext, test } from "node:test";
import { connect as connectTcp } from "node:tls";
import { create, toBinary } from "@bufbuild/protobuf";
import { DiscoveryRequestSchema } from "@skein/envoy-api/envoy/service/discovery/v3/discovery_pb";
import { StreamRefused } from "./fleet.ts";
import { FragmentTable } from "./fragment-table.ts";
import { SOTW_ADS_PATH, type XdsServerOptions } from "./server.ts";
import { connectTls, openCall, openDelta, type TestDeltaCall } from "./testing/grpc-client.ts";
import { clusterFragment, configOf, listenerFragment } from "./testing/resources.ts";
import { createTestFleet, createTestLog, type TestFleet } from "./testing/test-fleet.ts";
import { startTestServer } from "./testing/test-server.ts";
import { until } from "./testing/until.ts";
import { typeUrlOf } from "./type-url.ts";

const table = new FragmentTable();
const cluster = clusterFragment(table, "a", { kind: "static" });
const listener = listenerFragment(table, "l", { port: 10_000, cluster: "a" });
const node = {
  id: "default.web",
  cluster: "web",
  metadata: { features: ["x"], nested: { flag: true, n: 1.5 } },
};
const cds = { typeUrl: typeUrlOf("cluster"), node };

async function world(
  t: TestContext,
  options: { fleet?: TestFleet; server?: Partial<XdsServerOptions> } = {},
) {
  const fleet = options.fleet ?? createTestFleet();
  const log = createTestLog();
  const server = await startTestServer(fleet, log, options.server);
  const sessions: ReturnType<typeof connectTls>[] = [];
  t.after(async () => {
    for (const session of sessions) session.destroy();
    await server.close();
  });
  const connect = () => {
    const session = connectTls(server.port, server.certificate.certPem);
    sessions.push(session);
    return session;
  };
  return { fleet, log, server, connect };
}

function ack(call: TestDeltaCall): void {
  const last = call.responses().at(-1);
  call.request({ typeUrl: last?.typeUrl ?? "", responseNonce: last?.nonce ?? "" });
}

test("a stream is introduced to the fleet, served, and reported as closed", async (t) => {
  const { fleet, connect } = await world(t);
  fleet.set(configOf(cluster, listener), 7);
  const session = connect();
  const call = openDelta(session);
  call.request(cds);
  await until("clusters", () => call.responses().length === 1);
  ack(call);
  call.request({ typeUrl: typeUrlOf("listener") });
  await until("listeners", () => call.responses().length === 2);
  ack(call);
  const [stream] = fleet.streams;
  await until("in sync", () => stream?.inSync[0] === 7);
  assert.deepEqual(stream?.node, {
    id: "default.web",
    mesh: "default",
    name: "web",
    cluster: "web",
    metadata: { features: ["x"], nested: { flag: true, n: 1.5 } },
    token: "test-token",
    protocol: "delta",
    reconnects: false,
  });
  const [first] = call.responses();
  assert.equal(first?.resources[0]?.name, "a");
  assert.equal(first?.resources[0]?.version, cluster.version);
  assert.equal(first?.resources[0]?.resource?.typeUrl, typeUrlOf("cluster"));
  session.destroy();
  await until("closed", () => stream?.closed === 1);
});

test("what is not gRPC is served on the same port, in HTTP/1.1 and HTTP/2", async (t) => {
  const { server, connect } = await world(t);
  let answer = "";
  connect()
    .request({ ":path": "/" })
    .setEncoding("utf8")
    .on("data", (text) => {
      answer += text;
    });
  await until("the answer over HTTP/2", () => answer === "http 2.0");
  const body = await new Promise<string>((resolve, reject) => {
    request(
      { host: "127.0.0.1", port: server.port, ca: server.certificate.certPem, agent: false },
      (response) => {
        response.setEncoding("utf8").on("data", resolve);
      },
    )
      .on("error", reject)
      .end();
  });
  assert.equal(body, "http 1.1");
});

test("what is wrong with a stream is said in its status", async (t) => {
  const fleet = createTestFleet({
    refuse: ({ name }) => {
      if (name === "forged")
        return new StreamRefused("unauthenticated", "the token is not for this proxy: ünfit 100%");
      if (name === "broken") throw new TypeError("a bug");
      return undefined;
    },
  });
  const { connect, log } = await world(t, {
    fleet,
    server: { maxMessageBytes: 1000, firstRequestMs: 50, stallMs: 80 },
  });
  const session = connect();
  const cases: [string, number, RegExp, (call: TestDeltaCall) => void][] = [
    ["no node", 3, /must carry the node/, (call) => call.request({ typeUrl: typeUrlOf("cluster") })],
    ["odd id", 3, /<mesh>\.<name>/, (call) => call.request({ ...cds, node: { id: "web" } })],
    ["garbage", 3, /not a discovery request/, (call) => call.send(Buffer.from([0xff, 0xff]))],
    ["oversize", 8, /over the limit of 1000/, (call) => call.send(Buffer.alloc(1001))],
    ["not gRPC", 13, /not a gRPC message/, (call) => call.stream.write(Buffer.from("GET / HTTP/1.1"))],
    ["compressed", 12, /compressed/, (call) => call.stream.write(Buffer.from([1, 0, 0, 0, 0]))],
    ["cut off", 13, /inside a message/, (call) => call.stream.end(Buffer.from([0, 0, 0, 0, 9, 1]))],
    ["silent", 4, /no request/, () => {}],
    ["refused", 16, /ünfit 100%/, (call) => call.request({ ...cds, node: { id: "default.forged" } })],
    ["a bug", 14, /log has the reason/, (call) => call.request({ ...cds, node: { id: "default.broken" } })],
    [
      "another node id",
      3,
      /changed from default\.web/,
      (call) => {
        call.request(cds);
        call.request({ ...cds, node: { id: "default.other" } });
      },
    ],
  ];
  for (const [name, code, message, act] of cases) {
    const call = openDelta(session);
    act(call);
    await until(`the end of: ${name}`, () => call.status !== undefined);
    assert.equal(call.status?.code, code, `${name}: ${call.status?.message}`);
    assert.match(call.status?.message ?? "", message);
  }
  const unknown = openCall(session, "/envoy.service.none/Nothing");
  await until("the end of an unknown method", () => unknown.status !== undefined);
  assert.equal(unknown.status?.code, 12);
  assert.ok(log.lines.some((line) => line.includes("a bug")));
});

test("one connection opens a bounded number of streams", async (t) => {
  const { connect, fleet } = await world(t, { server: { maxStreamsPerSession: 3 } });
  const session = connect();
  await until("settings", () => session.remoteSettings?.maxConcurrentStreams === 3);
  const calls = Array.from({ length: 5 }, () => openDelta(session));
  for (const call of calls) call.request(cds);
  await until("three streams", () => fleet.streams.length === 3);
  calls[0]?.stream.close();
  await until("a fourth, once one is closed", () => fleet.streams.length === 4);
});

test("a reconnect storm connects a bounded number of proxies at a time, and all in the end", async (t) => {
  const fleet = createTestFleet({ connectMs: 2 });
  const { connect } = await world(t, { fleet, server: { maxConnecting: 5, maxStreamsPerSession: 100 } });
  fleet.set(configOf(cluster), 1);
  const sessions = Array.from({ length: 4 }, connect);
  const calls = sessions.flatMap((session) => Array.from({ length: 50 }, () => openDelta(session)));
  for (const [index, call] of calls.entries()) call.request({ ...cds, node: { id: `default.web-${index}` } });
  await until("all served", () => calls.every((call) => call.messages.length === 1));
  assert.equal(fleet.streams.length, 200);
  assert.ok(fleet.connecting.most <= 5, `${fleet.connecting.most} at a time`);
});

test("a proxy that never reads costs one response, and is disconnected in the end", async (t) => {
  const { fleet, connect, log, server } = await world(t, { server: { stallMs: 300 } });
  const session = connect();
  const call = openDelta(session);
  const big = (version: number) =>
    configOf(
      ...Array.from({ length: 40 }, (_, slot) =>
        clusterFragment(table, `${"x".repeat(4000)}${slot}`, { timeoutSeconds: version }),
      ),
    );
  fleet.set(big(1), 1);
  call.stream.pause();
  call.request(cds);
  await until("the stream", () => fleet.streams.length === 1);
  for (let version = 2; version < 200; version++) fleet.set(big(version), version);
  const [stream] = fleet.streams;
  await until("the first push", () => (stream?.sent.length ?? 0) > 0);
  assert.ok((stream?.sent.length ?? 0) <= 2, "states queued up");
  await until("the disconnect", () => stream?.closed === 1);
  assert.ok(log.lines.some((line) => line.includes("does not read")));
  await until("no streams", () => server.xds.streams === 0);
});

test("a peer that vanishes without closing is noticed", async (t) => {
  const { fleet, server, connect } = await world(t, { server: { keepaliveMs: 100 } });
  const session = connect();
  const call = openDelta(session);
  call.request(cds);
  await until("the stream", () => fleet.streams.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(fleet.streams[0]?.closed, 0, "a peer that answers pings stays");
  const mute = connectTcp({
    port: server.port,
    host: "127.0.0.1",
    ca: server.certificate.certPem,
    ALPNProtocols: ["h2"],
  });
  let gone = false;
  mute.on("error", () => {});
  mute.on("close", () => {
    gone = true;
  });
  mute.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  mute.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  mute.resume();
  await until("the mute peer dropped", () => gone, 5_000);
});

test("stopping ends every stream with UNAVAILABLE and sends GOAWAY", async (t) => {
  const { fleet, server, connect } = await world(t);
  const session = connect();
  let goaway = false;
  session.on("goaway", () => {
    goaway = true;
  });
  const call = openDelta(session);
  call.request(cds);
  await until("the stream", () => fleet.streams.length === 1);
  await server.xds.close(2000);
  await until("the end", () => call.status !== undefined);
  assert.equal(call.status?.code, 14);
  assert.ok(goaway);
  assert.equal(fleet.streams[0]?.closed, 1);
});

test("a proxy that was told of a rejection is not sent the rejected version on its next stream", async (t) => {
  const { fleet, connect } = await world(t);
  fleet.set(configOf(cluster), 1);
  const first = openDelta(connect());
  first.request(cds);
  await until("clusters", () => first.responses().length === 1);
  first.request({
    typeUrl: typeUrlOf("cluster"),
    responseNonce: first.responses()[0]?.nonce ?? "",
    errorDetail: { code: 13, message: "Error adding/updating cluster(s) a: no" },
  });
  await until("the rejection", () => fleet.streams[0]?.answered[0]?.rejected !== undefined);
  first.stream.close();
  await until("closed", () => fleet.streams[0]?.closed === 1);
  const second = openDelta(connect());
  second.request(cds);
  await until("an answer", () => second.responses().length === 1);
  assert.deepEqual(second.responses()[0]?.resources, []);
  const other = openDelta(connect());
  other.request({ ...cds, node: { id: "default.other" } });
  await until("an answer", () => other.responses().length === 1);
  assert.equal(other.responses()[0]?.resources.length, 1);
});

test("a proxy that holds something from an earlier stream is told from one that starts", async (t) => {
  const { fleet, connect } = await world(t);
  fleet.set(configOf(cluster, listener), 1);
  const session = connect();
  const connects = async (send: () => void) => {
    const before = fleet.streams.length;
    send();
    await until("another stream", () => fleet.streams.length > before);
    return fleet.streams.at(-1)?.node.reconnects;
  };
  const sotw = (versionInfo: string) => () =>
    openCall(session, SOTW_ADS_PATH).send(
      toBinary(
        DiscoveryRequestSchema,
        create(DiscoveryRequestSchema, { node: { id: node.id }, typeUrl: cds.typeUrl, versionInfo }),
      ),
    );
  assert.equal(await connects(() => openDelta(session).request(cds)), false);
  const held = { ...cds, initialResourceVersions: { a: "1" } };
  assert.equal(await connects(() => openDelta(session).request(held)), true);
  assert.equal(await connects(sotw("")), false);
  assert.equal(await connects(sotw("1")), true);
});
