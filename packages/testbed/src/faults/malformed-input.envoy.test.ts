import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { request as https } from "node:https";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MESH_YAML } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import type { Child } from "../process/child.ts";
import { createWorld, type World } from "../world/world.ts";
import { type Api, at, createApi, listAt } from "./testing/api.ts";
import { residentMb } from "./testing/process.ts";
import { connectBare, simulatedDataplane } from "./testing/simulated.ts";

const MB = 1024 * 1024;
let world: World;
let controlPlane: Child;
let api: Api;

before(async () => {
  world = await createWorld();
  controlPlane = await world.startControlPlane();
  api = createApi(world.controlPlane.api);
  await world.apply(MESH_YAML);
});
after(() => world.stop());

const path = (name: string): string => `/meshes/${world.mesh}/meshtimeouts/${name}`;

function meshTimeout(name: string, more: object = {}): object {
  const spec = { to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1h" } }] };
  return { type: "MeshTimeout", mesh: world.mesh, name, spec, ...more };
}

async function assertNothingStored(): Promise<void> {
  const list = listAt(await api.get(`/meshes/${world.mesh}/meshtimeouts?name=bad`), "items");
  assert.deepEqual(list, []);
}

test("text that is no JSON object is refused with a sentence, and nothing is stored", async () => {
  const bodies = {
    empty: "",
    "cut off": JSON.stringify(meshTimeout("bad")).slice(0, -1),
    "a word": "hello",
    null: "null",
    "a list": "[]",
    "a number": "42",
    "two documents": `${JSON.stringify(meshTimeout("bad"))}{}`,
    "a trailing comma": '{"type":"MeshTimeout",}',
    "bytes that are no UTF-8": Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
    "a hundred thousand brackets": "[".repeat(100_000),
    "deep nesting": `{"type":"MeshTimeout","mesh":"${world.mesh}","name":"bad","spec":${'{"to":'.repeat(50_000)}1${"}".repeat(50_000)}}`,
    yaml: MESH_YAML,
  };
  for (const [what, body] of Object.entries(bodies)) {
    const { status, text } = await api.ask("PUT", path("bad"), { body });
    assert.equal(status, 400, `${what}: ${text}`);
    const problem: unknown = JSON.parse(text);
    assert.equal(at(problem, "status"), 400, what);
    assert.ok(String(at(problem, "detail")).length > 5, `${what}: ${text}`);
  }
  await assertNothingStored();
});

test("a key named __proto__ or constructor changes nothing but its own document", async () => {
  const body = JSON.stringify(meshTimeout("bad")).replace(
    "{",
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},',
  );
  const strict = await api.ask("PUT", `${path("bad")}?validate=strict`, { body });
  assert.equal(strict.status, 400, strict.text);
  const { status } = await api.ask("PUT", path("proto"), {
    body: JSON.stringify(meshTimeout("proto")).replace("{", '{"__proto__":{"polluted":true},'),
  });
  assert.ok(status === 201 || status === 400);
  const other = await api.get(`/meshes/${world.mesh}`);
  assert.equal(at(other, "polluted"), undefined);
});

test("a document of another encoding than JSON is 415, one without a type a field error", async () => {
  const yaml = await api.ask("PUT", path("bad"), {
    body: MESH_YAML,
    headers: { "content-type": "application/yaml" },
  });
  assert.equal(yaml.status, 415);
  const none = await api.ask("PUT", path("bad"), { body: {} });
  assert.equal(none.status, 400);
  assert.deepEqual(at(JSON.parse(none.text), "status"), 400);
  await assertNothingStored();
});

test("skeinctl names file, document and line of what is no YAML, and writes none of the documents", async () => {
  const good = `type: MeshTimeout\nmesh: ${world.mesh}\nname: bad\nspec:\n  to: [{targetRef: {kind: Mesh}, default: {idleTimeout: 1h}}]\n`;
  const cases: Readonly<Record<string, readonly [text: string, complaint: RegExp]>> = {
    "an open bracket": [`${good}---\ntype: Mesh\nname: [x\n`, /:(8|9|10)\b/],
    "a tab as indentation": [`${good}---\ntype: Mesh\nmtls:\n\tenabledBackend: x\n`, /tab/i],
    "a key twice": [`${good}---\ntype: Mesh\nname: a\nname: b\n`, /uniq|twice|duplicate/i],
    "a scalar": [`${good}---\njust text\n`, /object|document|mapping/i],
    "an alias bomb": [`${good}---\n${aliasBomb()}`, /alias/i],
    "an unknown tag": [`${good}---\ntype: !!js/function "x"\nname: x\n`, /./],
    "JSON that is cut off": [`${good}---\n{"type": "Mesh", "name": `, /./],
    "no type": [`${good}---\nname: x\n`, /type/],
  };
  for (const [what, [text, complaint]] of Object.entries(cases)) {
    const file = join(world.site.dir, "broken.yaml");
    writeFileSync(file, text);
    const output = await world.ctl(["apply", "-f", file]);
    assert.equal(output.code, 1, `${what}: ${output.stdout}${output.stderr}`);
    assert.match(output.stderr, complaint, what);
    assert.match(output.stderr, /broken\.yaml/, what);
    assert.doesNotMatch(output.stderr, /\n\s+at .*\.ts:\d+/, `${what}: a stack is no answer to a user`);
    assert.equal(output.stdout, "", `${what}: something was written`);
  }
  await assertNothingStored();
});

function aliasBomb(): string {
  const levels = Array.from({ length: 12 }, (_, level) =>
    level === 0
      ? `a0: &a0 [x,x,x,x,x,x,x,x,x]`
      : `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(",")}]`,
  );
  return `type: Mesh\nname: bomb\n${levels.join("\n")}\n`;
}

