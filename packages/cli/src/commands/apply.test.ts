import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { problem, type Routes, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const mesh = "type: Mesh\nname: demo\n";
const timeout = `type: MeshTimeout
mesh: demo
name: slow
spec:
  to:
    - default:
        idleTimeout: 20s
`;
const created = { status: 201, headers: { "skein-change-id": "42" }, body: { changeId: 42 } };
const both: Routes = {
  "PUT /meshes/demo": created,
  "PUT /meshes/demo/meshtimeouts/slow": { status: 200, body: { warnings: ["idleTimeout is deprecated"] } },
};

test("writes the documents in order and tells what became of each", async () => {
  await using cp = await startFakeControlPlane(both);
  using sandbox = createSandbox({ url: cp.url });
  const { code, out, err } = await sandbox.run(
    "apply",
    "-f",
    sandbox.file("all.yaml", `${mesh}---\n${timeout}`),
  );
  assert.equal(code, 0);
  assert.equal(
    out,
    'resource type="Mesh" mesh="" name="demo" Created\nresource type="MeshTimeout" mesh="demo" name="slow" Updated\n',
  );
  assert.equal(err, "Warning: idleTimeout is deprecated\n");
  assert.deepEqual(cp.log(), [
    "PUT /meshes/demo?validate=strict",
    "PUT /meshes/demo/meshtimeouts/slow?validate=strict",
  ]);
  const body = cp.requests.find((request) => request.path.endsWith("slow"))?.body;
  assert.deepEqual(body, {
    type: "MeshTimeout",
    mesh: "demo",
    name: "slow",
    spec: { to: [{ default: { idleTimeout: "20s" } }] },
  });
});

test("reads a directory by name, without its subdirectories and other files", async () => {
  await using cp = await startFakeControlPlane(both);
  using sandbox = createSandbox({ url: cp.url });
  sandbox.file("dir/20-timeout.yml", timeout);
  sandbox.file("dir/10-mesh.json", '{"type": "Mesh", "name": "demo"}');
  sandbox.file("dir/notes.txt", "not: a resource");
  sandbox.file("dir/more/30.yaml", "type: Mesh\nname: inner\n");
  const { code } = await sandbox.run("apply", "-f", sandbox.path("dir"));
  assert.equal(code, 0);
  assert.deepEqual(
    cp.log().map((line) => line.split("?")[0]),
    ["PUT /meshes/demo", "PUT /meshes/demo/meshtimeouts/slow"],
  );
});

test("reads stdin and URLs", async () => {
  await using cp = await startFakeControlPlane({ ...both, "GET /mesh.yaml": { body: mesh } });
  using piped = createSandbox({ url: cp.url, stdin: mesh });
  assert.equal((await piped.run("apply", "-f", "-")).code, 0);
  assert.equal((await piped.run("apply", "-f", `${cp.url}/mesh.yaml`)).code, 0);
  const missing = await piped.run("apply", "-f", `${cp.url}/other.yaml`);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /answered 404 instead of 200/);
  assert.equal(cp.log().filter((line) => line.startsWith("PUT")).length, 2);
});

test("takes a list apart and skips empty documents", async () => {
  await using cp = await startFakeControlPlane(both);
  using sandbox = createSandbox({
    url: cp.url,
    stdin: '---\n---\n# nothing\n---\n{"items": [{"type": "Mesh", "name": "demo"}], "total": 1}\n',
  });
  assert.equal((await sandbox.run("apply", "-f", "-")).code, 0);
  assert.deepEqual(cp.log(), ["PUT /meshes/demo?validate=strict"]);
});

test("-f may be given several times, and all of them are one set", async () => {
  await using cp = await startFakeControlPlane(both);
  using sandbox = createSandbox({ url: cp.url });
  const [first, second] = [sandbox.file("mesh.yaml", mesh), sandbox.file("timeout.yaml", timeout)];
  const { code, out } = await sandbox.run("apply", "-f", first, "-f", second);
  assert.equal(code, 0);
  assert.match(out, /name="demo" Created\nresource type="MeshTimeout"/);
  const sent = cp.log().length;
  const twice = await sandbox.run("apply", "-f", first, "-f", first);
  assert.equal(twice.code, 1);
  assert.match(twice.err, /is already described in/);
  assert.equal(cp.log().length, sent, "nothing was sent");
  const none = await sandbox.run("apply");
  assert.equal(none.code, 2);
  assert.match(none.err, /required option '-f, --file <path>' not specified/);
});

