import assert from "node:assert/strict";
import { test } from "node:test";
import { legacyUris } from "./legacy-uris.ts";

test("every service and every tag value is a URI, once", () => {
  const tags = { "kuma.io/service": ["web", "api", "web"], version: ["v1"] };
  assert.deepEqual(legacyUris({ mesh: "m", tags, labels: {} }), {
    ok: true,
    value: [
      "spiffe://m/api",
      "spiffe://m/web",
      "kuma://kuma.io/service/api",
      "kuma://kuma.io/service/web",
      "kuma://version/v1",
    ],
  });
});

test("a proxy without a service tag is named by its workload, and one without either is told so", () => {
  const labels = { "kuma.io/workload": "web" };
  assert.deepEqual(legacyUris({ mesh: "m", tags: {}, labels }), { ok: true, value: ["spiffe://m/web"] });
  const neither = legacyUris({ mesh: "m", tags: { version: ["v1"] }, labels: {} });
  assert.ok(!neither.ok);
  assert.match(neither.error, /kuma\.io\/service.*kuma\.io\/workload/);
});
