import assert from "node:assert/strict";
import { test } from "node:test";
import { AIRLINE, ask, IDENTITY, policy } from "./testing/airline.ts";
import { EGRESS, leave, OUTBOUNDS, pay } from "./testing/outside.ts";

function told(world: string, destination: string) {
  const answer = ask(world, "portal", destination);
  const hops = answer.branches.flatMap((branch) => branch.hops);
  return { answer, hops, tls: hops.find(({ at }) => at === "tls") };
}

test("a call that leaves the mesh: where to, and who is verified by whom", () => {
  const { answer, hops, tls } = told(OUTBOUNDS + IDENTITY + pay({}), "pay");
  assert.equal(answer.verdict, "allowed");
  assert.equal(hops[0]?.text, "no permission is asked");
  assert.match(hops[1]?.text ?? "", /outside the mesh: pay\.example:443, 1 more where that fails/);
  assert.equal(
    tls?.text,
    "leaves the mesh: TLS to pay.example, verified by the machine's roots in /etc/ssl/certs/ca-certificates.crt, as pay.example",
  );
  assert.match(told(OUTBOUNDS + pay(), "pay").tls?.text ?? "", /the proxy adds no TLS/);
  const skipped = told(OUTBOUNDS + pay({ verification: { mode: "SkipAll" } }), "pay").tls;
  assert.deepEqual(
    [skipped?.outcome, skipped?.text],
    ["warn", "leaves the mesh: TLS to pay.example, and nobody is verified"],
  );
});

test("a call that cannot leave says why", () => {
  const { answer } = told(OUTBOUNDS + pay({ verification: { caCert: { secret: "ca" } } }), "pay");
  assert.equal(answer.verdict, "no-endpoints");
  assert.match(answer.reason, /there is no Secret "ca" in mesh "default"/);
  const mesh = "meshServices: {mode: Exclusive}";
  const forbidden = OUTBOUNDS.replace(
    mesh,
    `${mesh}\nrouting: {defaultForbidMeshExternalServiceAccess: true}`,
  );
  const refused = told(forbidden + pay(), "pay").answer;
  assert.equal(refused.verdict, "no-outbound");
  assert.match(JSON.stringify(refused.hops), /forbids external services by default/);
  const own = leave("own", "allow", ["portal"], { labels: { app: "portal" } });
  const letOut = told(forbidden + IDENTITY + pay() + own, "pay").answer;
  assert.deepEqual(
    [letOut.verdict, letOut.decidedBy],
    ["allowed", { policy: "kri_mtp_default_east__own_", rule: "rules[0]" }],
  );
});

test("a call through an egress: both hops, and which permission decided there", () => {
  const closed = told(EGRESS + IDENTITY + pay({}), "pay").answer;
  assert.deepEqual([closed.verdict, closed.decidedBy], ["denied", null]);
  assert.match(closed.reason, /no MeshTrafficPermission allows spiffe:/);
  const remedy = closed.remedy?.document as {
    readonly spec: { readonly rules: readonly { readonly default: object }[] };
  };
  assert.deepEqual(remedy.spec, {
    targetRef: { kind: "Dataplane", labels: { "kuma.io/listener-zoneegress": "enabled" } },
    rules: [
      {
        default: {
          allow: [
            {
              spiffeID: { type: "Exact", value: closed.source.spiffeId },
              sni: { type: "Exact", value: "sni.extsvc.default.east.pay.443" },
            },
          ],
        },
      },
    ],
  });

  const opened = EGRESS + IDENTITY + pay({}) + policy("MeshTrafficPermission", "pay", remedy.spec);
  const { answer, hops } = told(opened, "pay");
  assert.equal(answer.verdict, "allowed");
  assert.match(answer.decidedBy?.policy ?? "", /^kri_mtp_default_.*_pay_$/);
  assert.deepEqual(
    hops.map(({ at, name }) => `${at} ${name}`),
    [
      ...["cluster kri_extsvc_default_east__pay_443", "tls egress-1", "permission egress-1"],
      ...["inbound egress-1", "cluster kri_extsvc_default_east__pay_443", "tls pay:443"],
    ],
  );
  assert.match(hops[0]?.text ?? "", /pay:443 is called through a zone egress: 1 of 1 ready/);
  assert.match(hops.at(-1)?.text ?? "", /^leaves the mesh: TLS to pay\.example/);
});

test("a call through an egress that is not there, or that lacks something", () => {
  const without = told(EGRESS + pay({}), "pay").answer;
  assert.equal(without.verdict, "no-endpoints");
  assert.match(without.reason, /egress-1: no MeshIdentity gives it an identity/);
  const rules = [{ default: { allow: [{ spiffeID: { type: "Prefix", value: "spiffe://air.test" } }] } }];
  const sealed = pay({ verification: { caCert: { secret: "ca" } } });
  const { answer } = told(
    EGRESS + IDENTITY + sealed + policy("MeshTrafficPermission", "all", { rules }),
    "pay",
  );
  assert.equal(answer.verdict, "no-endpoints");
  assert.match(answer.reason, /there is no Secret "ca" in mesh "default"/);
});

test("the snippet for a missing outbound names the kind", () => {
  const { answer } = told(AIRLINE + pay(), "pay");
  assert.deepEqual(answer.remedy?.document, {
    networking: { outbound: [{ port: 10003, backendRef: { kind: "MeshExternalService", name: "pay" } }] },
  });
});

test("a service of services has the instances of all of them", () => {
  const multiZone = (labels: object) =>
    policy("MeshMultiZoneService", "everything", {
      selector: { meshService: { matchLabels: labels } },
      ports: [{ port: 8080, appProtocol: "http" }],
    });
  const { answer } = told(OUTBOUNDS + multiZone({}), "everything");
  assert.deepEqual(answer.branches.flatMap(({ instances }) => instances).toSorted(), [
    "check-in-1",
    "check-in-2",
    "portal-1",
  ]);
  const nobody = told(OUTBOUNDS + multiZone({ team: "none" }), "everything").answer;
  assert.equal(nobody.verdict, "no-endpoints");
  assert.match(nobody.reason, /no MeshService that it matches has an instance/);
});
