import assert from "node:assert/strict";
import { test } from "node:test";
import { list, problem, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox, now } from "../testing/run-command.ts";

function ago(seconds: number): string {
  return new Date(now - seconds * 1_000).toISOString();
}

const slow = { type: "MeshTimeout", mesh: "demo", name: "slow", modificationTime: ago(180), spec: {} };
const quick = {
  type: "MeshTimeout",
  mesh: "demo",
  name: "quicker",
  modificationTime: ago(2 * 86_400),
  spec: {},
};

test("policies: MESH NAME AGE, whatever name the type is called by", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes/demo/meshtimeouts": list(slow, quick) });
  using sandbox = createSandbox({ url: cp.url });
  const table = "MESH   NAME      AGE\ndemo   slow      3m\ndemo   quicker   2d\n";
  for (const type of ["meshtimeouts", "meshtimeout", "MeshTimeout"]) {
    const { code, out, err } = await sandbox.run("get", type, "-m", "demo");
    assert.deepEqual({ code, out, err }, { code: 0, out: table, err: "" });
  }
  assert.equal((await sandbox.run("list", "--mesh=demo", "meshtimeouts")).out, table);
});

test("meshes: NAME mTLS LOCALITY ZONEEGRESS AGE", async () => {
  const mtls = { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] };
  await using cp = await startFakeControlPlane({
    "GET /meshes": list(
      {
        type: "Mesh",
        name: "default",
        modificationTime: ago(5),
        mtls,
        routing: { localityAwareLoadBalancing: true },
      },
      { type: "Mesh", name: "other", modificationTime: ago(400 * 86_400) },
    ),
  });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal(
    (await sandbox.run("get", "meshes")).out,
    "NAME      mTLS           LOCALITY   ZONEEGRESS   AGE\ndefault   builtin/ca-1   on         off          5s\nother     off            off        off          1y\n",
  );
});

test("dataplanes: MESH NAME TAGS ADDRESS AGE", async () => {
  const inbound = [
    { port: 80, tags: { "kuma.io/service": "web", version: "v1" } },
    { port: 90, tags: { "kuma.io/service": "admin", version: "v1" } },
  ];
  await using cp = await startFakeControlPlane({
    "GET /meshes/default/dataplanes": list({
      type: "Dataplane",
      mesh: "default",
      name: "web-1",
      modificationTime: ago(7_200),
      networking: { address: "10.0.0.1", advertisedAddress: "1.2.3.4", inbound },
    }),
  });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal(
    (await sandbox.run("get", "dataplanes")).out,
    "MESH      NAME    TAGS                                   ADDRESS   AGE\ndefault   web-1   kuma.io/service=admin,web version=v1   1.2.3.4   2h\n",
  );
});

test("without --size every page is read, with it one page and how to go on", async () => {
  await using cp = await startFakeControlPlane({
    "GET /meshes/demo/meshtimeouts": ({ query }) => ({
      body:
        query.get("offset") === "1"
          ? { total: 2, items: [quick], next: null }
          : { total: 2, items: [slow], next: "http://fake/meshes/demo/meshtimeouts?offset=1" },
    }),
  });
  using sandbox = createSandbox({ url: cp.url });
  const whole = await sandbox.run("get", "meshtimeouts", "-m", "demo", "-o", "json");
  assert.deepEqual(JSON.parse(whole.out), { items: [slow, quick], next: null, total: 2 });
  assert.deepEqual(cp.log().slice(0, 2), [
    "GET /meshes/demo/meshtimeouts?size=1000",
    "GET /meshes/demo/meshtimeouts?size=1000&offset=1",
  ]);
  const page = await sandbox.run("get", "meshtimeouts", "-m", "demo", "--size=1");
  assert.equal(
    page.out,
    "MESH   NAME   AGE\ndemo   slow   3m\n\nRerun command with --offset=1 argument to retrieve more resources\n",
  );
  const next = await sandbox.run("get", "meshtimeouts", "-m", "demo", "--size=1", "--offset=1");
  assert.equal(next.out, "MESH   NAME      AGE\ndemo   quicker   2d\n");
});

test("-A lists all meshes", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshtimeouts": list(slow) });
  using sandbox = createSandbox({ url: cp.url });
  assert.equal((await sandbox.run("get", "meshtimeouts", "-A")).out, "MESH   NAME   AGE\ndemo   slow   3m\n");
});

test("one resource as table, YAML and JSON", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes/demo/meshtimeouts/slow": { body: slow } });
  using sandbox = createSandbox({ url: cp.url });
  const run = async (format: string) =>
    (await sandbox.run("get", "meshtimeout", "slow", "-m", "demo", `-o=${format}`)).out;
  assert.equal(await run("table"), "MESH   NAME   AGE\ndemo   slow   3m\n");
  assert.equal(
    await run("yaml"),
    `type: MeshTimeout\nmesh: demo\nname: slow\nmodificationTime: ${slow.modificationTime}\nspec: {}\n`,
  );
  assert.equal(await run("json"), `${JSON.stringify(slow, null, 2)}\n`);
});

