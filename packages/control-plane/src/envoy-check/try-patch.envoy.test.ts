import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import type { Trial } from "../api/ports.ts";
import { mapStrings, unnamed } from "../pipeline/testing/certificates.ts";
import { goldenFolder } from "../pipeline/testing/golden.ts";
import { stored, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import { openMemoryStore } from "../store/memory.ts";
import { ENVOY } from "../xds/testing/envoy-process.ts";
import { patchTrial } from "./patch-trial.ts";

/* What the real Envoy is asked before a MeshProxyPatch is written. The mesh has all protocols, and identities. */

const skip = existsSync(ENVOY) ? false : "no Envoy binary";
const LUA_TYPE = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";
const HTTP_1 = { kind: "Dataplane", name: "http-1" };

/** Tries patches on a mesh whose proxies are not connected, so their certificates do not exist. */
async function trialOf(
  config: { readonly path: string; readonly validate: boolean } = { path: ENVOY, validate: true },
): Promise<(targetRef: object, ...modifications: readonly object[]) => Promise<Trial>> {
  const store = openMemoryStore({ now: () => 0 });
  const world = new World({ zone: ZONE });
  store.watch((changes) => world.apply(changes));
  for (const document of parseAllDocuments(
    readFileSync(join(goldenFolder("protocols"), "resources.yaml"), "utf8"),
  )) {
    await store.write([{ op: "create", resource: stored(mapStrings(document.toJS(), unnamed), 1) }]);
  }
  world.mesh("default").stage.set("kri_mid_default_east__everyone_", "enforced");
  const tryOut = patchTrial({ config, env: {}, world, store, now: Date.now, random: randomBytes });
  return (targetRef, ...appendModifications) =>
    tryOut(
      stored(
        {
          type: "MeshProxyPatch",
          mesh: "default",
          name: "p",
          spec: { targetRef, default: { appendModifications } },
        },
        1,
      ),
    );
}

const maglev = (tableSize: number) => ({
  cluster: {
    operation: "Patch",
    match: { origin: "outbound" },
    value: `lbPolicy: MAGLEV\nmaglevLbConfig: {tableSize: ${tableSize}}`,
  },
});
const lua = (inlineString: string, operation = "AddFirst", match: object = { origin: "inbound" }) => ({
  httpFilter: {
    operation,
    match,
    value: JSON.stringify({
      name: "hello",
      typedConfig: { "@type": LUA_TYPE, defaultSourceCode: { inlineString } },
    }),
  },
});
const nothing: Trial = { violations: [], warnings: [] };

test("what Envoy takes is taken, on every protocol and with certificates that do not exist yet", {
  skip,
}, async () => {
  const tryOut = await trialOf();
  const script = "function envoy_on_request(handle) handle:headers():add('x', 'y') end";
  assert.deepEqual(await tryOut({ kind: "Mesh" }, lua(script), maglev(65537)), nothing);
});

test("what it refuses is a violation of the modification that is guilty, in Envoy's words", {
  skip,
}, async () => {
  const tryOut = await trialOf();
  const fine = { cluster: { operation: "Patch", match: {}, value: "connectTimeout: 3s" } };
  const { violations } = await tryOut({ kind: "Mesh" }, fine, lua("--"), maglev(6), fine, fine);
  assert.deepEqual(violations, [
    {
      field: "spec.default.appendModifications[2].cluster",
      reason: 'Envoy refuses what dataplane "tcp-1" would get: The table size of maglev must be prime number',
    },
  ]);
});

test("a script with a mistake is refused, and none is run here", { skip }, async () => {
  const tryOut = await trialOf();
  const { violations } = await tryOut(HTTP_1, lua("function ("));
  assert.equal(violations[0]?.field, "spec.default.appendModifications[0].httpFilter");
  assert.match(violations[0]?.reason ?? "", /script load error/);
  assert.deepEqual(await tryOut(HTTP_1, lua("error('this must not run')")), nothing);
});

test("a filter behind the router is refused", { skip }, async () => {
  const tryOut = await trialOf();
  const { violations } = await tryOut(HTTP_1, lua("--", "AddAfter", { name: "envoy.filters.http.router" }));
  assert.match(violations[0]?.reason ?? "", /terminal filter/);
});

test("what cannot be done on a proxy is a violation", { skip }, async () => {
  const tryOut = await trialOf();
  const { violations } = await tryOut(HTTP_1, maglev(65537), {
    cluster: {
      operation: "Patch",
      match: {},
      jsonPatches: [{ op: "replace", path: "/healthChecks", value: [] }],
    },
  });
  assert.deepEqual(violations, [
    {
      field: "spec.default.appendModifications[1].cluster",
      reason:
        'cannot be done on cluster self_inbound_dp_main of dataplane "http-1": replace /healthChecks: there is nothing at this path; "add" would make it',
    },
  ]);
});

test("what finds nothing to do is said", { skip }, async () => {
  const tryOut = await trialOf();
  const remove = (name: string) => ({ httpFilter: { operation: "Remove", match: { name } } });
  assert.deepEqual(await tryOut(HTTP_1, lua("--"), remove("envoy.filters.http.fault")), {
    violations: [],
    warnings: [
      'spec.default.appendModifications[1].httpFilter finds nothing to change on the proxy that it selects now, "http-1"',
    ],
  });
  const { warnings } = await tryOut({ kind: "Mesh" }, remove("envoy.filters.http.fault"));
  assert.match(warnings[0] ?? "", /finds nothing to change on any of the 5 proxies that it selects now/);
  assert.deepEqual(await tryOut({ kind: "Dataplane", labels: { app: "nobody" } }, maglev(6)), nothing);
});

test("what Envoy could not be asked is said", { skip }, async () => {
  const ask = async (config: { readonly path: string; readonly validate: boolean }, code = "--") =>
    (await (await trialOf(config))(HTTP_1, lua(code))).warnings.join();
  assert.equal(
    await ask({ path: "/none", validate: true }),
    "no Envoy was asked whether it takes this: there is no /none on the control plane's machine (skein.envoy.path)",
  );
  assert.match(await ask({ path: "", validate: false }), /skein\.envoy\.validate is false/);
  const file = {
    httpFilter: {
      ...lua("").httpFilter,
      value: `name: hello\ntypedConfig: {"@type": ${LUA_TYPE}, defaultSourceCode: {filename: /etc/x.lua}}`,
    },
  };
  const { warnings } = await (await trialOf())(HTTP_1, file);
  assert.deepEqual(warnings, [
    "no Envoy could tell whether it takes this: it refers to the proxy's own machine (filename)",
  ]);
});