test("sends nothing when any document is wrong, and says where each mistake is", async () => {
  await using cp = await startFakeControlPlane(both);
  using sandbox = createSandbox({ url: cp.url });
  const file = sandbox.file(
    "web.yaml",
    `${mesh}---\n${timeout.replace("idleTimeout", "idleTimeuot")}---\ntype: MeshTimeot\nname: x\n`,
  );
  const { code, out, err } = await sandbox.run("apply", "-f", file);
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.equal(
    err,
    `Error: found 2 mistakes, nothing was applied
* ${file}:10:9: document 2 (MeshTimeout "slow"): spec.to[0].default.idleTimeuot: unknown field, did you mean \`idleTimeout\`?
* ${file}:12:1: document 3 (MeshTimeot "x"): unknown resource type "MeshTimeot"; did you mean "MeshTimeout"?
`,
  );
  assert.deepEqual(cp.log(), []);
});

test("tells where a wrong value, a missing name and bad YAML are", async () => {
  await using cp = await startFakeControlPlane({});
  using sandbox = createSandbox({ url: cp.url });
  const value = await sandbox.run("apply", "-f", sandbox.file("a.yaml", timeout.replace("20s", "20")));
  assert.match(
    value.err,
    /a\.yaml:7:9: document 1 \(MeshTimeout "slow"\): spec\.to\[0\]\.default\.idleTimeout: /,
  );
  const name = await sandbox.run("apply", "-f", sandbox.file("b.yaml", "type: Mesh\n"));
  assert.match(name.err, /b\.yaml:1:1: document 1 \(Mesh\): name: cannot be empty/);
  const yaml = await sandbox.run("apply", "-f", sandbox.file("c.yaml", "type: Mesh\nname: [a\nlabels: {\n"));
  assert.equal(yaml.code, 1);
  assert.match(yaml.err, /c\.yaml:\d+:\d+: /);
  const scalar = await sandbox.run("apply", "-f", sandbox.file("d.yaml", "just text\n"));
  assert.match(scalar.err, /d\.yaml:1:1: a resource must be a mapping/);
  const typeless = await sandbox.run("apply", "-f", sandbox.file("e.yaml", "tpye: Mesh\nname: x\n"));
  assert.match(typeless.err, /type is missing: it must name the resource's type; is it meant by "tpye"\?/);
});

test("refuses nothing to apply, a missing file and two documents for one resource", async () => {
  using sandbox = createSandbox({ url: "http://127.0.0.1:1", stdin: "---\n" });
  assert.match((await sandbox.run("apply", "-f", "-")).err, /^Error: no resource\(s\) passed to apply\n/);
  const missing = await sandbox.run("apply", "-f", sandbox.path("nope.yaml"));
  assert.equal(missing.code, 1);
  assert.match(missing.err, /cannot read ".*nope\.yaml": there is no such file or directory/);
  const twice = await sandbox.run("apply", "-f", sandbox.file("twice.yaml", `${mesh}---\n${mesh}`));
  assert.match(twice.err, /document 2: Mesh "demo" is already described in .*document 1/);
});

test("--validate=warn and ignore send unknown fields, warn says so", async () => {
  await using cp = await startFakeControlPlane({
    "PUT /meshes/demo": { status: 200, body: { warnings: ["colour: unknown field"] } },
    "GET /_resources": { body: { resources: [{ name: "TrafficLog", path: "traffic-logs", scope: "Mesh" }] } },
    "PUT /meshes/demo/traffic-logs/all": { status: 201 },
  });
  using sandbox = createSandbox({ url: cp.url });
  const file = sandbox.file("mesh.yaml", `${mesh}colour: red\n`);
  const warned = await sandbox.run("apply", "-f", file, "--validate=warn");
  assert.equal(warned.code, 0);
  assert.match(warned.err, /^Warning: .*mesh\.yaml: document 1: colour: unknown field\n$/);
  const ignored = await sandbox.run("apply", "-f", file, "--validate", "ignore");
  assert.equal(ignored.code, 0);
  const log = sandbox.file("log.yaml", "type: TrafficLog\nmesh: demo\nname: all\n");
  const unknownKind = await sandbox.run("apply", "-f", log, "--validate=warn");
  assert.equal(unknownKind.code, 0);
  assert.match(unknownKind.err, /TrafficLog is not known here: it is sent unchecked/);
  const wrong = await sandbox.run("apply", "-f", file, "--validate=stict");
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /must be one of strict, warn, ignore; did you mean "strict"\?/);
});