/** One of each: characters, lengths, places where a name may not begin or end. */
const FORBIDDEN: readonly string[] = [
  ..." !\"#$%&'()*+,/:;<=>?@[\\]^`{|}~_ABZ\t\n\u0000\u007f\u00e4\u65e5\u202e"
    .split("")
    .map((each) => `a${each}b`),
  "a\u{1f6eb}b",
  "-a",
  "a-",
  ".a",
  "a.",
  "a..b",
  "a.-b",
  "..",
  ".",
  "a".repeat(254),
];

test("no name with a forbidden character gets in, by any way", async (t) => {
  for (const name of FORBIDDEN) {
    const url = encodeURIComponent(name).replaceAll(".", "%2E");
    const { status, text } = await api.ask("PUT", path(url), { body: meshTimeout(name) });
    assert.ok(
      status === 400 ||
        ((name === "." || name === ".." || name.includes("/")) && [404, 405].includes(status)),
      `${JSON.stringify(name)}: ${status} ${text}`,
    );
    if (status === 400) assert.match(text, /name/, JSON.stringify(name));
    const mesh = await api.ask("PUT", `/meshes/${url}`, { body: { type: "Mesh", name } });
    assert.ok([400, 404, 405].includes(mesh.status), `mesh ${JSON.stringify(name)}: ${mesh.status}`);
  }
  const own = JSON.stringify(
    listAt(await api.get(`/meshes/${world.mesh}/meshtimeouts?size=1000`), "items").map((each) =>
      at(each, "name"),
    ),
  );
  for (const name of FORBIDDEN) assert.ok(!own.includes(JSON.stringify(name)), name);
  assert.equal(
    listAt(await api.get("/meshes?size=100"), "items").length,
    2,
    "the default mesh and the world's",
  );

  await t.test("not as a proxy that brings its Dataplane along", async () => {
    const token = await api.dataplaneToken({ mesh: world.mesh });
    for (const name of ["A", "a_b", "a/b", "a b", "..", "a\u0000b", "\u65e5", "a".repeat(254)]) {
      using proxy = connectBare(world, { name, token, dataplane: simulatedDataplane(world.mesh, name) });
      const ended = await until(
        `${JSON.stringify(name)} is answered`,
        () => proxy.ended ?? (proxy.call.messages.length > 0 && { code: 0, message: "served" }),
      );
      assert.equal(ended.code, 3, `${JSON.stringify(name)}: ${JSON.stringify(ended)}`);
      assert.match(ended.message, /name/);
    }
    assert.deepEqual(listAt(await api.get(`/meshes/${world.mesh}/dataplanes`), "items"), []);
  });
});

test("skeinctl refuses a forbidden name before it sends anything", async () => {
  const output = await world.ctl(["apply", "-f", "-"], { stdin: `type: Mesh\nname: No_Way\n` });
  assert.equal(output.code, 1);
  assert.match(output.stderr, /name/);
  assert.equal(output.stdout, "");
});

test("a body of 10 MB is answered 413 with a sentence, and costs the control plane little", async (t) => {
  const before = residentMb(controlPlane.pid);
  const body = JSON.stringify(meshTimeout("bad", { padding: "x".repeat(10 * MB) }));
  for (let round = 0; round < 10; round++) {
    const { status, text, ms } = await api.ask("PUT", path("bad"), { body });
    assert.equal(status, 413, text);
    assert.match(String(at(JSON.parse(text), "detail")), /larger than \d+ bytes/);
    assert.ok(ms < 5_000, `${ms} ms`);
  }
  const grown = residentMb(controlPlane.pid) - before;
  t.diagnostic(`${grown.toFixed(0)} MB more after 100 MB of bodies`);
  assert.ok(grown < 80, `${grown} MB more`);
  await assertNothingStored();
});

test("a body that says it is 10 MB and never comes does not hold others up", async () => {
  const url = new URL(path("bad"), world.controlPlane.api);
  const outgoing = request(url, {
    method: "PUT",
    headers: { "content-type": "application/json", "content-length": String(10 * MB) },
  });
  const ended = new Promise<string>((resolve) => {
    outgoing.on("error", (error) => resolve(error.message));
    outgoing.on("response", (answer) => resolve(String(answer.statusCode)));
  });
  outgoing.write("{");
  const { status, ms } = await api.ask("GET", "/meshes");
  assert.equal(status, 200);
  assert.ok(ms < 1_000, `${ms} ms`);
  outgoing.destroy();
  await ended;
});

test("skeinctl says why a document of 10 MB is refused", async () => {
  const file = join(world.site.dir, "big.yaml");
  writeFileSync(
    file,
    `type: Secret\nmesh: ${world.mesh}\nname: big\ndata: ${Buffer.alloc(7.5 * MB).toString("base64")}\n`,
  );
  const output = await world.ctl(["apply", "-f", file]);
  assert.equal(output.code, 1);
  assert.match(output.stderr, /larger than/);
  assert.equal((await api.ask("GET", `/meshes/${world.mesh}/secrets/big`)).status, 404);
});

test("a bootstrap request of 10 MB, and one that is no JSON, are refused", async () => {
  const { dataplanes, caFile } = world.controlPlane;
  const send = (body: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const outgoing = https(
        `${dataplanes}/bootstrap`,
        { method: "POST", ca: readFileSync(caFile) },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  assert.equal(await send("{"), 422);
  assert.equal(
    await send(JSON.stringify({ mesh: world.mesh, name: "x".repeat(10 * MB) })).catch(() => 413),
    413,
  );
  assert.equal((await api.ask("GET", "/meshes")).status, 200);
});
