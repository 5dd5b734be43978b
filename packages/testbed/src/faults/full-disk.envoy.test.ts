import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MESH_YAML } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { type Api, at, createApi, listAt } from "./testing/api.ts";
import { joinFleet } from "./testing/simulated.ts";

const SECRET_BYTES = 200_000;
const MOST_SECRETS = 200;

async function write(api: Api, mesh: string, name: string): Promise<number> {
  const data = Buffer.alloc(SECRET_BYTES, name).toString("base64");
  const { status, text } = await api.ask("PUT", `/meshes/${mesh}/secrets/${name}`, {
    body: { type: "Secret", mesh, name, data },
  });
  if (status >= 300) {
    assert.equal(status, 503, text);
    const problem: unknown = JSON.parse(text);
    assert.equal(at(problem, "title"), "Service unavailable");
    assert.match(
      String(at(problem, "detail")),
      /skein\.db.*(no space left|cannot be read or written|free disk space)|no space left to write to .*skein\.db/s,
    );
    assert.match(String(at(problem, "detail")), /check|free/, "it says what to do");
  }
  return status;
}

/** Fills the store until a write is refused, and shows what a control plane does and does not do then. */
async function assertSurvives(world: World, api: Api, makeRoom: () => void): Promise<void> {
  const { mesh } = world;
  const fleet = await joinFleet(world, api, 5);
  try {
    const written: string[] = [];
    let refused: string | undefined;
    for (let index = 0; refused === undefined && index < MOST_SECRETS; index++) {
      const name = `secret-${index}`;
      if ((await write(api, mesh, name)) === 503) refused = name;
      else written.push(name);
    }
    assert.ok(refused !== undefined, "the disk is never full");
    assert.ok(written.length > 0);

    assert.equal(
      (await api.ask("GET", `/meshes/${mesh}/secrets/${refused}`)).status,
      404,
      "half a write is seen",
    );
    for (const name of written)
      assert.equal((await api.ask("GET", `/meshes/${mesh}/secrets/${name}`)).status, 200);
    assert.equal(listAt(await api.get(`/meshes/${mesh}/dataplanes`), "items").length, 5);
    assert.equal(await write(api, mesh, refused), 503);
    const ready = await fetch(`${world.controlPlane.diagnostics}/healthy`);
    assert.equal(ready.status, 200);
    const status = listAt(await api.get(`/meshes/${mesh}/_proxy-status`), "items");
    assert.deepEqual(
      status.map((item) => at(item, "state")),
      Array(5).fill("in-sync"),
      "proxies stay connected",
    );

    makeRoom();
    await until("writes are taken again", async () => (await write(api, mesh, refused)) === 201);
    const spec = { to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "7s" } }] };
    const change = await api.put(`/meshes/${mesh}/meshtimeouts/everybody`, {
      type: "MeshTimeout",
      mesh,
      name: "everybody",
      spec,
    });
    assert.equal((await api.settled(change)).acknowledged, 5);

    await world.killControlPlane();
    await world.startControlPlane(settingsOf(world));
    for (const name of [...written, refused])
      assert.equal((await api.ask("GET", `/meshes/${mesh}/secrets/${name}`)).status, 200, `${name} is lost`);
  } finally {
    fleet.close();
  }
}

const diskOf = (world: World): string => join(world.site.dir, "disk");
const settingsOf = (world: World): Record<string, string> => ({
  KUMA_STORE_SQLITE_PATH: join(diskOf(world), "skein.db"),
});

/** A file system of 8 MB; `undefined` where this user may not mount one. */
function mountSmall(t: TestContext, dir: string): boolean {
  mkdirSync(dir);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", dir], { stdio: "pipe" });
  } catch {
    t.skip("needs the right to mount a file system");
    return false;
  }
  return true;
}

test("the disk is full: writes are refused with a sentence, reads go on, and it recovers", async (t) => {
  await withWorld(async (world) => {
    const disk = diskOf(world);
    if (!mountSmall(t, disk)) return;
    try {
      const ballast = join(disk, "ballast");
      writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024));
      await world.startControlPlane(settingsOf(world));
      const api = createApi(world.controlPlane.api);
      await world.apply(MESH_YAML);
      await assertSurvives(world, api, () => rmSync(ballast));
      await world.stopControlPlane();
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  });
});

test("files may not grow (a quota): the same, for every user", async () => {
  await withWorld(async (world) => {
    const disk = diskOf(world);
    mkdirSync(disk);
    const controlPlane = await world.startControlPlane(settingsOf(world));
    const api = createApi(world.controlPlane.api);
    await world.apply(MESH_YAML);
    const limit = statSync(join(disk, "skein.db")).size + 3 * 1024 * 1024;
    const setLimit = (bytes: string): void => {
      execFileSync("prlimit", ["--pid", String(controlPlane.pid), `--fsize=${bytes}:`]);
    };
    setLimit(String(limit));
    await assertSurvives(world, api, () => setLimit("unlimited"));
  });
});
