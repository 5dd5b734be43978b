import assert from "node:assert/strict";
import { test } from "node:test";
import { IDENTITY, policy, worldOf } from "../explain/testing/airline.ts";
import { EGRESS, egress, leave, OUTBOUNDS, pay } from "../explain/testing/outside.ts";
import { accessMatrix } from "./matrix.ts";

/** Who may call `pay`, by caller. */
function toPay(documents: string) {
  const entries = accessMatrix(worldOf(documents).world.mesh("default"));
  const found = entries.filter(({ destination }) => destination === "pay");
  return Object.fromEntries(found.map(({ source, ...rest }) => [source, rest]));
}

function verdicts(documents: string) {
  return Object.fromEntries(
    Object.entries(toPay(documents)).map(([source, { verdict }]) => [source, verdict]),
  );
}

const OPEN = EGRESS + IDENTITY + pay();

test("an egress: nobody may leave whom no permission names, and the permission that decides is named", () => {
  assert.deepEqual(verdicts(OPEN), { "check-in": "deny", portal: "deny", radar: "deny" });
  const { portal, radar } = toPay(OPEN + leave("pay", "allow", ["portal"]));
  assert.deepEqual(portal, {
    sourceId: "spiffe://air.test/portal",
    destination: "pay",
    port: 443,
    outside: "egress",
    verdict: "allow",
    policy: "kri_mtp_default_east__pay_",
    reason: "allowed by rules[0]",
  });
  assert.deepEqual(
    [radar?.verdict, radar?.policy, radar?.reason],
    ["deny", null, "no MeshTrafficPermission allows it"],
  );
  const denied = toPay(OPEN + leave("pay", "allow", ["portal"]) + leave("no", "deny", ["portal"])).portal;
  assert.deepEqual(
    [denied?.verdict, denied?.policy, denied?.reason],
    ["deny", "kri_mtp_default_east__no_", "denied by rules[0]"],
  );
});

test("a permission by SPIFFE id alone, for the mesh, lets out too", () => {
  const match = { spiffeID: { type: "Exact", value: "spiffe://air.test/radar" } };
  const all = policy("MeshTrafficPermission", "all", { rules: [{ default: { allow: [match] } }] });
  assert.deepEqual(verdicts(OPEN + all), { "check-in": "deny", portal: "deny", radar: "allow" });
});

test("listeners that do not agree: some connections get through", () => {
  const two = egress("egress-2", "127.0.1.8", "[{type: ZoneEgress, port: 10002, name: other}]");
  const { portal, radar } = toPay(OPEN + two + leave("pay", "allow", ["portal"], { sectionName: "other" }));
  assert.deepEqual(
    [portal?.verdict, portal?.policy, portal?.reason],
    [
      "differs",
      null,
      "egress-1: deny, no MeshTrafficPermission allows it; egress-2: allow, allowed by rules[0] of kri_mtp_default_east__pay_",
    ],
  );
  assert.equal(radar?.verdict, "deny");
});

test("what is not reachable says why", () => {
  const reason = (documents: string) => {
    const { verdict, reason } = toPay(documents).portal ?? assert.fail("no pair");
    return `${verdict}: ${reason}`;
  };
  const allowed = leave("pay", "allow", ["portal"]);
  assert.match(
    reason(EGRESS + pay() + allowed),
    /^unreachable: Mesh "default" has routing\.zoneEgress: true, no zone egress is ready \(egress-1: no MeshIdentity/,
  );
  const sealed = EGRESS + IDENTITY + pay({ verification: { caCert: { secret: "ca" } } });
  assert.match(reason(sealed + allowed), /^unreachable: .*there is no Secret "ca"/);
  assert.match(reason(sealed), /^deny: /);
  const partly = IDENTITY.replace("matchLabels: {}", "matchLabels: {app: egress}");
  assert.equal(
    reason(EGRESS + partly + pay() + allowed),
    "deny: the caller has no identity, and a zone egress takes mesh TLS only",
  );
});

test("without an egress a caller's own proxy lets it out, and nobody is asked", () => {
  const { portal, radar } = toPay(OUTBOUNDS + IDENTITY + pay() + leave("no", "deny", ["portal"]));
  assert.deepEqual(
    [portal?.outside, portal?.verdict, portal?.policy, portal?.reason],
    ["sidecar", "unchecked", null, "the caller's own proxy calls it, and no permission is asked"],
  );
  assert.deepEqual(
    [radar?.verdict, radar?.reason],
    ["unreachable", "the caller's proxy has no outbound for it"],
  );
});

test("a mesh that forbids what is outside: the caller's own proxy decides by the permissions that select it", () => {
  const forbidding = `${OUTBOUNDS.replace(
    "meshServices: {mode: Exclusive}",
    "meshServices: {mode: Exclusive}\nrouting: {defaultForbidMeshExternalServiceAccess: true}",
  )}${IDENTITY}${pay()}`;
  const { portal } = toPay(forbidding);
  assert.deepEqual(
    [portal?.verdict, portal?.policy, portal?.reason],
    [
      "deny",
      null,
      "the mesh forbids external services by default, and no MeshTrafficPermission allows this one",
    ],
  );
  const own = leave("own", "allow", ["portal"]).replace(/"targetRef":\{.*?\}\},/s, "");
  const opened = toPay(forbidding + own).portal;
  assert.deepEqual([opened?.verdict, opened?.policy], ["allow", "kri_mtp_default_east__own_"]);
});

test("a proxy that is an egress and nothing else is no caller", () => {
  const sources = accessMatrix(worldOf(OPEN).world.mesh("default")).map(({ source }) => source);
  assert.deepEqual([...new Set(sources)], ["check-in", "portal", "radar"]);
});
