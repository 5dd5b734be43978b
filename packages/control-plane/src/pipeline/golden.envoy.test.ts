import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parse } from "yaml";
import { ENVOY } from "../xds/testing/envoy-process.ts";
import { goldenCases, goldenFolder } from "./testing/golden.ts";
import { type GoldenConfig, staticBootstrap } from "./testing/static-bootstrap.ts";

/* The real Envoy accepts every golden configuration. */

const skip = existsSync(ENVOY) ? false : "no Envoy binary";
const directory = mkdtempSync(join(tmpdir(), "skein-golden-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** What Envoy has against a bootstrap; empty where it takes it. */
async function complaints(name: string, bootstrap: unknown): Promise<string> {
  const file = join(directory, `${name}.json`);
  writeFileSync(file, JSON.stringify(bootstrap));
  const options = [
    "--mode",
    "validate",
    "-c",
    file,
    "-l",
    "error",
    "--disable-hot-restart",
    "--concurrency",
    "1",
  ];
  const child = spawn(ENVOY, options, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const code = await new Promise((resolve) => child.once("close", resolve));
  return code === 0 ? "" : output || `exit code ${String(code)}`;
}

for (const name of goldenCases()) {
  test(`Envoy takes the golden configuration: ${name}`, { skip }, async () => {
    const configs: Readonly<Record<string, GoldenConfig>> = parse(
      readFileSync(join(goldenFolder(name), "envoy.yaml"), "utf8"),
    );
    assert.ok(Object.keys(configs).length > 0);
    for (const [dataplane, config] of Object.entries(configs)) {
      assert.equal(
        await complaints(`${name}-${dataplane}`, staticBootstrap(dataplane, config)),
        "",
        dataplane,
      );
    }
  });
}

test("Envoy would say so if it did not", { skip }, async () => {
  const broken = { staticResources: { clusters: [{ name: "c", connectTimeout: "-1s", type: "STATIC" }] } };
  assert.match(await complaints("broken", broken), /Invalid duration/);
});
