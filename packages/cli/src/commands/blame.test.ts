import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const route = {
  type: "route",
  name: "kri_msvc_demo_z__api_http",
  parts: [{ kind: "outbound", destination: "kri_msvc_demo_z__api_http" }],
  policies: [
    {
      kind: "MeshTimeout",
      kri: "kri_mt_demo_z__slow_",
      name: "slow",
      revision: 12,
      modificationTime: "2026-11-23T10:00:00Z",
      rules: [
        { rule: "to[0]", fields: [{ path: "http.requestTimeout", value: "9s" }] },
        { rule: "to[1]", fields: [{ path: "idleTimeout", value: "1s", route: "kri_mhttpr_demo_z__r_" }] },
      ],
    },
    { kind: "MeshRetry", kri: "kri_mr_demo_z__gone_", name: "gone", rules: [] },
  ],
  sources: [{ kind: "MeshService", name: "api", revision: 3, modificationTime: "2026-11-22T10:00:00Z" }],
};
const listener = {
  type: "listener",
  name: "self_inbound_dp_main",
  parts: [{ kind: "inbound", section: "main", kri: "k" }],
  policies: [],
  sources: [],
};

test("blame: an overview of a proxy, and all about one resource", async () => {
  await using cp = await startFakeControlPlane({
    "GET /meshes/demo/dataplanes/web-1/_blame": ({ query }) => {
      const name = query.get("name");
      if (name === "none") return { status: 404, body: {} };
      const items = name === null ? [route, listener] : [route];
      return { body: { total: items.length, items } };
    },
  });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal(
    (await sandbox.run("blame", "web-1", "-m", "demo")).out,
    `TYPE       NAME                        MADE FOR            SHAPED BY
route      kri_msvc_demo_z__api_http   outbound api:http   MeshTimeout slow to[0] to[1], MeshRetry gone
listener   self_inbound_dp_main        inbound main        -
`,
  );
  assert.equal(
    (await sandbox.run("blame", "web-1", "kri_msvc_demo_z__api_http", "-m", "demo", "--type=route")).out,
    `route kri_msvc_demo_z__api_http
  made for: outbound api:http
  MeshTimeout "slow", revision 12 of 2026-11-23T10:00:00Z
    to[0]
      http.requestTimeout = 9s
    to[1]
      idleTimeout = 1s (on route r)
  MeshRetry "gone" (gone since)
  MeshService "api", revision 3 of 2026-11-22T10:00:00Z
`,
  );
  assert.ok(
    cp.log().includes("GET /meshes/demo/dataplanes/web-1/_blame?type=route&name=kri_msvc_demo_z__api_http"),
  );
  const missing = await sandbox.run("blame", "web-1", "none", "-m", "demo");
  assert.deepEqual([missing.code, /"blame web-1" lists those/.test(missing.err)], [1, true]);
});

test("inspect dataplane --type=fields: what is in force, field by field, of all parts or of one", async () => {
  const base = "/meshes/demo/dataplanes/web-1";
  const policies = (kind: string, ...fields: readonly unknown[]) => ({
    body: { policies: [{ kind, fields }] },
  });
  const field = (path: string, value: unknown, extra: object = {}) => ({
    path,
    value,
    kri: "kri_mt_demo_z__slow_",
    rule: "to[0]",
    ...extra,
  });
  await using cp = await startFakeControlPlane({
    [`GET ${base}/_layout`]: {
      body: {
        inbounds: [{ kri: "kri_dp_demo_z__web-1_main" }],
        outbounds: [{ kri: "kri_msvc_demo_z__api_http" }],
      },
    },
    [`GET ${base}/_policies`]: { body: { policies: [] } },
    [`GET ${base}/_inbounds/kri_dp_demo_z__web-1_main/_policies`]: policies(
      "MeshTimeout",
      field("idleTimeout", "3s", { caller: { sni: "x" } }),
    ),
    [`GET ${base}/_outbounds/kri_msvc_demo_z__api_http/_policies`]: policies(
      "MeshRetry",
      field("http.numRetries", 2),
    ),
    [`GET ${base}/_rules`]: {
      body: { rules: [{ type: "MeshHTTPRoute", warnings: ["r to[0]: db:5432 speaks tcp only"] }] },
    },
  });
  using sandbox = createSandbox({ url: cp.url });
  const run = (...args: readonly string[]) =>
    sandbox.run("inspect", "dataplane", "web-1", "-m", "demo", ...args);
  assert.equal(
    (await run("--type=fields")).out,
    `PART                POLICY        FIELD             VALUE   FOR           FROM
inbound main        MeshTimeout   idleTimeout       3s      {"sni":"x"}   slow to[0]
outbound api:http   MeshRetry     http.numRetries   2       everybody     slow to[0]
Warning: MeshHTTPRoute r to[0]: db:5432 speaks tcp only
`,
  );
  assert.doesNotMatch((await run("--type=fields", "--outbound", "api")).out, /inbound/);
  assert.doesNotMatch((await run("--type=fields", "--inbound", "main")).out, /outbound/);
  const none = await run("--type=fields", "--outbound", "db");
  assert.deepEqual([none.code, /no outbound "db": there are api:http/.test(none.err)], [1, true]);
  assert.equal((await run("--inbound", "main")).code, 2);
});

test("inspect dataplane --type=fields: a listener by which others leave the mesh is an inbound", async () => {
  const base = "/meshes/demo/dataplanes/way-out";
  const kri = "kri_dp_demo_z__way-out_ze-port";
  const fields = [{ path: "idleTimeout", value: "3s", kri: "kri_mt_demo_z__slow_", rule: "rules[0]" }];
  await using cp = await startFakeControlPlane({
    [`GET ${base}/_layout`]: {
      body: { inbounds: [], listeners: [{ kri, type: "ZoneEgress" }], outbounds: [] },
    },
    [`GET ${base}/_inbounds/${kri}/_policies`]: { body: { policies: [{ kind: "MeshTimeout", fields }] } },
  });
  using sandbox = createSandbox({ url: cp.url });
  const { out } = await sandbox.run(
    ...["inspect", "dataplane", "way-out", "-m", "demo", "--type=fields", "--inbound", "ze-port"],
  );
  assert.match(out, /inbound ze-port +MeshTimeout +idleTimeout +3s +everybody +slow rules\[0\]/);
});
