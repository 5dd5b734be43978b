import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { list, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const rejected = [
  { type: "listener", name: "in", message: "no\n filter chain", policies: ["kri_mt_demo___slow_"] },
];
const statuses = list(
  {
    mesh: "demo",
    name: "web-1",
    state: "in-sync",
    since: "2026-11-23T11:00:00Z",
    wantedRevision: 42,
    acknowledgedRevision: 42,
    rejected: [],
  },
  {
    mesh: "demo",
    name: "web-2",
    state: "rejected",
    since: "2026-11-23T11:59:50Z",
    wantedRevision: 42,
    acknowledgedRevision: 41,
    rejected,
  },
  {
    mesh: "demo",
    name: "web-3",
    state: "offline",
    since: "2026-11-20T12:00:00Z",
    wantedRevision: 42,
    rejected: [],
  },
);

test("proxy-status shows every proxy with what it holds against what it should", async () => {
  await using cp = await startFakeControlPlane({
    "GET /_proxy-status": statuses,
    "GET /meshes/demo/_proxy-status": statuses,
  });
  using sandbox = createSandbox({ url: cp.url });
  const table = `MESH   NAME    STATE      SINCE   REVISION   REJECTED
demo   web-1   in-sync    1h      42         -
demo   web-2   rejected   10s     41/42      listener in: no filter chain (from kri_mt_demo___slow_)
demo   web-3   offline    3d      -/42       -
`;
  const all = await sandbox.run("proxy-status");
  assert.deepEqual(all, { code: 0, out: table, err: "" });
  assert.equal((await sandbox.run("proxy-status", "-m", "demo", "--name", "web")).out, table);
  assert.equal(cp.log().at(-1), "GET /meshes/demo/_proxy-status?size=1000&name=web");
  const json = JSON.parse((await sandbox.run("proxy-status", "-o", "json")).out);
  assert.equal(json.items.length, 3);
  assert.match((await sandbox.run("proxy-status", "-o", "yaml")).out, /^items:\n {2}- mesh: demo\n/);
});

test("proxy-status tells the conditions of proxies below the table, where there are any", async () => {
  const conditions = [
    { type: "NoIdentity", message: "no MeshIdentity selects it" },
    { type: "UnresolvedOutbound", message: 'there is no\n MeshService "api"' },
  ];
  await using cp = await startFakeControlPlane({
    "GET /_proxy-status": list(
      { mesh: "demo", name: "web-1", state: "in-sync", conditions },
      { mesh: "demo", name: "web-2", state: "in-sync", conditions: [] },
    ),
  });
  using sandbox = createSandbox({ url: cp.url });
  const { out } = await sandbox.run("proxy-status");
  assert.equal(
    out.slice(out.indexOf("\n\n")),
    `

MESH   NAME    CONDITION            MESSAGE
demo   web-1   NoIdentity           no MeshIdentity selects it
demo   web-1   UnresolvedOutbound   there is no MeshService "api"
`,
  );
});

const pairs = [
  {
    source: "portal",
    destination: "check-in",
    port: 8080,
    verdict: "allow",
    policy: "kri_mtp_demo___a_",
    reason: "allowed by a",
  },
  {
    source: "portal",
    destination: "control",
    port: 8080,
    verdict: "deny",
    policy: null,
    reason: "no policy allows it",
  },
  {
    source: "check-in",
    destination: "control",
    port: 8080,
    verdict: "plaintext",
    policy: null,
    reason: "no mTLS",
  },
];

test("access is a grid with a legend of what it uses", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes/demo/_access": { body: { items: pairs } } });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal(
    (await sandbox.run("access", "-m", "demo")).out,
    `FROM \\ TO   check-in:8080   control:8080
check-in    -               plain
portal      allow           deny

  allow   may call, over mTLS
  deny    is refused
  plain   may call, without mTLS: nobody is identified
`,
  );
  assert.equal(
    (await sandbox.run("access", "-m", "demo", "--reasons")).out.split("\n")[1],
    "portal     check-in:8080   allow     kri_mtp_demo___a_   allowed by a",
  );
  assert.deepEqual(JSON.parse((await sandbox.run("access", "-m", "demo", "-o", "json")).out), {
    items: pairs,
  });
});

test("access marks what is outside the mesh, and says where nobody is asked", async () => {
  const outside = { source: "portal", port: 443, policy: null, reason: "a reason" };
  const items = [
    ...pairs.slice(0, 1),
    { ...outside, destination: "pay", outside: "egress", verdict: "deny" },
    { ...outside, destination: "maps", outside: "sidecar", verdict: "unchecked" },
    { ...outside, destination: "mail", outside: "sidecar", verdict: "unreachable" },
    { ...outside, destination: "news", outside: "egress", verdict: "differs" },
  ];
  await using cp = await startFakeControlPlane({ "GET /meshes/demo/_access": { body: { items } } });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal(
    (await sandbox.run("access", "-m", "demo")).out,
    `FROM \\ TO   check-in:8080   mail:443*   maps:443*   news:443*   pay:443*
portal      allow           no way      open        partly      deny

  allow   may call, over mTLS
  deny    is refused
  open    may call: its own proxy lets it out of the mesh, and no permission is asked
  no way  calls come to nothing; --reasons says why
  partly  is let out by some zone egresses and refused by others; --reasons says which
  *       outside the mesh: a MeshExternalService
`,
  );
  assert.equal(
    (await sandbox.run("access", "-m", "demo", "--reasons")).out.split("\n")[2],
    "portal   pay:443*        deny      -                   a reason",
  );
});

test("colour only on a terminal, and never with NO_COLOR", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes/demo/_access": { body: { items: pairs } } });
  using terminal = createSandbox({ url: cp.url, isTerminal: true });
  using plain = createSandbox({ url: cp.url, isTerminal: true, env: { NO_COLOR: "1" } });
  const coloured = (await terminal.run("access", "-m", "demo")).out;
  const uncoloured = (await plain.run("access", "-m", "demo")).out;
  assert.ok(coloured.includes("\u001b[32mallow\u001b[0m"));
  assert.ok(!uncoloured.includes("\u001b"));
  assert.equal(stripVTControlCharacters(coloured), uncoloured);
});

test("a mesh in which nobody calls", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes/default/_access": { body: { items: [] } } });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal((await sandbox.run("access")).out, 'No service of mesh "default" has a caller\n');
});
