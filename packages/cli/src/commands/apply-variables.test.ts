import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const template = `type: MeshTimeout
mesh: {{ mesh }}
name: slow
labels:
  owner: "{{ owner.name }}"
{{#strict}}
  strict: "yes"
{{/strict}}
spec: {}
`;

test("-v fills in values as they are, dots nest, sections may test for what is not set", async () => {
  await using cp = await startFakeControlPlane({ "PUT /meshes/demo/meshtimeouts/slow": { status: 201 } });
  using sandbox = createSandbox({ url: cp.url, stdin: template.replace("owner.name }}", "owner.name }}-1") });
  const { code } = await sandbox.run("apply", "-f", "-", "-v", "mesh=demo", "-v", "owner.name=a.b");
  assert.equal(code, 0);
  const body = cp.requests.at(-1)?.body;
  assert.deepEqual(body, {
    type: "MeshTimeout",
    mesh: "demo",
    name: "slow",
    labels: { owner: "a.b-1" },
    spec: {},
  });
});

test("values are not HTML-escaped", async () => {
  using sandbox = createSandbox({ stdin: 'type: Mesh\nname: demo\nmeshServices: {mode: "{{ mode }}"}\n' });
  const { err } = await sandbox.run("apply", "--dry-run", "-f", "-", "-v", "mode=a&b<c>");
  assert.doesNotMatch(err, /&amp;|&lt;/);
});

test("a variable without a value is refused with its position and the nearest name", async () => {
  using sandbox = createSandbox();
  const file = sandbox.file("t.yaml", template);
  const { code, err } = await sandbox.run("apply", "-f", file, "-v", "mehs=demo", "-v", "owner.name=a");
  assert.equal(code, 1);
  assert.equal(
    err,
    `Error: ${file}: a variable has no value\n* ${file}:2:7: {{ mesh }} is not set: add -v mesh=<value>; did you mean "mehs"?\n`,
  );
});

test("without -v the braces stay and the error points to -v", async () => {
  using sandbox = createSandbox({ stdin: "type: Mesh\nname: {{ name }}\n" });
  const { code, err } = await sandbox.run("apply", "-f", "-");
  assert.equal(code, 1);
  assert.match(err, /stdin:2:8: a key must be text.*\(values for \{\{ \}\} are given with -v key=value\)/);
});
