import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { type DataplaneInsightSpec, dataplaneInsightKind, type Resource } from "@skein/model";
import { openMemoryStore } from "../store/memory.ts";
import { type Store, StoreError, type Write } from "../store/store.ts";
import { closeAbandonedSubscriptions } from "./abandoned.ts";
import { DataplaneInsights, type DataplaneInsightsOptions } from "./dataplane-insights.ts";

const NOON = Date.UTC(2026, 10, 23, 10);
const proxy = { mesh: "default", name: "web-1" };

async function setUp(options: Partial<DataplaneInsightsOptions> = {}, proxies = [proxy]) {
  let now = NOON;
  const store = openMemoryStore({ now: () => now });
  const documents = proxies.map(
    ({ mesh, name }): Write => ({
      op: "create",
      resource: { type: "Dataplane", mesh, name, labels: {}, spec: {} },
    }),
  );
  await store.write(documents);
  const commits: number[] = [];
  store.watch((changes) => commits.push(changes.length));
  const insights = new DataplaneInsights({ store, now: () => now, ...options });
  const start = (id: string) => ({
    id,
    controlPlaneInstanceId: "cp-1",
    metadata: { version: { kumaDp: { version: "2.14.3" }, envoy: { version: "1.40.0" } }, features: ["x"] },
  });
  const pass = (ms: number) => {
    now += ms;
  };
  return { store, commits, insights, start, pass };
}

const specOf = (store: Store, name = "web-1"): DataplaneInsightSpec | undefined =>
  store.get<Resource<DataplaneInsightSpec>>({ type: "DataplaneInsight", mesh: "default", name })?.spec;

test("events of a stream become its subscription", async () => {
  const { store, insights, start, pass } = await setUp();
  const session = insights.connected(proxy, start("s1"));
  session.sent("cluster");
  session.sent("listener");
  session.sent("secret");
  session.answered({ type: "cluster", revision: 5 });
  session.answered({ type: "secret", revision: 5 });
  pass(1500);
  session.answered({
    type: "listener",
    revision: 5,
    rejected: {
      message: "no such port",
      resources: [{ name: "inbound", version: "1", origins: ["kri_mt_default___t_"] }],
    },
  });
  session.identity({
    issuedBackend: "kri_mid_default___id_",
    supportedBackends: ["kri_mtrust_default___id_"],
    issued: { at: "2026-11-23T10:00:00Z", expires: "2026-11-24T10:00:00Z" },
  });
  await insights.flush();
  const spec = specOf(store);
  assert.deepEqual(spec, {
    subscriptions: [
      {
        id: "s1",
        controlPlaneInstanceId: "cp-1",
        connectTime: "2026-11-23T10:00:00.000000000Z",
        generation: 1,
        status: {
          lastUpdateTime: "2026-11-23T10:00:01.500000000Z",
          total: { responsesSent: "3", responsesAcknowledged: "2", responsesRejected: "1" },
          cds: { responsesSent: "1", responsesAcknowledged: "1" },
          eds: {},
          lds: { responsesSent: "1", responsesRejected: "1" },
          rds: {},
        },
        version: { kumaDp: { version: "2.14.3" }, envoy: { version: "1.40.0" } },
      },
    ],
    mTLS: {
      certificateExpirationTime: "2026-11-24T10:00:00Z",
      lastCertificateRegeneration: "2026-11-23T10:00:00Z",
      certificateRegenerations: 1,
      issuedBackend: "kri_mid_default___id_",
      supportedBackends: ["kri_mtrust_default___id_"],
    },
    metadata: start("s1").metadata,
    rejections: [
      {
        time: "2026-11-23T10:00:01.500000000Z",
        revision: 5,
        typeUrl: "type.googleapis.com/envoy.config.listener.v3.Listener",
        resource: "inbound",
        message: "no such port",
        origins: ["kri_mt_default___t_"],
      },
    ],
  });
  assert.ok(dataplaneInsightKind.spec.safeParse(spec).success, "the kind knows every field");
  assert.deepEqual(
    store.get({ type: "DataplaneInsight", ...proxy })?.owner,
    { type: "Dataplane", ...proxy },
    "goes with its Dataplane",
  );
  session.answered({ type: "listener", revision: 6 });
  await insights.flush();
  assert.equal(specOf(store)?.rejections, undefined, "an ACK clears what was refused");
});