test("stops at the first refusal and tells what the control plane said", async () => {
  await using cp = await startFakeControlPlane({
    "PUT /meshes/demo": problem(400, "Could not process a resource", "Resource is not valid", {
      "mtls.enabledBackend": "unknown",
    }),
  });
  using sandbox = createSandbox({ url: cp.url });
  const { code, err } = await sandbox.run("apply", "-f", sandbox.file("all.yaml", `${mesh}---\n${timeout}`));
  assert.equal(code, 1);
  assert.equal(
    err,
    'Error: resource type="Mesh" mesh="" name="demo": failed server side: Could not process a resource (Resource is not valid)\n* mtls.enabledBackend: unknown\n',
  );
  assert.equal(cp.log().length, 1);
});

/** A control plane that keeps every request until the test lets it go, and says what it holds. */
function holding(names: readonly string[], statusOf: (name: string) => number = () => 201) {
  const held = new Map<string, () => void>();
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const resume of waiting) resume();
    waiting.clear();
  };
  const routes: Routes = Object.fromEntries(
    names.map((name) => {
      const path = name.startsWith("mesh-") ? `/meshes/${name}` : `/meshes/demo/${name}`;
      return [
        `PUT ${path}`,
        async () => {
          await new Promise<void>((resolve) => {
            held.set(name, resolve);
            look();
          });
          held.delete(name);
          look();
          const status = statusOf(name);
          return status < 400
            ? { status, body: { warnings: [`about ${name}`] } }
            : problem(status, "No", name);
        },
      ];
    }),
  );
  return {
    routes,
    /** Resolves when it holds these and no others. */
    async holds(...wanted: readonly string[]): Promise<void> {
      const isSo = (): boolean => [...held.keys()].sort().join() === [...wanted].sort().join();
      while (!isSo()) await new Promise<void>((resolve) => waiting.add(resolve));
    },
    answer: (...released: readonly string[]) => {
      for (const name of released) held.get(name)?.();
    },
  };
}

function policy(name: string): string {
  return `---\n${timeout.replace("slow", name)}`;
}

test("sends side by side what does not depend on each other, and prints in the order of the documents", async () => {
  const server = holding(["mesh-a", "mesh-b", "secrets/s", "meshtimeouts/x", "meshtimeouts/y"]);
  await using cp = await startFakeControlPlane(server.routes);
  const secret = "---\ntype: Secret\nmesh: demo\nname: s\ndata: eA==\n";
  const stdin = `type: Mesh\nname: mesh-a\n---\ntype: Mesh\nname: mesh-b\n${secret}${policy("x")}${policy("y")}`;
  using sandbox = createSandbox({ url: cp.url, stdin });
  const running = sandbox.run("apply", "-f", "-");
  await server.holds("mesh-a", "mesh-b");
  server.answer("mesh-b");
  server.answer("mesh-a");
  await server.holds("secrets/s");
  server.answer("secrets/s");
  await server.holds("meshtimeouts/x", "meshtimeouts/y");
  server.answer("meshtimeouts/y");
  await server.holds("meshtimeouts/x");
  server.answer("meshtimeouts/x");
  const { code, out, err } = await running;
  assert.equal(code, 0);
  assert.deepEqual(
    out.match(/name="[^"]*"/g),
    ["mesh-a", "mesh-b", "s", "x", "y"].map((name) => `name="${name}"`),
  );
  assert.equal(
    err,
    ["mesh-a", "mesh-b", "secrets/s", "meshtimeouts/x", "meshtimeouts/y"]
      .map((name) => `Warning: about ${name}\n`)
      .join(""),
  );
});

