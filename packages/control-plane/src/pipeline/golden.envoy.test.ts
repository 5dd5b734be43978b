import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { ENVOY } from "../xds/testing/envoy-process.ts";
import { complaints } from "./testing/envoy-complaints.ts";
import { goldenCases, goldenFolder } from "./testing/golden.ts";
import { type GoldenConfig, staticBootstrap } from "./testing/static-bootstrap.ts";

/* The real Envoy accepts every golden configuration. */

const skip = existsSync(ENVOY) ? false : "no Envoy binary";

for (const name of goldenCases()) {
  test(`Envoy takes the golden configuration: ${name}`, { skip }, async () => {
    const configs: Readonly<Record<string, GoldenConfig>> = parse(
      readFileSync(join(goldenFolder(name), "envoy.yaml"), "utf8"),
    );
    assert.ok(Object.keys(configs).length > 0);
    for (const [dataplane, config] of Object.entries(configs)) {
      assert.equal(await complaints(staticBootstrap(dataplane, config)), "", dataplane);
    }
  });
}

test("Envoy would say so if it did not", { skip }, async () => {
  const broken = { staticResources: { clusters: [{ name: "c", connectTimeout: "-1s", type: "STATIC" }] } };
  assert.match(await complaints(broken), /Invalid duration/);
});
