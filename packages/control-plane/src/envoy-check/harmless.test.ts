import assert from "node:assert/strict";
import { test } from "node:test";
import { harmless } from "./harmless.ts";

const LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";

test("a script is compiled and not run, whatever it contains", () => {
  for (const script of ["os.execute('id')", "x = ']=]' os.exit()", "y = [==[ ]] ]==]", "z]=", "]==]]=]"]) {
    const result = harmless({ filters: [{ "@type": LUA, defaultSourceCode: { inlineString: script } }] });
    assert.equal(result.kind, "harmless");
    const text = JSON.stringify(result);
    const wrapped = /"inlineString":("(?:[^"\\]|\\.)*")/.exec(text)?.[1];
    const code: string = JSON.parse(wrapped ?? '""');
    const [, level = "", inner = ""] =
      /^assert\(loadstring\(\[(=+)\[\n([\s\S]*)\]\1\]\)\)\n/.exec(code) ?? [];
    assert.equal(inner, script);
    assert.ok(
      !`${script}]${level}]`.slice(0, -1).includes(`]${level}]`),
      "the script cannot end its own quotes",
    );
  }
});

test("access logs go nowhere", () => {
  const type = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
  assert.deepEqual(harmless({ a: { "@type": type, path: "/etc/passwd" } }), {
    kind: "harmless",
    config: { a: { "@type": type, path: "/dev/null" } },
  });
});

test("logs of health checks go nowhere, and words that only sound like paths stay", () => {
  assert.deepEqual(harmless({ a: { eventLogPath: "/etc/passwd", normalizePath: true, healthPath: "x" } }), {
    kind: "harmless",
    config: { a: { eventLogPath: "/dev/null", normalizePath: true, healthPath: "x" } },
  });
});

const unchecked: readonly [about: string, config: unknown, reason: RegExp][] = [
  ["files", { certificateChain: { filename: "/etc/key" } }, /proxy's own machine \(filename\)/],
  ["variables", { inline: { environmentVariable: "SECRET" } }, /environmentVariable/],
  [
    "WebAssembly",
    { "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm" },
    /wasm.*acts/,
  ],
  ["modules", { "@type": "x/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter" }, /acts/],
  [
    "types in disguise",
    { "@type": "type.googleapis.com/xds.type.v3.TypedStruct", typeUrl: LUA },
    /TypedStruct/,
  ],
  ["other files", { geoDbPath: "/var/lib/geo.mmdb" }, /proxy's own machine \(geoDbPath\)/],
  ["libraries", { library: "lib.so" }, /library/],
  ["scripts in bytes", { "@type": LUA, defaultSourceCode: { inlineBytes: "eA==" } }, /bytes/],
];

for (const [about, config, reason] of unchecked) {
  test(`not here: ${about}`, () => {
    const result = harmless({ deep: [config] });
    assert.equal(result.kind, "not here");
    assert.match(result.kind === "not here" ? result.reason : "", reason);
  });
}
