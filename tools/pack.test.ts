import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PACKAGES, pack } from "./pack.ts";

/** The package in `from "…"` or `import("…")`; relative paths have none. */
const IMPORT = /^(?:import|export|\}).*?(?:from |import )"((?:@[^/"]+\/)?[^./"][^/"]*)/gm;
const TSC = join(import.meta.dirname, "../node_modules/.bin/tsc");

/** Where the packages are unpacked as npm would: in a `node_modules` of its own, far from the sources. */
let modules = "";
let dir = "";

before(() => {
  dir = mkdtempSync(join(tmpdir(), "skein-pack-"));
  const tarballs = pack(join(dir, "packed"));
  modules = join(dir, "node_modules");
  for (const [index, name] of PACKAGES.entries()) {
    const target = join(modules, "@skein", name);
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", tarballs[index] ?? "", "--strip-components=1", "-C", target]);
  }
  const installed = join(import.meta.dirname, "../node_modules");
  for (const name of readdirSync(installed)) {
    if (name !== "@skein" && !name.startsWith(".")) symlinkSync(join(installed, name), join(modules, name));
  }
});

after(() => rmSync(dir, { recursive: true, force: true }));

describe("packed packages", () => {
  const commands = [
    ["cli", "skeinctl", ["version"], /Client: Skein 0\.1\.0/],
    ["cli", "kumactl", ["version"], /Client: Skein 0\.1\.0/],
    ["control-plane", "skein-cp", ["run", "--help"], /--config-file/],
    ["data-plane", "skein-dp", ["--help"], /skein-dp/],
    ["data-plane", "kuma-dp", ["run", "--help"], /--dataplane-file/],
  ] as const;
  for (const [name, command, args, expected] of commands) {
    it(`run ${command} without sources or TypeScript`, () => {
      const root = join(modules, "@skein", name);
      const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
      // Type stripping off: a left-over TypeScript file would be found out.
      const flags = ["--no-experimental-strip-types", join(root, bin[command]), ...args];
      assert.match(
        execFileSync(process.execPath, flags, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }),
        expected,
      );
    });
  }

  it("hold compiled files only, with declarations, a licence and a README", () => {
    for (const name of PACKAGES) {
      const files = globSync("**/*.*", { cwd: join(modules, "@skein", name) });
      const sources = files.filter((file) => /(?<!\.d)\.ts$|\.test\./.test(file));
      assert.deepEqual(sources, [], name);
      for (const file of ["dist/index.js", "dist/index.d.ts", "README.md"])
        assert.ok(files.includes(file), `${name}: ${file}`);
      assert.match(readFileSync(join(modules, "@skein", name, "LICENSE"), "utf8"), /Apache License/);
    }
  });

  it("declare every package that they import", () => {
    for (const name of PACKAGES) {
      const root = join(modules, "@skein", name);
      const { dependencies = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
      const imported = globSync("{dist,bin}/**/*.js", { cwd: root }).flatMap((file) =>
        Array.from(readFileSync(join(root, file), "utf8").matchAll(IMPORT), ([, module = ""]) => module),
      );
      const missing = imported.filter(
        (module) => !module.startsWith("node:") && dependencies[module] === undefined,
      );
      assert.deepEqual([...new Set(missing)], [], name);
    }
  });

  it("have declarations that a consumer's compiler understands", () => {
    const program = join(dir, "consumer.mts");
    writeFileSync(
      program,
      [
        'import { parseKri } from "@skein/model";',
        'import { policies } from "@skein/policies";',
        "const first: string | undefined = policies[0]?.kind.type;",
        "// @ts-expect-error it takes text: were the types lost, anything would do",
        "console.log(first, parseKri(42));",
      ].join("\n"),
    );
    const flags = ["--noEmit", "--strict", "--module", "nodenext", "--skipLibCheck", "--types", "", program];
    const { status, stdout } = spawnSync(process.execPath, [TSC, ...flags], { cwd: dir, encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });
});