test("certificates are counted over streams, each once", async () => {
  const { store, insights, start } = await setUp();
  const issue = (at: string) => ({
    issuedBackend: "b",
    supportedBackends: [],
    issued: { at, expires: "2026-11-25T10:00:00Z" },
  });
  const first = insights.connected(proxy, start("s1"));
  first.identity(issue("2026-11-23T10:00:00Z"));
  await insights.flush();
  first.identity(issue("2026-11-23T10:00:00Z"));
  first.identity(issue("2026-11-23T11:00:00Z"));
  await insights.flush();
  await insights.flush();
  insights.connected(proxy, start("s2")).identity(issue("2026-11-23T12:00:00Z"));
  await insights.flush();
  assert.equal(specOf(store)?.mTLS?.certificateRegenerations, 3);
});

test("two subscriptions are kept, the newest ones", async () => {
  const { store, insights, start, pass } = await setUp();
  for (const id of ["s1", "s2", "s3"]) {
    insights.connected(proxy, start(id)).disconnected();
    pass(1000);
    await insights.flush();
  }
  const last = insights.connected(proxy, start("s4"));
  await insights.flush();
  const subscriptions = () => specOf(store)?.subscriptions ?? [];
  assert.deepEqual(
    subscriptions().map(({ id }) => id),
    ["s3", "s4"],
  );
  assert.ok(subscriptions()[0]?.disconnectTime);
  assert.equal(subscriptions()[1]?.disconnectTime, undefined);
  last.disconnected();
  await insights.flush();
  assert.ok(subscriptions()[1]?.disconnectTime);
});

test("a stream that a newer one replaced only ends its own subscription", async () => {
  const { store, insights, start } = await setUp();
  const rejected = { message: "no", resources: [{ name: "c", version: "1", origins: [] }] };
  const old = insights.connected(proxy, start("s1"));
  old.answered({ type: "cluster", revision: 1, rejected });
  await insights.flush();
  const next = insights.connected(proxy, { ...start("s2"), metadata: { features: ["new"] } });
  next.answered({ type: "cluster", revision: 2 });
  await insights.flush();
  old.disconnected();
  await insights.flush();
  const spec = specOf(store);
  assert.equal(spec?.rejections, undefined);
  assert.deepEqual(spec?.metadata, { features: ["new"] });
  assert.ok(spec?.subscriptions?.[0]?.disconnectTime);
  assert.equal(spec?.subscriptions?.[1]?.disconnectTime, undefined);
});

test("all proxies with news are written in one transaction, the others not at all", async () => {
  const proxies = Array.from({ length: 300 }, (_, index) => ({ mesh: "default", name: `p-${index}` }));
  const { commits, insights, start } = await setUp({}, proxies);
  const sessions = proxies.map((each) => insights.connected(each, start(each.name)));
  await insights.flush();
  assert.deepEqual(commits, [300]);
  sessions[7]?.sent("cluster");
  sessions[8]?.sent("cluster");
  await insights.flush();
  await insights.flush();
  assert.deepEqual(commits, [300, 2]);
});

