import assert from "node:assert/strict";
import { test } from "node:test";
import { list, problem, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const subscription = {
  connectTime: "2026-11-23T10:00:00Z",
  status: { lastUpdateTime: "2026-11-23T11:59:00Z", total: { responsesSent: "20", responsesRejected: "1" } },
  version: {
    kumaDp: { version: "2.14.3" },
    kumaCp: { version: "2.14.3" },
    envoy: { version: "1.40.0" },
    dependencies: { coredns: "1.12" },
  },
  config: '{"store":{"type":"postgres"}}',
};
const ended = { ...subscription, disconnectTime: "2026-11-23T10:30:00Z" };

test("inspect dataplanes: one line per proxy with connection and certificate", async () => {
  await using cp = await startFakeControlPlane({
    "GET /meshes/demo/dataplanes/_overview": list(
      {
        mesh: "demo",
        name: "web-1",
        dataplane: { networking: { inbound: [{ tags: { "kuma.io/service": "web" } }] } },
        dataplaneInsight: {
          subscriptions: [ended, subscription],
          mTLS: {
            certificateExpirationTime: "2026-11-24T10:00:00.5Z",
            lastCertificateRegeneration: "2026-11-23T10:00:00Z",
            certificateRegenerations: 3,
            issuedBackend: "ca-1",
            supportedBackends: ["ca-1", "ca-2"],
          },
        },
      },
      { mesh: "demo", name: "web-2", dataplane: { networking: { inbound: [] } } },
      {
        mesh: "demo",
        name: "web-3",
        dataplane: { networking: { inbound: [{ state: "NotReady" }, { state: "Ready" }] } },
        dataplaneInsight: { subscriptions: [subscription] },
      },
    ),
  });
  using sandbox = createSandbox({ url: cp.url });
  const { code, out } = await sandbox.run(
    "inspect",
    "dataplanes",
    "-m",
    "demo",
    "--tag",
    "kuma.io/service=web",
    "--gateway=true",
  );
  assert.equal(code, 0);
  const rows = out
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {3,}/));
  assert.deepEqual(rows, [
    [
      "MESH",
      "NAME",
      "TAGS",
      "STATUS",
      "LAST CONNECTED AGO",
      "LAST UPDATED AGO",
      "TOTAL UPDATES",
      "TOTAL ERRORS",
      "CERT REGENERATED AGO",
      "CERT EXPIRATION",
      "CERT REGENERATIONS",
      "CERT BACKEND",
      "SUPPORTED CERT BACKENDS",
      "KUMA-DP VERSION",
      "ENVOY VERSION",
      "DEPENDENCIES VERSIONS",
      "NOTES",
    ],
    [
      "demo",
      "web-1",
      "kuma.io/service=web",
      "Online",
      "2h",
      "1m",
      "40",
      "2",
      "2h",
      "2026-11-24 10:00:00",
      "3",
      "ca-1",
      "ca-1,ca-2",
      "2.14.3",
      "1.40.0",
      "coredns: 1.12",
    ],
    ["demo", "web-2", "Offline", "never", "never", "0", "0", "never", "-", "0", "-", "-"],
    [
      "demo",
      "web-3",
      "Partially degraded",
      "2h",
      "1m",
      "20",
      "1",
      "never",
      "-",
      "0",
      "-",
      "2.14.3",
      "1.40.0",
      "coredns: 1.12",
    ],
  ]);
  assert.equal(
    cp.log()[0],
    "GET /meshes/demo/dataplanes/_overview?size=1000&tag=kuma.io%2Fservice%3Aweb&gateway=true",
  );
});

