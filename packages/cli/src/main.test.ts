import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { programNameOf } from "./io.ts";
import { list, startFakeControlPlane } from "./testing/fake-control-plane.ts";
import { createSandbox, type Outcome } from "./testing/run-command.ts";
import { version } from "./version.ts";

const main = fileURLToPath(new URL("../bin/skeinctl.js", import.meta.url));

function runProcess(home: string, args: readonly string[], script = main): Promise<Outcome> {
  const env = { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: join(home, ".cache") };
  const child = spawn(process.execPath, [script, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    err += String(chunk);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code: code ?? -1, out, err })));
}

test("the program runs natively, with its exit code and its configuration", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes": list({ type: "Mesh", name: "demo" }) });
  using sandbox = createSandbox({ url: cp.url });
  const good = await runProcess(sandbox.home, ["config", "control-planes", "list"]);
  assert.deepEqual(good, { code: 0, out: `ACTIVE   NAME   ADDRESS\n*        test   ${cp.url}\n`, err: "" });
  assert.equal((await runProcess(sandbox.home, ["proxy-status"])).code, 1);
  assert.equal((await runProcess(sandbox.home, ["proxy-statu"])).code, 2);
});

test("called as kumactl it speaks as kumactl", async () => {
  using sandbox = createSandbox();
  symlinkSync(main, sandbox.path("kumactl"));
  const { code, err } = await runProcess(sandbox.home, ["inspekt"], sandbox.path("kumactl"));
  assert.equal(code, 2);
  assert.match(err, /Did you mean inspect\?\)\nRun "kumactl --help" for usage\.\n$/);
  assert.deepEqual(["/x/kumactl.js", "/x/main.ts", undefined].map(programNameOf), [
    "kumactl",
    "skeinctl",
    "skeinctl",
  ]);
});

test("no arguments print the help", async () => {
  using sandbox = createSandbox();
  const { code, out, err } = await sandbox.run();
  assert.deepEqual([code, err], [0, ""]);
  for (const command of [
    "apply",
    "get|list",
    "delete",
    "export",
    "inspect",
    "explain",
    "analyze",
    "test",
    "generate",
    "config",
    "proxy-status",
    "access",
    "version",
    "completion",
  ]) {
    assert.match(out, new RegExp(`^ {2}${command.replace("|", "\\|")}[ \\n]`, "m"));
  }
  assert.equal((await sandbox.run("apply", "--help")).code, 0);
  assert.equal((await sandbox.run("generate")).code, 2);
});

test("the version is that of the package", () => {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  assert.equal((JSON.parse(text) as { readonly version: string }).version, version);
});
