import assert from "node:assert/strict";
import { test } from "node:test";
import { readRejection } from "./rejection.ts";

const candidates = ["l1", "ok", "bad2", "bad:3", "inbound:127.0.0.1:80"];

test("listeners that Envoy 1.40 names are found, also with colons in their names", () => {
  const text =
    "Error adding/updating listener(s) l1: Didn't find a registered implementation for 'tcp' with type URL: 'x.Absent'\n" +
    'bad2: goo.gle/debugproto    \ncluster: "a"\n: Proto constraint validation failed (TcpProxyValidationError.StatPrefix: value length must be at least 1 characters)\n' +
    "bad:3: cannot bind '203.0.113.9:18003': Cannot assign requested address\n" +
    "inbound:127.0.0.1:80: error adding listener\n";
  assert.deepEqual(readRejection(text, candidates), {
    names: ["l1", "bad2", "bad:3", "inbound:127.0.0.1:80"],
    othersApplied: true,
  });
});

test("clusters that Envoy 1.40 names are found", () => {
  const text =
    "Error adding/updating cluster(s) b1: Didn't find a registered implementation for 'absent', b2: no";
  assert.deepEqual(readRejection(text, ["g1", "b1", "b2", "1"]), {
    names: ["b1", "b2"],
    othersApplied: true,
  });
});

test("a resource that is printed is the one at fault, and nothing else is in use", () => {
  const text =
    'goo.gle/debugproto    \nname: "bad2"\nfilter_chains {\n  filters {\n    name: "ok"\n  }\n}\n: Proto constraint validation failed (ListenerValidationError.X: y)';
  assert.deepEqual(readRejection(text, candidates), { names: ["bad2"], othersApplied: false });
  const endpoint =
    'goo.gle/debugproto    \ncluster_name: "l1"\nendpoints {\n}\n: Proto constraint validation failed (Z)';
  assert.deepEqual(readRejection(endpoint, candidates), { names: ["l1"], othersApplied: false });
});

test("a reason without a name gives none", () => {
  const text = "Invalid duration: Expected positive duration: goo.gle/debugproto    \nseconds: -1\n";
  assert.deepEqual(readRejection(text, candidates), { names: [], othersApplied: false });
});

test("behind the end of a text that was cut there may be more names", () => {
  const text = `Error adding/updating listener(s) l1: ${"x".repeat(4100)}`;
  assert.deepEqual(readRejection(text, candidates), { names: ["l1"], othersApplied: false });
});