test("inspect meshes, services, zones and zone proxies", async () => {
  await using cp = await startFakeControlPlane({
    "GET /mesh-insights": list({
      name: "demo",
      dataplanes: { online: 2, total: 3 },
      policies: { TrafficRoute: { total: 4 } },
    }),
    "GET /meshes/default/service-insights": list(
      { name: "web", status: "partially_degraded", dataplanes: { online: 1, total: 2 } },
      { name: "db", status: "online", dataplanes: {} },
    ),
    "GET /zones/_overview": list(
      { name: "east", zone: { enabled: true }, zoneInsight: { subscriptions: [subscription] } },
      { name: "west", zone: { enabled: false }, zoneInsight: { subscriptions: [subscription] } },
      { name: "new", zone: {} },
    ),
    "GET /zoneingresses/_overview": list({
      name: "in-1",
      zoneIngressInsight: { subscriptions: [subscription] },
    }),
    "GET /zoneegresses/_overview": list({ name: "out-1", zoneEgressInsight: { subscriptions: [ended] } }),
  });
  using sandbox = createSandbox({ url: cp.url });
  const out = async (...args: readonly string[]): Promise<string> =>
    (await sandbox.run("inspect", ...args)).out;
  assert.match(
    await out("meshes"),
    /^MESH {3}DATAPLANES {3}TRAFFIC PERMISSIONS {3}TRAFFIC ROUTES {3}.*RATE LIMITS\ndemo {3}2\/3 {10}0 {21}4 /,
  );
  assert.equal(
    await out("services"),
    "SERVICE   STATUS               DATAPLANES\nweb       Partially degraded   1/2\ndb        Online               0/0\n",
  );
  assert.equal(
    await out("zones"),
    `NAME   STATUS    LAST CONNECTED AGO   LAST UPDATED AGO   TOTAL UPDATES   TOTAL ERRORS   ZONE-CP VERSION   BACKEND
east   Online    2h                   1m                 20              1              2.14.3            postgres
west   Offline   2h                   1m                 20              1              2.14.3            postgres
new    Offline   never                never              0               0
`,
  );
  assert.match(
    await out("zone-ingresses"),
    /^NAME .*ENVOY VERSION\nin-1 {3}Online .* 2\.14\.3 {12}1\.40\.0\n$/,
  );
  assert.match(await out("zoneegresses"), /\nout-1 {3}Offline /);
  assert.equal(JSON.parse(await out("meshes", "-o", "json")).items[0].name, "demo");
});

test("the zone of the control plane that answers is online, though no insight says so", async () => {
  const config = { mode: "zone", multizone: { zone: { name: "here" } }, store: { type: "sqlite" } };
  const zones = { "GET /zones/_overview": list({ name: "here", zone: {} }, { name: "there", zone: {} }) };
  await using zone = await startFakeControlPlane({ ...zones, "GET /config": { body: config } });
  using own = createSandbox({ url: zone.url });
  assert.equal(
    (await own.run("inspect", "zones")).out,
    `NAME    STATUS    LAST CONNECTED AGO   LAST UPDATED AGO   TOTAL UPDATES   TOTAL ERRORS   ZONE-CP VERSION   BACKEND
here    Online    -                    -                  -               -              2.14.3            sqlite
there   Offline   never                never              0               0
`,
  );
  for (const reply of [{ body: { ...config, mode: "global" } }, problem(403, "Access Denied", "no")]) {
    await using other = await startFakeControlPlane({ ...zones, "GET /config": reply });
    using sandbox = createSandbox({ url: other.url });
    assert.match((await sandbox.run("inspect", "zones")).out, /^here {4}Offline/m);
  }
});

const origin = (name: string): unknown => [{ resourceMeta: { type: "MeshTimeout", name }, ruleIndex: 0 }];
const rules = {
  rules: [
    {
      type: "MeshTimeout",
      toResourceRules: [
        {
          resourceMeta: { type: "MeshService", name: "api" },
          resourceSectionName: "http",
          origin: origin("slow"),
        },
      ],
      inboundRules: [
        { inbound: { name: "main", port: 8080 }, rules: [{ conf: [], origin: origin("in-slow") }] },
      ],
      toRules: [
        { matchers: [{ key: "kuma.io/service", value: "db", not: true }], origin: [{ name: "old" }] },
      ],
      warnings: ["something is odd"],
    },
    { type: "MeshMetric", proxyRule: { conf: {}, origin: [{ name: "metrics" }] } },
  ],
};

test("inspect dataplane NAME: the policies on a proxy", async () => {
  await using cp = await startFakeControlPlane({
    "GET /meshes/default/dataplanes/web-1/_rules": { body: rules },
  });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal(
    (await sandbox.run("inspect", "dataplane", "web-1")).out,
    `DATAPLANE:
  MeshMetric
    metrics

INBOUND main(8080):
  MeshTimeout
    in-slow

OUTBOUND MeshService api:http:
  MeshTimeout
    slow

OUTBOUND kuma.io/service!=db:
  MeshTimeout
    old
Warning: something is odd
`,
  );
  assert.deepEqual(JSON.parse((await sandbox.run("inspect", "dataplane", "web-1", "-o", "json")).out), rules);
});

