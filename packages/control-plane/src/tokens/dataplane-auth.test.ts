import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DataplaneClaims } from "./claims.ts";
import {
  type AuthenticatedProxy,
  checkDataplaneToken,
  checkWorkloadLabel,
  checkZoneToken,
} from "./dataplane-auth.ts";

const anyone: DataplaneClaims = { Name: "", Mesh: "default", Tags: {}, Type: "", Workload: "" };
const web: AuthenticatedProxy = {
  name: "web-1",
  mesh: "default",
  tags: { "kuma.io/service": ["web", "web-admin"], version: ["v1"] },
  labels: { "kuma.io/workload": "web" },
  identityUsesWorkload: false,
};

function refusal(claims: Partial<DataplaneClaims>, proxy: Partial<AuthenticatedProxy> = {}): string {
  const outcome = checkDataplaneToken({ ...anyone, ...claims }, { ...web, ...proxy });
  return outcome.ok ? "" : outcome.error;
}

test("name, mesh and workload count where the token has them", () => {
  assert.equal(refusal({}), "");
  assert.equal(refusal({ Name: "web-1", Workload: "web" }), "");
  assert.match(refusal({ Name: "web-2" }), /proxy "web-2", and this proxy is "web-1"/);
  assert.match(refusal({ Mesh: "other" }), /mesh "other"/);
  assert.equal(refusal({ Mesh: "" }), "");
  assert.match(refusal({ Workload: "api" }), /workload "api".* is "web"/);
  assert.match(refusal({ Workload: "web" }, { labels: {} }), /is ""/);
});

test("the proxy has every tag of the token, and only values that the token lists", () => {
  assert.equal(refusal({ Tags: { "kuma.io/service": ["web", "web-admin", "more"] } }), "");
  assert.match(
    refusal({ Tags: { "kuma.io/service": ["web"] } }),
    /value "web-admin", and the token allows "web"/,
  );
  assert.match(refusal({ Tags: { region: ["eu"] } }), /tag "region", which the proxy does not have/);
  assert.match(refusal({ Tags: { version: [] } }), /allows none/);
});

test("where the identity comes from the workload, the token is bound to one", () => {
  const bound = { identityUsesWorkload: true };
  assert.match(refusal({}, bound), /requires a workload-bound token/);
  assert.equal(refusal({ Workload: "web" }, bound), "");
  assert.equal(refusal({}, { ...bound, labels: {} }), "");
  assert.ok(!checkWorkloadLabel({ ...web, ...bound, labels: {} }).ok);
  assert.ok(checkWorkloadLabel({ ...web, ...bound }).ok);
  assert.ok(checkWorkloadLabel({ ...web, labels: {} }).ok);
});

test("a token that lists all of a proxy's values is accepted; taking one away refuses it", () => {
  const value = fc.stringMatching(/^[a-z]{1,3}$/);
  const tags = fc.dictionary(value, fc.uniqueArray(value, { minLength: 1, maxLength: 4 }), { minKeys: 1 });
  fc.assert(
    fc.property(tags, (Tags) => {
      assert.equal(refusal({ Tags }, { tags: Tags }), "");
      const [first = "", values = []] = Object.entries(Tags)[0] ?? [];
      assert.notEqual(refusal({ Tags: { ...Tags, [first]: values.slice(1) } }, { tags: Tags }), "");
    }),
  );
});

test("a zone token is for its scope and its zone", () => {
  const zone = { Zone: "east", Scope: ["ingress"] };
  assert.ok(checkZoneToken(zone, { zone: "east", kind: "ingress" }).ok);
  assert.ok(!checkZoneToken(zone, { zone: "east", kind: "egress" }).ok);
  assert.ok(!checkZoneToken(zone, { zone: "west", kind: "ingress" }).ok);
  assert.ok(checkZoneToken({ ...zone, Zone: "" }, { zone: "west", kind: "ingress" }).ok);
});
