import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { collectGarbage } from "../collect-garbage.ts";
import { stored } from "../pipeline/testing/resources.ts";
import { type Draft, PreviewsBusy } from "./port.ts";
import { LIMITS } from "./report.ts";
import { liveWorld, put, shop } from "./testing/live-world.ts";

const MINUTE = AbortSignal.timeout(60_000);
const retry = (numRetries: number) => ({
  type: "MeshRetry",
  mesh: "default",
  name: "r",
  spec: { to: [{ targetRef: { kind: "Mesh" }, default: { http: { numRetries } } }] },
});
/** Without the labels of the zone that test resources are of: it is not this one. */
const written = (document: object) => ({
  op: "put" as const,
  resource: { ...stored(document, 1), labels: {} },
});
const write = (numRetries: number) => async (draft: Draft) => {
  await draft.store.write([written(retry(numRetries))]);
};

test("one preview at a time, a few may wait, more are told to come back", async () => {
  const { api, previews } = liveWorld({ queue: 1 });
  await put(api, ...shop(1));
  let running = 0;
  let most = 0;
  const slow = async () => {
    running += 1;
    most = Math.max(most, running);
    await delay(5);
    running -= 1;
  };
  const two = [previews.preview(slow, MINUTE), previews.preview(slow, MINUTE)];
  await assert.rejects(previews.preview(slow, MINUTE), PreviewsBusy);
  await Promise.all(two);
  assert.equal(most, 1);
  await previews.preview(slow, MINUTE);
});

test("one that fails, and one whose client has gone, hold up no other", async () => {
  const { api, previews } = liveWorld();
  await put(api, ...shop(1));
  const failing = previews.preview(async () => {
    throw new Error("refused");
  }, MINUTE);
  const leaving = previews.preview(write(1), AbortSignal.abort(new Error("gone")));
  const staying = previews.preview(write(1), MINUTE);
  await assert.rejects(failing, /refused/);
  await assert.rejects(leaving, /gone/);
  assert.equal((await staying).effects.proxies.changed, 1);
});

test("the event loop gets its turn", async () => {
  const { api, previews } = liveWorld();
  await put(api, ...shop(100));
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await previews.preview(write(1), MINUTE);
  clearInterval(timer);
  assert.ok(turns > 0, "no timer fired while it ran");
});

test("an answer has room for so much, and says how much there is", async () => {
  const { api, previews } = liveWorld({ limits: { ...LIMITS, names: 2, fields: 1 } });
  await put(api, ...shop(5));
  const { effects } = await previews.preview(async (draft) => {
    await write(1)(draft);
    const timeout = {
      type: "MeshTimeout",
      mesh: "default",
      name: "t",
      spec: { to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "7s" } }] },
    };
    await draft.store.write([written(timeout)]);
  }, MINUTE);
  const [group] = effects.proxies.groups.items;
  assert.deepEqual(group?.proxies, { total: 5, items: ["web-0", "web-1"] });
  assert.deepEqual([effects.diff.total, effects.diff.items.length], [2, 1]);
});

test("previews leave nothing behind", async () => {
  const { api, previews, world, table } = liveWorld();
  await put(api, ...shop(20));
  const mesh = world.mesh("default");
  const configs = mesh.index.dataplaneNames().map((name) => mesh.config.at(name).get());
  const held = table.size;
  for (let i = 1; i <= 10; i++) {
    const { effects } = await previews.preview(write(i), MINUTE);
    assert.equal(effects.proxies.changed, 20);
  }
  assert.ok(table.size > held, "previews encode nothing of their own: this test says nothing");
  assert.deepEqual(
    mesh.index.dataplaneNames().map((name) => mesh.config.at(name).get() === configs.shift()),
    mesh.index.dataplaneNames().map(() => true),
  );
  for (const deadline = Date.now() + 5000; table.size > held && Date.now() < deadline; ) {
    // Counting holds what it counts until the turn ends.
    await delay(20);
    collectGarbage();
  }
  assert.equal(table.size, held, "fragments of previews are still there");
});

test("the fields of a first fault are its rules, not the inner name of their shape", async () => {
  const { api, previews } = liveWorld();
  await put(api, ...shop(1));
  const { effects } = await previews.preview(async (draft) => {
    const rules = [{ default: { http: [{ abort: { httpStatus: 503, percentage: 1 } }] } }];
    const document = { type: "MeshFaultInjection", mesh: "default", name: "f", spec: { rules } };
    await draft.store.write([written(document)]);
  }, MINUTE);
  const fields = effects.diff.items.map(({ kind, field }) => `${kind} ${field}`);
  assert.deepEqual(new Set(fields), new Set(["MeshFaultInjection rules"]));
});

