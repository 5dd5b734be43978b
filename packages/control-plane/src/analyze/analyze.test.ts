import assert from "node:assert/strict";
import { test } from "node:test";
import { coreKinds } from "@skein/model";
import { policyKinds } from "@skein/policies/kinds";
import { AIRLINE, allow, IDENTITY, policy, worldOf } from "../explain/testing/airline.ts";
import { PEM } from "../pipeline/testing/certificates.ts";
import { analyze } from "./analyze.ts";
import { codesIn, findingsIn } from "./testing/findings.ts";

const timeout = (name: string, value: string, targetRef: object = { kind: "Mesh" }) =>
  policy("MeshTimeout", name, {
    targetRef,
    to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: value } }],
  });

test("a mesh in order is clean", () => {
  assert.deepEqual(findingsIn(AIRLINE), []);
  assert.deepEqual(findingsIn(AIRLINE + IDENTITY + allow("portal")), []);
});

test("the policies that a mesh starts with are nobody's fault", () => {
  assert.deepEqual(findingsIn(AIRLINE.replace('skipCreatingInitialPolicies: ["*"]', "")), []);
});

test("a rule is shadowed by more specific ones, however many, and only if nothing of it is left", () => {
  const specific = (name: string, labels: object) => timeout(name, "2s", { kind: "Dataplane", labels });
  const broad = timeout("broad", "1s");
  // Only the portal calls anybody, so its own policy hides the one of the mesh.
  const shadowed = findingsIn(AIRLINE + broad + specific("narrow", { app: "portal" }));
  assert.deepEqual(
    shadowed.map(({ code, resource, path }) => [code, resource.name, path]),
    [["SK0102", "broad", "spec.to[0]"]],
  );
  assert.match(shadowed[0]?.message ?? "", /kri_mt_default_east__narrow_ to\[0\] sets them all/);
  assert.deepEqual(codesIn(AIRLINE + broad + specific("narrow", { app: "check-in" })), []);
  const half = policy("MeshTimeout", "broad", {
    to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1s", connectionTimeout: "9s" } }],
  });
  assert.deepEqual(codesIn(AIRLINE + half + specific("narrow", { app: "portal" })), []);
});

test("a conflict needs equal precedence, the same field and different values", () => {
  const both = findingsIn(AIRLINE + timeout("a", "1s") + timeout("b", "2s"));
  assert.deepEqual(
    both.map(({ code, resource }) => [code, resource.name]),
    [
      ["SK0102", "b"],
      ["SK0103", "b"],
    ],
  );
  assert.match(both[1]?.message ?? "", /"a" has the same precedence.*idleTimeout is 1s there and 2s here/);
  assert.ok(!codesIn(AIRLINE + timeout("a", "1s") + timeout("b", "1s")).includes("SK0103"));
  const service = { kind: "MeshService", name: "check-in" };
  const other = policy("MeshTimeout", "b", { to: [{ targetRef: service, default: { idleTimeout: "2s" } }] });
  assert.ok(!codesIn(AIRLINE + timeout("a", "1s") + other).includes("SK0103"));
});

test("a policy that overrides one that its mesh started with is meant to; one that loses against it is not", () => {
  const limited = (name: string) =>
    policy("MeshTimeout", name, {
      targetRef: { kind: "Mesh", proxyTypes: ["Sidecar"] },
      to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "9s" } }],
    });
  const fresh = AIRLINE.replace('skipCreatingInitialPolicies: ["*"]', "");
  const initial = limited("mesh-timeout-all-default").replace("9s", "1h");
  assert.ok(!codesIn(fresh + initial + limited("a")).includes("SK0103"));
  const lost = findingsIn(fresh + initial + limited("z")).filter(({ code }) => code === "SK0103");
  assert.deepEqual(
    lost.map(({ resource }) => resource.name),
    ["z"],
  );
  assert.match(lost[0]?.message ?? "", /"mesh-timeout-all-default" has the same precedence/);
});

test("HTTP rules on inbounds of bytes are said, unless one of the inbounds is HTTP", () => {
  const rule = (targetRef: object) =>
    policy("MeshTimeout", "t", { targetRef, rules: [{ default: { http: { requestTimeout: "1s" } } }] });
  assert.deepEqual(codesIn(AIRLINE + rule({ kind: "Dataplane", labels: { app: "radar" } })), ["SK0301"]);
  assert.deepEqual(codesIn(AIRLINE + rule({ kind: "Mesh", proxyTypes: ["Sidecar"] })), []);
});

