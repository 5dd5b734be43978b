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
import { until, withWorld } from "../packages/testbed/src/index.ts";
import { PACKAGES, pack } from "./pack.ts";

/** The package in `from "…"` or `import("…")`; relative paths have none. */
const IMPORT = /^(?:import|export|\}).*?(?:from |import )"((?:@[^/"]+\/)?[^./"][^/"]*)/gm;
const TSC = join(import.meta.dirname, "../node_modules/.bin/tsc");

/** Where the packages are unpacked as npm would: in a `node_modules` of its own, far from the sources. */
let modules = "";
let dir = "";

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "skein-pack-"));
  const tarballs = await pack(join(dir, "packed"));
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

const patch = (name: string, modification: object): string =>
  JSON.stringify({
    type: "MeshProxyPatch",
    mesh: "default",
    name,
    spec: { targetRef: { kind: "Mesh" }, default: { appendModifications: [modification] } },
  });

const SCRIPT = patch("script", {
  httpFilter: {
    operation: "AddLast",
    match: { origin: "inbound" },
    value: JSON.stringify({
      name: "envoy.filters.http.lua",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        defaultSourceCode: {
          inlineString: "function envoy_on_response(handle) handle:headers():add('x-packed', 'yes') end",
        },
      },
    }),
  },
});

/** Refused by what knows Envoy's messages, and by a real Envoy. */
const REFUSED = [
  [patch("typo", { cluster: { operation: "Patch", value: "conectTimeout: 5s" } }), /conectTimeout/],
  [
    patch("maglev", {
      cluster: { operation: "Patch", value: "lbPolicy: MAGLEV\nmaglevLbConfig: {tableSize: 6}" },
    }),
    /table size of maglev must be prime/,
  ],
] as const;

/** A program as `npm install` links it. Type stripping is off: a left-over TypeScript file would be found out. */
function program(name: string, command: string): readonly string[] {
  const root = join(modules, "@skein", name);
  const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return [process.execPath, "--no-experimental-strip-types", join(root, bin[command])];
}

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
      const [node = "", ...flags] = program(name, command);
      const output = execFileSync(node, [...flags, ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
      assert.match(output, expected);
    });
  }

  it("run a mesh with real Envoys, and load late what is loaded late", async () => {
    const commands = {
      controlPlane: program("control-plane", "skein-cp"),
      dataPlane: program("data-plane", "skein-dp"),
      ctl: program("cli", "skeinctl"),
    };
    await withWorld(
      async (world) => {
        await world.startControlPlane();
        await world.apply("{type: Mesh, name: default, meshServices: {mode: Exclusive}}");
        await world.startService({ service: "check-in-api", host: 12 });
        const outbounds = [{ service: "check-in-api", port: 10_001 }];
        await world.startService({ service: "passenger-portal", host: 11, outbounds });
        const url = `http://${world.site.block.address(11)}:10001/`;
        await world.apply(SCRIPT, ["--wait=30s"]);
        await until(
          "the patched listener answers",
          async () => (await fetch(url)).headers.get("x-packed") === "yes",
        );
        for (const [document, problem] of REFUSED) {
          const { code, stderr, stdout } = await world.ctl(["apply", "-f", "-"], { stdin: document });
          assert.equal(code, 1);
          assert.match(stdout + stderr, problem);
        }
        for (const args of [
          ["inspect", "dataplane", "check-in-api", "-m", "default", "--type=config"],
          ["analyze", "-m", "default"],
          ["get", "meshproxypatches", "-m", "default", "-o", "yaml"],
        ]) {
          const { code, stdout, stderr } = await world.ctl(args);
          assert.equal(code, 0, stderr);
          assert.match(stdout, /x-packed|Nothing found/, args.join(" "));
        }
      },
      { mesh: "default", commands },
    );
  });

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
