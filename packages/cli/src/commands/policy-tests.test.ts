import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { skeinKinds } from "../skein-kinds.ts";
import { createSandbox, type Sandbox } from "../testing/run-command.ts";

const MESH = `type: Mesh
name: default
meshServices: {mode: Exclusive}
skipCreatingInitialPolicies: ["*"]
---
type: Dataplane
mesh: default
name: portal-1
labels: {kuma.io/workload: portal}
networking:
  address: 127.0.1.1
  inbound: [{name: http, port: 8080, protocol: http}]
  outbound: [{port: 10001, backendRef: {kind: MeshService, name: check-in, port: 8080}}]
---
type: Dataplane
mesh: default
name: check-in-1
labels: {kuma.io/workload: check-in}
networking:
  address: 127.0.1.2
  inbound: [{name: http, port: 8080, protocol: http}]
`;
const IDENTITY = `---
type: MeshIdentity
mesh: default
name: everybody
spec:
  selector: {dataplane: {matchLabels: {}}}
  spiffeID: {trustDomain: air.test, path: "/{{ .Workload }}"}
  provider: {type: Bundled, bundled: {autogenerate: {enabled: true}, insecureAllowSelfSigned: true}}
`;

function prepared(sandbox: Sandbox, tests: unknown, mesh = MESH): string {
  sandbox.file("air/mesh.yaml", mesh);
  return sandbox.file("air/air.test.yaml", JSON.stringify({ resources: ["mesh.yaml"], tests }));
}

test("expectations that hold", async () => {
  using sandbox = createSandbox();
  const expect = {
    timeout: "15s",
    connectTimeout: "5s",
    idleTimeout: "1h",
    retries: 0,
    tls: false,
    decidedBy: "none",
    backends: { "check-in:8080": 100 },
  };
  const file = prepared(sandbox, [
    {
      name: "the portal may call",
      from: "portal",
      to: "check-in:8080",
      path: "/x",
      headers: { a: "b" },
      expect,
    },
    { name: "nobody calls the portal", from: "check-in", to: "portal", expect: { verdict: "refused" } },
  ]);
  assert.deepEqual(await sandbox.run("test", file), {
    code: 0,
    out: `${file}\n  ok    the portal may call\n  ok    nobody calls the portal\n\n2 tests, 0 failed\n`,
    err: "",
  });
});

test("expectations about routes, and what they say where they do not hold", async () => {
  using sandbox = createSandbox({ loadKinds: async () => skeinKinds() });
  const route = JSON.stringify({
    type: "MeshHTTPRoute",
    mesh: "default",
    name: "moved",
    spec: {
      to: [
        {
          targetRef: { kind: "MeshService", name: "check-in" },
          rules: [
            {
              matches: [{ path: { type: "PathPrefix", value: "/old" } }],
              default: { filters: [{ type: "RequestRedirect", requestRedirect: { port: 81 } }] },
            },
          ],
        },
      ],
    },
  });
  const ask = (path: string, expect: object) => ({
    name: path,
    from: "portal",
    to: "check-in",
    path,
    expect,
  });
  const file = prepared(
    sandbox,
    [
      ask("/old", { verdict: "redirected", location: "http://127.0.0.1:81/old", route: "moved" }),
      ask("/new", { route: "none", appPath: "/new" }),
      ask("/old/x", { verdict: "allowed", location: "http://h/", route: "none", appPath: "/" }),
    ],
    `${MESH}---\n${route}\n`,
  );
  const { code, out } = await sandbox.run("test", file);
  assert.equal(code, 1);
  assert.match(out, /ok {4}\/old\n {2}ok {4}\/new\n/);
  for (const line of [
    "verdict: expected allowed, got redirected",
    "location: expected http://h/, got http://127.0.0.1:81/old/x",
    "route: expected none, got kri_mhttpr_default_zone-1__moved_",
    "path at the application: expected /, got none",
  ]) {
    assert.ok(out.includes(line), out);
  }
});

test("a failure shows what was expected and the reasoning, in the pipeline's file too", async () => {
  using sandbox = createSandbox();
  const file = prepared(
    sandbox,
    [
      { name: 'may "call" <it>', from: "portal", to: "check-in", expect: { timeout: "3s", tls: true } },
      { name: "a typo", from: "protal", to: "check-in" },
    ],
    MESH + IDENTITY,
  );
  const report = sandbox.path("junit.xml");
  const { code, out } = await sandbox.run("test", file, "--junit", report);
  assert.equal(code, 1);
  assert.match(
    out,
    /FAIL {2}may "call" <it>\n {8}verdict: expected allowed, got denied\n {8}timeout: expected 3s, got 15s\n/,
  );
  assert.match(out, /STOP permission {2}no MeshTrafficPermission allows spiffe:\/\/air\.test\/portal/);
  assert.match(
    out,
    /FAIL {2}a typo\n {8}source: there is no dataplane or workload "protal"; did you mean "portal"\?/,
  );
  assert.match(out, /\n2 tests, 2 failed\n$/);
  const xml = readFileSync(report, "utf8");
  assert.match(xml, /<testsuites tests="2" failures="2">/);
  assert.match(
    xml,
    /name="may &quot;call&quot; &lt;it&gt;">\n {6}<failure message="verdict: expected allowed, got denied; /,
  );
  assert.doesNotMatch(xml.replaceAll(/<\/?[a-z?][^<>]*>/g, ""), /[<>]/);
});

