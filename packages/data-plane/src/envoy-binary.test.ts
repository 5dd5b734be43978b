import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { findEnvoy, parseEnvoyVersion } from "./envoy-binary.ts";
import { LaunchError } from "./launch-error.ts";

describe("Envoy's binary", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "skein-test-"));
    for (const name of ["envoy", "other", "checkout"]) {
      writeFileSync(join(dir, name), "");
      chmodSync(join(dir, name), 0o755);
    }
    writeFileSync(join(dir, "plain"), "");
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  test("is the named one, then the environment's, then the PATH's, then the checkout's", () => {
    const checkout = join(dir, "checkout");
    const path = { PATH: dir };
    assert.equal(
      findEnvoy(join(dir, "other"), { ...path, SKEIN_ENVOY: "/none" }, checkout),
      join(dir, "other"),
    );
    assert.equal(findEnvoy("other", path, checkout), join(dir, "other"));
    assert.equal(
      findEnvoy(undefined, { ...path, SKEIN_ENVOY: join(dir, "other") }, checkout),
      join(dir, "other"),
    );
    assert.equal(findEnvoy(undefined, path, checkout), join(dir, "envoy"));
    assert.equal(findEnvoy(undefined, { PATH: "" }, checkout), checkout);
  });

  test("that is not there or does not run is named", () => {
    assert.throws(() => findEnvoy(join(dir, "plain"), {}, "/none"), LaunchError);
    assert.throws(() => findEnvoy("envoy-2", { PATH: dir }, join(dir, "checkout")), /no envoy-2 on the PATH/);
    assert.throws(() => findEnvoy(undefined, {}, "/none"), /--binary-path or SKEIN_ENVOY/);
  });
});

test("Envoy's version is read from its build string", () => {
  const build = "9e55809/1.40.0/Clean/RELEASE/BoringSSL";
  assert.deepEqual(parseEnvoyVersion(`\nenvoy  version: ${build}\n`), { version: "1.40.0", build });
  assert.equal(parseEnvoyVersion("version: 7"), undefined);
  assert.equal(parseEnvoyVersion(""), undefined);
});
