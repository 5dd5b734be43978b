import assert from "node:assert/strict";
import { test } from "node:test";
import { operationsOf } from "../testing/described-answers.ts";
import { createWorld, seed, type World, type WorldOptions } from "../testing/world.ts";
import { describeApi } from "./describe-api.ts";

const { deps } = createWorld();
const document = describeApi(deps);

/** What fastify has registered, as `GET /meshes/{}`. */
async function routesOf(options: WorldOptions = {}): Promise<{ world: World; routes: readonly string[] }> {
  const world = createWorld(options);
  const routes: string[] = [];
  world.app.addHook("onRoute", ({ method, url }) => {
    for (const each of [method].flat()) routes.push(`${each} ${url.replaceAll(/:\w+|\*/g, "{}")}`);
  });
  await world.app.ready();
  return { world, routes };
}

function described(options: WorldOptions = {}): readonly string[] {
  return operationsOf(describeApi(createWorld(options).deps)).map(({ method, path }) => `${method} ${path}`);
}

const PLANES: readonly WorldOptions[] = [
  {},
  { settings: { mode: "global" } },
  { settings: { federated: true } },
  { settings: { readOnly: true } },
];

test("everything that is described has a route, whatever control plane it is", async () => {
  for (const options of PLANES) {
    const { routes } = await routesOf(options);
    assert.ok(routes.length > 250, `only ${routes.length} routes were seen`);
    const missing = described(options).filter((operation) => !routes.includes(operation));
    assert.deepEqual(missing, [], JSON.stringify(options));
  }
});

test("every route is described, but for those that refuse whoever asks", async () => {
  for (const options of PLANES) {
    const { world, routes } = await routesOf(options);
    await seed(world.store, { type: "Mesh", name: "default" });
    const all = new Set(described(options));
    const left = routes.filter((route) => !all.has(route));
    for (const route of left) {
      const [method = "", path = ""] = route.split(" ");
      const url = path.replace("/meshes/{}/", "/meshes/default/").replaceAll("{}", "x");
      const answer = await world.call(method as "GET", url, method === "GET" ? undefined : {});
      const isRefusal = answer.status === 405 || (answer.status === 400 && route.endsWith("/_hostnames"));
      assert.ok(isRefusal, `${route} is not described, and answers ${answer.status}: ${answer.text}`);
    }
  }
});

test("the document is plain JSON", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
});

test("every reference leads somewhere, every schema is used, and operations have distinct names", () => {
  const text = JSON.stringify(document);
  const names = new Set(
    [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name = ""]) => name),
  );
  assert.deepEqual([...names].toSorted(), Object.keys(document.components.schemas).toSorted());
  const operations = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(operations).size, operations.length);
});

test("schemas of kinds are whole, and nothing of ours is in any schema that OpenAPI does not have", () => {
  for (const kind of deps.registry.kinds) {
    const schema = JSON.stringify(document.components.schemas[`${kind.type}Item`]);
    assert.doesNotMatch(schema, /\$ref/, kind.type);
  }
  assert.doesNotMatch(JSON.stringify(document), /\$schema|\$defs|\$id|propertyNames|9007199254740991/);
});

test("what can be written is described so: on this control plane, not on others", () => {
  const paths = (options: WorldOptions) => describeApi(createWorld(options).deps).paths;
  const item = "/meshes/{mesh}/meshtimeouts/{name}";
  const dataplane = "/meshes/{mesh}/dataplanes/{name}";
  assert.ok(paths({})[item]?.put);
  assert.equal(paths({ settings: { readOnly: true } })[item]?.put, undefined);
  assert.equal(paths({ settings: { mode: "global" } })[dataplane]?.put, undefined);
  assert.ok(paths({ settings: { mode: "global" } })[item]?.delete);
  assert.equal(paths({})["/meshes/{mesh}/dataplane-insights/{name}"]?.put, undefined);
});

test("paths stand below the base path", () => {
  const { servers } = describeApi(createWorld({ settings: { basePath: "/mesh" } }).deps);
  assert.deepEqual(servers, [{ url: "/mesh" }]);
});
