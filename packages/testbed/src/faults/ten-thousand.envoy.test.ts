import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MESH_YAML } from "../kong-air/cast.ts";
import type { Child } from "../process/child.ts";
import { createWorld, type World } from "../world/world.ts";
import { type Api, at, createApi, listAt } from "./testing/api.ts";
import { residentMb } from "./testing/process.ts";
import { joinFleet } from "./testing/simulated.ts";

const COUNT = 10_000;
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

const collection = (): string => `/meshes/${world.mesh}/meshtimeouts`;
const nameOf = (index: number): string => `t-${String(index).padStart(5, "0")}`;

/** Policies for proxies that are not there: what counts is how many documents there are. */
function document(index: number): string {
  return `type: MeshTimeout
mesh: ${world.mesh}
name: ${nameOf(index)}
spec:
  targetRef: {kind: Dataplane, labels: {app: "app-${index}"}}
  to:
    - targetRef: {kind: Mesh}
      default: {connectionTimeout: 3s, http: {requestTimeout: ${(index % 50) + 1}s}}
`;
}

async function timed<T>(action: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
  const begin = performance.now();
  const result = await action();
  return { result, seconds: (performance.now() - begin) / 1000 };
}

test("a file of 10,000 documents is applied", async (t) => {
  const file = join(world.site.dir, "many.yaml");
  writeFileSync(file, Array.from({ length: COUNT }, (_, index) => document(index)).join("---\n"));
  const memory = residentMb(controlPlane.pid);
  const { result, seconds } = await timed(() => world.ctl(["apply", "-f", file], { timeoutMs: 180_000 }));
  assert.equal(result.code, 0, result.stderr.slice(0, 2_000));
  assert.equal(result.stdout.match(/ Created$/gm)?.length, COUNT);
  const grown = residentMb(controlPlane.pid) - memory;
  t.diagnostic(`applied in ${seconds.toFixed(1)} s, ${grown.toFixed(0)} MB more`);
  assert.ok(seconds < 90, `${seconds} s`);
  assert.ok(grown < 250, `${grown} MB`);
});

test("they are listed, page by page, each once and in order", async (t) => {
  const { result: names, seconds } = await timed(async () => {
    const all: unknown[] = [];
    let next: unknown = `${collection()}?size=1000`;
    while (typeof next === "string") {
      const url = new URL(next, world.controlPlane.api);
      const page = await api.get(`${url.pathname}${url.search}`);
      assert.ok(Number(at(page, "total")) >= COUNT);
      const items = listAt(page, "items");
      assert.ok(items.length > 0 && items.length <= 1000);
      all.push(...items.map((item) => at(item, "name")));
      next = at(page, "next");
    }
    return all.map(String);
  });
  t.diagnostic(`listed in ${seconds.toFixed(2)} s`);
  const ours = names.filter((name) => name.startsWith("t-"));
  assert.deepEqual(
    ours,
    Array.from({ length: COUNT }, (_, index) => nameOf(index)),
  );
  assert.ok(seconds < 10, `${seconds} s`);
});

test("one of them is found, and an unknown page refused, without delay", async () => {
  const found = await api.ask("GET", `${collection()}?name=t-0999&size=100`);
  assert.deepEqual(listAt(JSON.parse(found.text), "items").length, 10);
  assert.ok(found.ms < 1_000, `${found.ms} ms`);
  assert.equal((await api.ask("GET", `${collection()}?size=100000`)).status, 400);
});

test("skeinctl gets all of them", async () => {
  const { result, seconds } = await timed(() => world.ctl(["get", "meshtimeouts", "-m", world.mesh]));
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stdout.match(/^\S+\s+t-\d{5}\b/gm)?.length, COUNT);
  assert.ok(seconds < 20, `${seconds} s`);
});

test("among them a policy still reaches proxies within a second", async (t) => {
  const fleet = await joinFleet(world, api, 20);
  try {
    const spec = { to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout: "9s" } } }] };
    const { result, seconds } = await timed(async () =>
      api.settled(
        await api.put(`${collection()}/everybody`, {
          type: "MeshTimeout",
          mesh: world.mesh,
          name: "everybody",
          spec,
        }),
      ),
    );
    t.diagnostic(`settled in ${seconds.toFixed(2)} s`);
    assert.equal(result.acknowledged, 20);
    assert.ok(seconds < 1, `${seconds} s`);
  } finally {
    fleet.close();
  }
});

test("the control plane starts with them", async (t) => {
  await world.stopControlPlane();
  const { seconds, result } = await timed(() => world.startControlPlane());
  controlPlane = result;
  t.diagnostic(`started in ${seconds.toFixed(1)} s`);
  assert.ok(seconds < 10, `${seconds} s`);
  assert.ok(Number(at(await api.get(`${collection()}?size=1`), "total")) >= COUNT);
});

test("they are deleted", async (t) => {
  const width = 32;
  let next = 0;
  const { seconds } = await timed(() =>
    Promise.all(
      Array.from({ length: width }, async () => {
        for (let index = next++; index < COUNT; index = next++)
          await api.delete(`${collection()}/${nameOf(index)}`);
      }),
    ),
  );
  t.diagnostic(`deleted in ${seconds.toFixed(1)} s`);
  assert.ok(seconds < 60, `${seconds} s`);
  const left = listAt(await api.get(`${collection()}?size=1000`), "items").map((item) =>
    String(at(item, "name")),
  );
  assert.deepEqual(
    left.filter((name) => name.startsWith("t-")),
    [],
  );
  assert.ok(residentMb(controlPlane.pid) < 450, `${residentMb(controlPlane.pid)} MB`);
});
