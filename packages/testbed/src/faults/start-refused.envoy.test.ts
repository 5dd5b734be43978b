import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { blockPorts } from "../net/ports.ts";
import { createWorld, type World } from "../world/world.ts";
import { refusal, runControlPlane } from "./testing/run-control-plane.ts";

let world: World;

before(async () => {
  world = await createWorld();
});
after(() => world.stop());

async function occupy(port: number, host: string): Promise<AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

test("a used port is one sentence that names the port and its setting", async () => {
  const { dataplanes, diagnostics } = blockPorts(world.site.block.prefix);
  const cases = [
    [world.site.block.address(1), 5681, "apiServer.http.port"],
    [world.site.block.address(1), 5682, "apiServer.https.port"],
    ["0.0.0.0", diagnostics, "diagnostics.serverPort"],
    ["::", dataplanes, "dpServer.port"],
  ] as const;
  for (const [host, port, setting] of cases) {
    await using _ = await occupy(port, host);
    const sentence = refusal(await runControlPlane(world));
    assert.match(sentence, new RegExp(`${port} is in use: .*${setting.replace(".", "\\.")}`));
  }
});

test("a second control plane on the same store is refused, and the first one goes on", async () => {
  const first = await world.startControlPlane();
  const other = { KUMA_API_SERVER_HTTP_PORT: "5691", KUMA_API_SERVER_HTTPS_PORT: "5692" };
  const sentence = refusal(
    await runControlPlane(world, {
      ...other,
      KUMA_DP_SERVER_PORT: "5698",
      KUMA_DIAGNOSTICS_SERVER_PORT: "5699",
    }),
  );
  assert.match(sentence, /skein\.db is in use by another process/);
  assert.match(sentence, /store\.sqlite\.path/);
  assert.ok(first.running);
  assert.equal((await fetch(`${world.controlPlane.api}/meshes`)).status, 200);
  assert.equal((await first.stop(10_000)).code, 0);
});

test("a broken configuration is one sentence that names file, line or field", async () => {
  const file = join(world.site.dir, "cp.yaml");
  const cases: readonly (readonly [text: string, complaint: RegExp])[] = [
    ["apiServer: [\n", /cp\.yaml/],
    ["apiServer:\n\thttp: 1\n", /cp\.yaml/],
    ["just text\n", /cp\.yaml/],
    ["apiServer: {http: {port: seventy}}\n", /apiServer\.http\.port/],
    ["apiServer: {http: {port: 70000}}\n", /apiServer\.http\.port/],
    ["store: {type: postgres}\n", /store\.type.*PostgreSQL/],
    ["xdsServer: {dataplaneStatusFlushInterval: soon}\n", /xdsServer\.dataplaneStatusFlushInterval/],
    ["multizone: {zone: {name: Zone_1}}\n", /multizone\.zone\.name/],
  ];
  for (const [text, complaint] of cases) {
    writeFileSync(file, text);
    const unset = text.includes("multizone") ? { KUMA_MULTIZONE_ZONE_NAME: "Zone_1" } : {};
    const sentence = refusal(await runControlPlane(world, unset, ["-c", file]));
    assert.match(sentence, complaint, text);
  }
  assert.match(
    refusal(await runControlPlane(world, {}, ["-c", join(world.site.dir, "none.yaml")])),
    /none\.yaml/,
  );
  assert.match(
    refusal(await runControlPlane(world, { KUMA_DP_SERVER_PORT: "x" })),
    /KUMA_DP_SERVER_PORT|dpServer\.port/,
  );
  assert.match(
    refusal(await runControlPlane(world, {}, ["--set", "dpServer.prot=1"])),
    /dpServer\.prot.*dpServer\.port/,
  );
});

test("a certificate that is none, and a directory that may not be used, are one sentence", async () => {
  const file = join(world.site.dir, "tls.pem");
  writeFileSync(file, "nothing\n");
  const tls = { KUMA_GENERAL_TLS_CERT_FILE: file, KUMA_GENERAL_TLS_KEY_FILE: file };
  assert.match(refusal(await runControlPlane(world, tls)), /tls\.pem/);
  const blocked = join(world.site.dir, "blocked");
  writeFileSync(blocked, "a file, not a directory");
  assert.match(
    refusal(await runControlPlane(world, { KUMA_GENERAL_WORK_DIR: join(blocked, "cp") })),
    /blocked/,
  );
});

test("a damaged database is one sentence, and the file is left as it is", async () => {
  const path = join(world.controlPlane.workDir, "skein.db");
  const sound = readFileSync(path);
  const damaged = Buffer.from(sound);
  damaged.fill(0xa5, 4096 * 3, 4096 * 3 + 2048);
  for (const content of [
    damaged,
    Buffer.from("not a database\n".repeat(500)),
    Buffer.alloc(0),
    sound.subarray(0, 5000),
  ]) {
    writeFileSync(path, content);
    const sentence = refusal(await runControlPlane(world));
    assert.match(sentence, /skein\.db is damaged \(.+\); restore a backup of it, or move it/);
    assert.deepEqual(readFileSync(path), content);
  }
  writeFileSync(path, sound);
  assert.ok((await world.startControlPlane()).running, "the sound one is taken");
  await world.stopControlPlane();
  const dir = join(world.site.dir, "directory.db");
  mkdirSync(dir);
  assert.match(refusal(await runControlPlane(world, { KUMA_STORE_SQLITE_PATH: dir })), /directory\.db/);
});