test("each expectation can fail", async () => {
  using sandbox = createSandbox();
  const wrong: readonly (readonly [string, unknown])[] = [
    ["verdict", "denied"],
    ["verdict", "refused"],
    ["decidedBy", "somebody"],
    ["timeout", "none"],
    ["connectTimeout", "1s"],
    ["idleTimeout", "1s"],
    ["retries", 1],
    ["tls", true],
    ["backends", { "check-in:8080": 90, "other:80": 10 }],
  ];
  const tests = wrong.map(([field, value], i) => ({
    name: `${field} ${i}`,
    from: "portal",
    to: "check-in",
    expect: { [field]: value },
  }));
  const { code, out } = await sandbox.run("test", prepared(sandbox, tests), "-o", "json");
  const { total, failed } = JSON.parse(out);
  assert.deepEqual([code, total, failed], [1, wrong.length, wrong.length]);
});

test("a file that makes no sense is refused with positions and what was probably meant", async () => {
  using sandbox = createSandbox();
  const file = sandbox.file(
    "air.yaml",
    "resources: [mesh.yaml]\ntests:\n  - name: a\n    form: x\n    to: y\n    expect: {verdict: alowed, timeout: 5}\n",
  );
  const { code, err } = await sandbox.run("test", file);
  assert.equal(code, 2);
  assert.match(err, /air\.yaml:4:5: tests\[0\]\.form: unknown field, did you mean `from`\?/);
  assert.match(err, /tests\[0\]\.from: must be defined/);
  assert.match(err, /tests\[0\]\.expect\.verdict: .*allowed/);
  assert.match(err, /tests\[0\]\.expect\.timeout: must be a string/);
  assert.equal((await sandbox.run("test", sandbox.path("none.yaml"))).code, 1);
});

/** The portal calls `pay`, which is outside. */
const OUTSIDE = `${MESH.replace("outbound: [", "outbound: [{port: 10002, backendRef: {kind: MeshExternalService, name: pay}}, ")}---
type: MeshExternalService
mesh: default
name: pay
spec: {match: {type: HostnameGenerator, port: 443, protocol: http}, endpoints: [{address: pay.example, port: 443}]}
${IDENTITY}`;
const EGRESS = `${OUTSIDE.replace("meshServices: {mode: Exclusive}", "meshServices: {mode: Exclusive}\nrouting: {zoneEgress: true}")}---
type: Dataplane
mesh: default
name: way-out
labels: {kuma.io/workload: way-out}
networking: {address: 127.0.1.9, listeners: [{type: ZoneEgress, port: 10002}]}
---
type: MeshTrafficPermission
mesh: default
name: leave
spec:
  targetRef: {kind: Dataplane, labels: {kuma.io/listener-zoneegress: enabled}}
  rules:
    - default:
        allow:
          - spiffeID: {type: Exact, value: spiffe://air.test/portal}
            sni: {type: Exact, value: sni.extsvc.default.zone-1.pay.443}
`;

test("a service outside, through an egress and past it: who decides, and whether proxies speak mutual TLS", async () => {
  using sandbox = createSandbox({ loadKinds: async () => skeinKinds() });
  const toPay = (expect: object) => [{ name: "pay", from: "portal", to: "pay", expect }];
  const holds = async (mesh: string, expect: object): Promise<void> => {
    const { code, out } = await sandbox.run("test", prepared(sandbox, toPay(expect), mesh));
    assert.equal(code, 0, out);
  };
  await holds(EGRESS, { verdict: "allowed", decidedBy: "leave", tls: true, backends: { "pay:443": 100 } });
  const others = EGRESS.replace("air.test/portal}", "air.test/check-in}");
  await holds(others, { verdict: "denied", decidedBy: "none", tls: true });
  await holds(OUTSIDE, { verdict: "allowed", decidedBy: "none", tls: false, backends: { "pay:443": 100 } });
  const { out } = await sandbox.run("test", prepared(sandbox, toPay({ verdict: "allowed" }), others));
  assert.match(out, /pay:443 is called through a zone egress: 1 of 1 ready/);
  assert.match(out, /no MeshTrafficPermission allows spiffe:\/\/air\.test\/portal/);
});