test("after refusals it sends nothing more, and tells what became of all that it had sent", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `t-${index}`);
  const paths = names.map((name) => `meshtimeouts/${name}`);
  const server = holding(paths, (name) => (/-[13]$/.test(name) ? 400 : 201));
  await using cp = await startFakeControlPlane(server.routes);
  using sandbox = createSandbox({ url: cp.url, stdin: names.map(policy).join("") });
  const running = sandbox.run("apply", "-f", "-");
  const sent = paths.slice(0, 16);
  await server.holds(...sent);
  server.answer("meshtimeouts/t-3");
  await server.holds(...sent.filter((path) => !path.endsWith("-3")));
  server.answer(...sent);
  const { code, out, err } = await running;
  assert.equal(code, 1);
  assert.equal(out.match(/ Created$/gm)?.length, 14);
  assert.deepEqual(
    err.split("\n").filter((line) => line.startsWith("Error")),
    ["t-1", "t-3"].map(
      (name) =>
        `Error: resource type="MeshTimeout" mesh="demo" name="${name}": failed server side: No (meshtimeouts/${name})`,
    ),
  );
  assert.equal(cp.log().length, 16);
});

test("tries again when another writer came in between", async () => {
  let refusals = 2;
  await using cp = await startFakeControlPlane({
    "PUT /meshes/demo": () =>
      refusals-- > 0 ? problem(409, "Conflict", "resource conflict") : { status: 200 },
  });
  using sandbox = createSandbox({ url: cp.url, stdin: mesh });
  assert.equal((await sandbox.run("apply", "-f", "-")).code, 0);
  assert.equal(cp.log().length, 3);
});

test("--dry-run prints the documents with their defaults and sends nothing", async () => {
  await using cp = await startFakeControlPlane({});
  using sandbox = createSandbox({ url: cp.url, stdin: timeout });
  for (const flag of ["--dry-run", "--dry-run=client", "--dry-run=true"]) {
    const { code, out } = await sandbox.run("apply", flag, "-f", "-");
    assert.equal(code, 0);
    assert.equal(
      out,
      "---\ntype: MeshTimeout\nmesh: demo\nname: slow\nspec:\n  to:\n    - default:\n        idleTimeout: 20s\n        connectionTimeout: 5s\n",
    );
  }
  assert.deepEqual(cp.requests, []);
  const other = await sandbox.run("apply", "--dry-run=sever", "-f", "-");
  assert.equal(other.code, 2);
  assert.match(other.err, /must be client or server/);
});

test("a Kubernetes object is converted, and mistakes are found in its own form", async () => {
  await using cp = await startFakeControlPlane(both);
  const object = `apiVersion: kuma.io/v1alpha1
kind: MeshTimeout
metadata:
  name: slow
  namespace: web
  labels:
    kuma.io/mesh: demo
    team: a
spec:
  to:
    - default:
        idleTimeout: 20s
`;
  using sandbox = createSandbox({ url: cp.url });
  const good = await sandbox.run("apply", "-f", sandbox.file("k8s.yaml", object));
  assert.equal(good.code, 0);
  assert.match(good.err, /metadata\.namespace "web" has no counterpart outside Kubernetes/);
  assert.deepEqual(cp.requests.at(-1)?.body, {
    type: "MeshTimeout",
    mesh: "demo",
    name: "slow",
    labels: { team: "a" },
    spec: { to: [{ default: { idleTimeout: "20s" } }] },
  });
  const badName = await sandbox.run(
    "apply",
    "-f",
    sandbox.file("bad.yaml", object.replace("name: slow", "name: Slow")),
  );
  assert.match(badName.err, /bad\.yaml:4:3: document 1 \(MeshTimeout "Slow"\): name: invalid characters/);
});

test("a server that is not there is one sentence", async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise<void>((resolve) => closed.close(() => resolve()));
  using sandbox = createSandbox({ url: `http://127.0.0.1:${port}`, stdin: mesh });
  const { code, err } = await sandbox.run("apply", "-f", "-");
  assert.equal(code, 1);
  assert.equal(err, `Error: cannot reach http://127.0.0.1:${port}: connection refused; is it running?\n`);
});
