import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { Logger } from "./log.ts";
import { until } from "./testing/until.ts";
import { mirrorToken, readToken, writeToken } from "./token-mirror.ts";

describe("a mirrored token", () => {
  let dir: string;
  let copy: string;
  const warnings: string[] = [];
  const silent = () => undefined;
  const log: Logger = {
    debug: silent,
    info: silent,
    warn: (message) => warnings.push(message),
    error: silent,
  };
  const becomes = (token: string) => until(`the copy is ${token}`, () => readToken(copy) === token, 3_000);

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "skein-test-"));
    copy = join(dir, "copy");
    writeToken(copy, "one");
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test("follows writes in place and renames, trimmed, for its owner only", async () => {
    const source = join(dir, "source");
    writeFileSync(source, "one\n");
    using _mirror = mirrorToken(source, copy, log);
    writeFileSync(source, "two\n");
    await becomes("two");
    assert.equal(readFileSync(copy, "utf8"), "two");
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    writeFileSync(`${source}.new`, "three");
    renameSync(`${source}.new`, source);
    await becomes("three");
  });

  test("follows swapped symlinks, as a pod's mounted secret changes", async () => {
    for (const [name, token] of [
      ["..1", "one"],
      ["..2", "two"],
    ] as const) {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, "token"), token);
    }
    symlinkSync("..1", join(dir, "..data"));
    symlinkSync("..data/token", join(dir, "token"));
    using _mirror = mirrorToken(join(dir, "token"), copy, log);
    symlinkSync("..2", join(dir, "..new"));
    renameSync(join(dir, "..new"), join(dir, "..data"));
    await becomes("two");
  });

  test("keeps the old one while the file is empty or missing", async () => {
    const source = join(dir, "source");
    writeFileSync(source, "one");
    using _mirror = mirrorToken(source, copy, log);
    writeFileSync(source, "");
    rmSync(source);
    await until("the missing file is reported", () => warnings.length > 0, 3_000);
    assert.equal(readToken(copy), "one");
    writeFileSync(source, "two");
    await becomes("two");
  });
});