test("an older control plane's policies are shown alike", async () => {
  const items = [
    {
      type: "inbound",
      name: "127.0.0.1:80:81",
      service: "web",
      matchedPolicies: { TrafficPermission: [{ name: "allow-all" }] },
    },
    { type: "dataplane", name: "", service: "", matchedPolicies: { TrafficTrace: [{ name: "trace" }] } },
  ];
  await using cp = await startFakeControlPlane({
    "GET /meshes/default/dataplanes/web-1/policies": { body: { items } },
  });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal(
    (await sandbox.run("inspect", "dataplane", "web-1", "--type=policies")).out,
    "DATAPLANE:\n  TrafficTrace\n    trace\n\nINBOUND 127.0.0.1:80:81(web):\n  TrafficPermission\n    allow-all\n",
  );
});

test("inspect dataplane NAME --type: what Envoy says, what it was told, and why", async () => {
  const base = "/meshes/demo/dataplanes/web-1";
  await using cp = await startFakeControlPlane({
    [`GET ${base}/xds`]: { body: { configs: [] } },
    [`GET ${base}/stats`]: { body: "a: 1\n" },
    [`GET ${base}/clusters`]: { body: "c::1" },
    [`GET ${base}/_config`]: { body: { xds: {} } },
    [`GET ${base}/_plan`]: { body: { identity: null } },
    "GET /zoneingresses/in-1/stats": { body: "b: 2\n" },
    "GET /meshes/demo/dataplanes/nope/_rules": problem(404, "Could not retrieve a resource", "Not found"),
  });
  using sandbox = createSandbox({ url: cp.url });
  const run = (...args: readonly string[]) =>
    sandbox.run("inspect", "dataplane", "web-1", "-m", "demo", ...args);
  assert.equal((await run("--type=config-dump", "--include-eds")).out, '{"configs":[]}\n');
  assert.equal((await run("--type=stats")).out, "a: 1\n");
  assert.equal((await run("--type=clusters")).out, "c::1\n");
  assert.equal((await run("--type=config", "--shadow", "--include", "diff")).out, '{"xds":{}}\n');
  assert.equal((await run("--type=plan")).out, '{\n  "identity": null\n}\n');
  assert.equal((await run("--type=plan", "-o", "yaml")).out, "identity: null\n");
  assert.equal((await sandbox.run("inspect", "zoneingress", "in-1", "--type=stats")).out, "b: 2\n");
  assert.ok(cp.log().includes(`GET ${base}/xds?include_eds=true`));
  assert.ok(cp.log().includes(`GET ${base}/_config?shadow=true&include=diff`));
  const stray = await run("--shadow");
  assert.deepEqual(
    [stray.code, stray.err.split("\n")[0]],
    [2, "Error: --shadow can only be used with --type=config"],
  );
  assert.match((await run("--type=stat")).err, /must be one of .*did you mean "stats"\?/);
  const missing = await sandbox.run("inspect", "dataplane", "nope", "-m", "demo");
  assert.deepEqual([missing.code, missing.err], [1, "Error: Could not retrieve a resource (Not found)\n"]);
});

test("inspect POLICY NAME: the proxies it affects, over every page", async () => {
  const path = "/meshes/demo/meshtimeouts/slow/_resources/dataplanes";
  await using cp = await startFakeControlPlane({
    [`GET ${path}`]: ({ query }) => ({
      body:
        query.get("offset") === "1"
          ? { total: 2, items: [{ name: "web-2" }] }
          : { total: 2, items: [{ name: "web-1" }], next: `http://fake${path}?offset=1` },
    }),
    "GET /meshes/demo/meshgateways/edge/dataplanes": list({ dataplane: { mesh: "demo", name: "edge-1" } }),
  });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal(
    (await sandbox.run("inspect", "meshtimeout", "slow", "-m", "demo")).out,
    "Affected data plane proxies:\n\n  web-1\n  web-2\n",
  );
  assert.equal((await sandbox.run("inspect", "meshtimeout", "slow", "-m", "demo", "--new-api")).code, 0);
  assert.equal((await sandbox.run("inspect", "meshgateway", "edge", "-m", "demo")).out, "edge-1\n");
  const notPolicy = await sandbox.run("inspect", "mesh", "demo");
  assert.match(notPolicy.err, /Mesh is not a policy/);
  const typo = await sandbox.run("inspect", "meshtimout", "slow");
  assert.deepEqual([typo.code, /did you mean "meshtimeout/.test(typo.err)], [2, true]);
});