test("rules for different callers do not conflict", () => {
  const forCaller = (name: string, caller: string, value: string) =>
    policy("MeshTimeout", name, {
      rules: [
        {
          matches: [{ spiffeID: { type: "Exact", value: `spiffe://air.test/${caller}` } }],
          default: { http: { requestTimeout: value } },
        },
      ],
    });
  const ids = AIRLINE + IDENTITY;
  assert.deepEqual(codesIn(ids + forCaller("a", "portal", "1s") + forCaller("b", "radar", "2s")), []);
  assert.ok(
    codesIn(ids + forCaller("a", "portal", "1s") + forCaller("b", "portal", "2s")).includes("SK0103"),
  );
});

test("certificates: an expired one is an error, a leaf is nobody's CA", () => {
  const insight = (expires: string) =>
    `\n---\n${JSON.stringify({ type: "DataplaneInsight", mesh: "default", name: "portal-1", mTLS: { certificateExpirationTime: expires } })}`;
  assert.deepEqual(codesIn(AIRLINE + insight("2026-05-31T23:59:00Z")), ["SK0404"]);
  assert.deepEqual(codesIn(AIRLINE + insight("2026-06-01T00:01:00Z")), []);
  const secret = (pem: string) =>
    `\n---\n${JSON.stringify({ type: "Secret", mesh: "default", name: "s", data: Buffer.from(pem).toString("base64") })}`;
  const late = Date.UTC(2200, 0, 1);
  const [ca] = findingsIn(AIRLINE + secret(PEM["ca.pem"]), late);
  assert.deepEqual([ca?.code, ca?.severity], ["SK0403", "error"]);
  assert.deepEqual(codesIn(AIRLINE + secret(PEM["ca.pem"])), []);
  assert.deepEqual(codesIn(AIRLINE + secret(PEM["leaf.pem"]), late), []);
});

test("a service whose instances are all away has no endpoints; an ignored inbound is nobody's business", () => {
  const radar = "port: 9000, protocol: tcp";
  const [away] = findingsIn(AIRLINE.replace(radar, `${radar}, state: NotReady`));
  assert.deepEqual(
    [away?.code, away?.message],
    ["SK0602", "port 9000 has no endpoints: none of its 1 instances is ready"],
  );
  const second = AIRLINE.replace(
    "inbound: [{name: main, port: 9000",
    "inbound: [{name: side, port: 9001, protocol: tcp, state: Ignored}, {name: main, port: 9000",
  );
  assert.deepEqual(codesIn(second), []);
});

test("without identity: an error for the proxy where servers are strict, a warning for the policy anyway", () => {
  const some = IDENTITY.replace("matchLabels: {}", "matchLabels: {app: check-in}");
  const found = findingsIn(AIRLINE + some + allow("portal"));
  assert.deepEqual(
    found.map(({ code, resource }) => [code, resource.name]),
    [
      ["SK0401", "portal-1"],
      ["SK0401", "radar-1"],
      ["SK0402", "allow"],
    ],
  );
  const open = policy("MeshTLS", "open", { rules: [{ default: { mode: "Permissive" } }] });
  assert.ok(!codesIn(AIRLINE + some + open).includes("SK0401"));
});

test("shadow policies are left alone, and other meshes too", () => {
  const shadow = `\n---\n${JSON.stringify({
    type: "MeshTimeout",
    mesh: "default",
    name: "s",
    labels: { "kuma.io/effect": "shadow" },
    spec: {
      targetRef: { kind: "Dataplane", labels: { app: "nobody" } },
      to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1s" } }],
    },
  })}`;
  assert.deepEqual(codesIn(AIRLINE + shadow), []);
  const elsewhere = shadow.replace('"mesh":"default"', '"mesh":"other"').replace('"shadow"', '"none"');
  assert.deepEqual(codesIn(AIRLINE + elsewhere), []);
});

test("a secret is looked into only where it can be read", () => {
  const { world, resources } = worldOf(AIRLINE);
  const secret = { ...resources[0], type: "Secret", mesh: "default", name: "s", spec: { data: "" } };
  const found = analyze({
    mesh: world.mesh("default"),
    resources: [...resources, secret as (typeof resources)[number]],
    kinds: [...coreKinds, ...policyKinds],
    secret: () => undefined,
    now: 0,
  });
  assert.deepEqual(found, []);
});

test("a service for which no address was left is an error, with the setting of its range", () => {
  const { world, resources } = worldOf(AIRLINE);
  const kinds = [...coreKinds, ...policyKinds];
  const without = resources.map((resource) =>
    resource.type === "MeshService" && resource.name === "check-in"
      ? { ...resource, status: { ...Object(resource.status), vips: [] } }
      : resource,
  );
  const input = { mesh: world.mesh("default"), kinds, secret: () => undefined, now: 0 };
  const found = analyze({ ...input, resources: without });
  assert.deepEqual(
    found.map(({ code, severity, resource }) => [code, severity, resource.name]),
    [["SK0605", "error", "check-in"]],
  );
  assert.match(found[0]?.message ?? "", /ipam\.meshService\.cidr is used up/);
  assert.deepEqual(analyze({ ...input, resources }), []);
});