test("what is not there, and what cannot be", async () => {
  await using cp = await startFakeControlPlane({
    "GET /meshes/nope": problem(404, "Could not retrieve a resource", "Not found"),
    "GET /meshes/demo/meshtimeouts/nope": problem(404, "Could not retrieve a resource", "Not found"),
    "GET /meshes/gone/meshtimeouts": problem(404, "Failed to retrieve Mesh", "Not found"),
    "GET /meshes/old/meshtimeouts": {
      status: 400,
      body: { title: "Bad", details: "d", causes: [{ field: "f", message: "m" }] },
    },
    "GET /meshes/plain/meshtimeouts": { status: 500, body: "boom" },
    "GET /meshes/html/meshtimeouts": { status: 200, body: "<html>" },
  });
  using sandbox = createSandbox({ url: cp.url });
  const cases: readonly (readonly [args: string, code: number, err: string | RegExp])[] = [
    ["get mesh nope", 1, "Error: No resources found\n"],
    ["get meshtimeout nope -m demo", 1, "Error: No resources found in demo mesh\n"],
    ["get meshtimeouts -m gone", 1, "Error: Failed to retrieve Mesh (Not found)\n"],
    ["get meshtimeouts -m old", 1, "Error: Bad (d)\n* f: m\n"],
    ["get meshtimeouts -m plain", 1, "Error: (500): boom\n"],
    ["get meshtimeouts -m html", 1, /did not answer with a JSON object; is it a control plane's API\?/],
    [
      "get meshtimeuts",
      2,
      /^Error: unknown resource type "meshtimeuts"; did you mean "meshtimeouts"\?\nKnown types: /,
    ],
    [
      "get meshes -o jsn",
      2,
      /^Error: unknown output format "jsn": it must be one of table, yaml, json; did you mean "json"\?/,
    ],
    ["get meshes --size x", 2, /^Error: --size must be a whole number/],
    ["get", 2, /^Error: missing required argument 'type'\nRun "skeinctl get --help" for usage\.\n/],
    [
      "gte meshes",
      2,
      /^Error: unknown command 'gte'\n\(Did you mean get\?\)\nRun "skeinctl --help" for usage\.\n/,
    ],
    ["get meshes --sise 3", 2, /^Error: unknown option '--sise'\n\(Did you mean --size\?\)/],
  ];
  for (const [args, code, expected] of cases) {
    const outcome = await sandbox.run(...args.split(" "));
    assert.equal(outcome.code, code, args);
    if (typeof expected === "string") assert.equal(outcome.err, expected, args);
    else assert.match(outcome.err, expected, args);
  }
});

test("delete says what it deleted, or that there was nothing", async () => {
  await using cp = await startFakeControlPlane({
    "DELETE /meshes/demo/meshtimeouts/slow": { body: {} },
    "DELETE /meshes/demo/meshtimeouts/nope": problem(404, "Could not delete a resource", "Not found"),
    "DELETE /meshes/demo": problem(400, "Could not delete a resource", "Resource is not valid", {
      mesh: "still used",
    }),
  });
  using sandbox = createSandbox({ url: cp.url, programName: "kumactl" });
  assert.equal(
    (await sandbox.run("delete", "meshtimeout", "slow", "-m", "demo")).out,
    'deleted MeshTimeout "slow"\n',
  );
  const missing = await sandbox.run("delete", "meshtimeout", "nope", "-m", "demo");
  assert.deepEqual([missing.code, missing.err], [1, 'Error: there is no MeshTimeout with name "nope"\n']);
  const refused = await sandbox.run("delete", "mesh", "demo");
  assert.equal(
    refused.err,
    "Error: Could not delete a resource (Resource is not valid)\n* mesh: still used\n",
  );
  assert.match((await sandbox.run("delete", "mesh")).err, /Run "kumactl delete --help"/);
});

test("delete passes on what the control plane warns of", async () => {
  await using cp = await startFakeControlPlane({
    "DELETE /meshes/demo/meshidentities/only": {
      body: { warnings: ["2 dataplanes are open: a, b"], changeId: 7 },
    },
  });
  using sandbox = createSandbox({ url: cp.url });
  assert.deepEqual(await sandbox.run("delete", "meshidentity", "only", "-m", "demo"), {
    code: 0,
    out: 'deleted MeshIdentity "only"\n',
    err: "Warning: 2 dataplanes are open: a, b\n",
  });
});

test("a server of another API is a warning on stderr", async () => {
  await using cp = await startFakeControlPlane({
    "GET /": { body: { product: "Kuma", version: "1.8.0" } },
    "GET /meshes": list(),
  });
  using sandbox = createSandbox({ url: cp.url });
  const { code, out, err } = await sandbox.run("get", "meshes");
  assert.equal(code, 0);
  assert.equal(out, "NAME   mTLS   LOCALITY   ZONEEGRESS   AGE\n");
  assert.equal(err, "WARNING: skeinctl speaks the API of Kuma 2.14, but the server speaks 1.8.0\n");
});
