import assert from "node:assert/strict";
import { test } from "node:test";
import { coreKinds } from "@skein/model";
import { policyKinds } from "@skein/policies/kinds";
import { createKinds } from "../kinds.ts";
import { startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const found = (severity: string) => ({
  code: "SK0202",
  severity,
  resource: { type: "Dataplane", mesh: "demo", name: "web-1" },
  path: "networking.outbound[0]",
  message: 'there is no MeshService "api"',
  fix: "correct backendRef",
});

async function analyzed(items: readonly unknown[], ...args: readonly string[]) {
  await using cp = await startFakeControlPlane({
    "GET /meshes/demo/_analysis": { body: { total: items.length, items, next: null } },
  });
  using sandbox = createSandbox({ url: cp.url });
  return await sandbox.run("analyze", "-m", "demo", ...args);
}

test("findings as a table, with an exit code for what is wrong", async () => {
  assert.deepEqual(await analyzed([]), { code: 0, out: "Nothing found\n", err: "" });
  const { code, out, err } = await analyzed([found("error")]);
  assert.deepEqual([code, err], [2, ""]);
  assert.equal(
    out,
    `CODE     SEVERITY   WHERE                                         WHAT
SK0202   error      Dataplane demo/web-1 networking.outbound[0]   there is no MeshService "api". Fix: correct backendRef
`,
  );
});

test("warnings fail only where they should, and what is filtered out does not count", async () => {
  assert.equal((await analyzed([found("warning")])).code, 0);
  assert.equal((await analyzed([found("warning")], "--strict")).code, 1);
  assert.equal((await analyzed([found("info")], "--strict")).code, 0);
  const filtered = await analyzed([found("warning")], "--strict", "--severity", "error", "-o", "json");
  assert.deepEqual([filtered.code, JSON.parse(filtered.out)], [0, { total: 0, items: [] }]);
  const wrong = await analyzed([], "--severity", "warn");
  assert.deepEqual([wrong.code, /one of info, warning, error/.test(wrong.err)], [2, true]);
});

const mesh = `type: Mesh
name: demo
meshServices: {mode: Exclusive}
---
type: Dataplane
mesh: demo
name: web-1
labels: {kuma.io/workload: web}
networking:
  address: 127.0.0.1
  inbound: [{port: 8080, protocol: http}]
  outbound: [{port: 10001, backendRef: {kind: MeshService, name: api, port: 8080}}]
`;

test("files are analyzed without a control plane", async () => {
  using sandbox = createSandbox();
  const file = sandbox.file("mesh.yaml", mesh);
  const { code, out } = await sandbox.run("analyze", "-f", file, "-o", "json");
  assert.equal(code, 2);
  assert.deepEqual(
    JSON.parse(out).items.map((item: { code: string; message: string }) => [item.code, item.message]),
    [["SK0202", 'there is no MeshService "api"']],
  );
  const more = sandbox.file(
    "api.yaml",
    mesh
      .split("---\n")[1]
      ?.replaceAll("web", "api")
      .replace(/ {2}outbound.*\n/, "") ?? "",
  );
  assert.deepEqual(await sandbox.run("analyze", "-f", file, "-f", more), {
    code: 0,
    out: "Nothing found\n",
    err: "",
  });
  const alone = await sandbox.run("analyze", "-f", more);
  assert.equal(
    alone.err,
    'Note: there is no Mesh "demo": it is taken to have meshServices.mode: Exclusive and the default policies\n',
  );
});

test("an older form is warned of, but not in the policies that every new mesh starts with", async () => {
  using sandbox = createSandbox({ loadKinds: async () => createKinds([...coreKinds, ...policyKinds]) });
  const timeout = (name: string) =>
    `type: MeshTimeout\nmesh: demo\nname: ${name}\nspec:\n  from: [{targetRef: {kind: Mesh}, default: {idleTimeout: 1h}}]\n`;
  const warned = async (name: string): Promise<boolean> =>
    (await sandbox.run("analyze", "-f", sandbox.file("timeout.yaml", timeout(name)))).err.includes(
      "spec.from is deprecated",
    );
  assert.equal(await warned("mine"), true);
  assert.equal(await warned("mesh-timeout-all-demo"), false);
});

test("a file with a mistake is refused as apply refuses it", async () => {
  using sandbox = createSandbox();
  const file = sandbox.file("mesh.yaml", mesh.replace("address:", "adress:"));
  const { code, err } = await sandbox.run("analyze", "-f", file);
  assert.equal(code, 1);
  assert.match(err, /mesh\.yaml:10:3.*did you mean `address`/);
});