const TOP = { kind: "MeshGateway", name: "edge" };
const gateway = [
  {
    ...{ type: "Dataplane", mesh: "default", name: "edge-1", labels: { app: "edge" } },
    networking: { address: "127.0.9.1", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
  },
  {
    ...{ type: "MeshGateway", mesh: "default", name: "edge" },
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: { listeners: [{ port: 80, protocol: "HTTP" }] },
  },
  {
    ...{ type: "MeshHTTPRoute", mesh: "default", name: "all" },
    spec: {
      targetRef: TOP,
      to: [
        {
          targetRef: { kind: "Mesh" },
          rules: [
            {
              matches: [{ path: { type: "PathPrefix", value: "/" } }],
              default: { backendRefs: [{ kind: "MeshService", name: "api", port: 80 }] },
            },
          ],
        },
      ],
    },
  },
];

test("what changes at a gateway: its clients, its listeners, its calls", async () => {
  const { api, previews } = liveWorld();
  await put(api, ...shop(1), ...gateway);
  const effectsOf = async (type: string, spec: object) =>
    (
      await previews.preview(async (draft) => {
        await draft.store.write([written({ type, mesh: "default", name: "p", spec })]);
      }, MINUTE)
    ).effects;
  const told = ({ diff }: Awaited<ReturnType<typeof effectsOf>>) =>
    diff.items.map(({ part, kind, field, after, places }) => [part, kind, field, after, places.items.join()]);

  const clients = await effectsOf("MeshTimeout", {
    targetRef: TOP,
    rules: [{ default: { idleTimeout: "1m" } }],
  });
  assert.equal(clients.proxies.changed, 1);
  assert.deepEqual(told(clients), [["inbound", "MeshTimeout", "idleTimeout", "1m0s", "80:*"]]);
  const to = (conf: object) => ({ targetRef: TOP, to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
  const calls = await effectsOf("MeshRetry", to({ http: { numRetries: 2 } }));
  assert.deepEqual(told(calls), [
    ["outbound", "MeshRetry", "http.numRetries", 2, "kri_msvc_default_zone-1__api_http"],
  ]);
  const rate = { local: { http: { requestRate: { num: 5, interval: "1s" } } } };
  const limit = await effectsOf("MeshRateLimit", to(rate));
  assert.deepEqual(
    told(limit)
      .map(([part, kind, field, , place]) => [part, kind, field, place])
      .sort(),
    [
      ["inbound", "MeshRateLimit", "local.http.requestRate.interval", "80:*"],
      ["inbound", "MeshRateLimit", "local.http.requestRate.num", "80:*"],
    ],
  );
  assert.equal(
    (await effectsOf("MeshRateLimit", { ...to(rate), targetRef: { ...TOP, name: "else" } })).proxies.changed,
    0,
  );
});

test("whom a gateway may call is among the pairs, with the gateway as the caller", async () => {
  const { api, previews, world } = liveWorld();
  const spec = {
    selector: { dataplane: { matchLabels: {} } },
    spiffeID: { trustDomain: "td", path: '/{{ label "app" }}' },
    provider: {
      type: "Bundled",
      bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
    },
  };
  const allow = (app: string) => ({
    ...{ type: "MeshTrafficPermission", mesh: "default", name: "p" },
    spec: { rules: [{ default: { allow: [{ spiffeID: { type: "Exact", value: `spiffe://td/${app}` } }] } }] },
  });
  const identity = { type: "MeshIdentity", mesh: "default", name: "i", spec };
  await put(api, ...shop(1), ...gateway, identity, allow("edge"));
  world.mesh("default").stage.set("kri_mid_default_zone-1__i_", "enforced");
  const { effects } = await previews.preview(async (draft) => {
    await draft.store.write([written(allow("web"))]);
  }, MINUTE);
  const pairs = effects.access.items.map(
    ({ source, destination, change }) => `${source} ${destination} ${change}`,
  );
  assert.ok(pairs.includes("edge api newly-denied"), pairs.join("\n"));
  assert.ok(!pairs.some((pair) => pair.includes(" edge ")), "nobody of the mesh calls a gateway");
});

test("what would become of a gateway: its listeners, its routes and what it calls", async () => {
  const { api, previews } = liveWorld();
  const gateway = {
    ...{
      type: "MeshGateway",
      mesh: "default",
      name: "g",
      selectors: [{ match: { "kuma.io/service": "edge" } }],
    },
    conf: { listeners: [{ port: 80, protocol: "HTTP" }] },
  };
  const edge = {
    ...{ type: "Dataplane", mesh: "default", name: "edge-1" },
    networking: { address: "127.0.9.9", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
  };
  await put(api, ...shop(1), gateway, edge);
  const route = {
    ...{ type: "MeshHTTPRoute", mesh: "default", name: "r" },
    spec: {
      targetRef: { kind: "MeshGateway", name: "g" },
      to: [
        {
          targetRef: { kind: "Mesh" },
          rules: [
            {
              matches: [{ path: { type: "PathPrefix", value: "/" } }],
              default: { backendRefs: [{ kind: "MeshServiceSubset", name: "nobody", tags: {} }] },
            },
          ],
        },
      ],
    },
  };
  const { effects } = await previews.preview(async (draft) => {
    await draft.store.write([written(route)]);
  }, MINUTE);
  assert.equal(effects.proxies.changed, 1);
  const [change] = effects.diff.items.filter(({ kind }) => kind === "MeshHTTPRoute");
  assert.deepEqual([change?.part, change?.places.items], ["inbound", ["80:*"]]);
});