test("connections are written soon, counters on the interval", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: NOON });
  t.after(() => mock.timers.reset());
  const { store, insights, start } = await setUp({ now: Date.now });
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const session = insights.connected(proxy, start("s1"));
  await settle();
  assert.equal(specOf(store), undefined);
  mock.timers.tick(1000);
  await settle();
  assert.equal(specOf(store)?.subscriptions?.length, 1);
  session.sent("cluster");
  mock.timers.tick(9000);
  await settle();
  assert.equal(specOf(store)?.subscriptions?.[0]?.status?.total?.responsesSent, undefined);
  mock.timers.tick(1000);
  await settle();
  assert.equal(specOf(store)?.subscriptions?.[0]?.status?.total?.responsesSent, "1");
  session.sent("cluster");
  session.disconnected();
  mock.timers.tick(1000);
  await settle();
  assert.ok(
    specOf(store)?.subscriptions?.[0]?.disconnectTime,
    "a disconnection does not wait for the interval",
  );
});

test("a race with another writer is repeated, nothing of either is lost", async () => {
  const { store, insights, start } = await setUp();
  const other = new DataplaneInsights({ store, now: () => NOON });
  insights.connected(proxy, start("s1"));
  other.connected(proxy, start("s2"));
  await Promise.all([insights.flush(), other.flush()]);
  assert.deepEqual(
    specOf(store)
      ?.subscriptions?.map(({ id }) => id)
      .sort(),
    ["s1", "s2"],
  );
});

test("what could not be written is reported and written later", async () => {
  const errors: unknown[] = [];
  const { store, insights, start } = await setUp({ onError: (error) => errors.push(error) });
  const write = store.write.bind(store);
  Object.assign(store, { write: () => Promise.reject(new StoreError("unavailable", "disk full")) });
  const session = insights.connected(proxy, start("s1"));
  session.identity({
    issuedBackend: "b",
    supportedBackends: [],
    issued: { at: "2026-11-23T10:00:00Z", expires: "2026-11-24T10:00:00Z" },
  });
  await insights.flush();
  assert.equal(errors.length, 1);
  Object.assign(store, { write });
  await insights.flush();
  assert.equal(specOf(store)?.mTLS?.certificateRegenerations, 1);
});

test("a proxy without a Dataplane waits for it; one whose Dataplane went writes nothing", async () => {
  const { store, insights, start } = await setUp({}, []);
  const session = insights.connected(proxy, start("s1"));
  await insights.flush();
  assert.equal(store.revision, 0);
  await store.write([{ op: "create", resource: { type: "Dataplane", ...proxy, labels: {}, spec: {} } }]);
  await insights.flush();
  assert.equal(specOf(store)?.subscriptions?.length, 1);
  await store.write([{ op: "delete", key: { type: "Dataplane", ...proxy } }]);
  session.disconnected();
  await insights.flush();
  assert.equal(specOf(store), undefined);
});

test("close ends every subscription", async () => {
  const { store, insights, start } = await setUp();
  insights.connected(proxy, start("s1"));
  await insights.close();
  assert.ok(specOf(store)?.subscriptions?.[0]?.disconnectTime);
});

test("a rejection of everything stays small", async () => {
  const { store, insights, start } = await setUp();
  const resources = Array.from({ length: 500 }, (_, index) => ({
    name: `c-${index}`,
    version: "1",
    origins: [],
  }));
  insights
    .connected(proxy, start("s1"))
    .answered({ type: "cluster", revision: 1, rejected: { message: "no", resources } });
  await insights.flush();
  assert.equal(specOf(store)?.rejections?.length, 20);
});

test("subscriptions of a killed control plane are closed", async () => {
  const { store, insights, start } = await setUp();
  insights.connected(proxy, start("s1"));
  await insights.flush();
  assert.deepEqual([...(await closeAbandonedSubscriptions(store, (id) => id === "cp-1", NOON))], []);
  const abandoned = await closeAbandonedSubscriptions(store, () => false, NOON + 5000);
  assert.equal(abandoned.size, 1);
  assert.equal(specOf(store)?.subscriptions?.[0]?.disconnectTime, "2026-11-23T10:00:05.000000000Z");
  assert.deepEqual(store.get({ type: "DataplaneInsight", ...proxy })?.owner, { type: "Dataplane", ...proxy });
});
