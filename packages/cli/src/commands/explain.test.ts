import assert from "node:assert/strict";
import { test } from "node:test";
import { problem, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const allowed = {
  source: { dataplane: "portal-1", workload: "portal", spiffeId: "spiffe://air.test/portal" },
  destination: { name: "check-in", port: 8080, protocol: "http" },
  request: { method: "GET", path: "/", headers: {} },
  verdict: "allowed",
  reason: "spiffe://air.test/portal is allowed",
  decidedBy: { policy: "kri_mtp_default_east__allow_", rule: "rules[0]" },
  seen: "the application's answer, or 504 after 3s",
  hops: [{ at: "source", name: "portal-1", outcome: "pass", text: "the caller is …", facts: [] }],
  branches: [
    {
      hops: [
        {
          at: "cluster",
          outcome: "pass",
          text: "1 of 1 instances of check-in:8080 ready",
          facts: [
            { name: "endpoints", value: "1/1 (1 in east)" },
            {
              name: "http.requestTimeout",
              value: "3s",
              origin: { policy: "kri_mt_default_east__t_", rule: "to[0]" },
            },
          ],
        },
      ],
    },
  ],
  otherwise: [],
  remedy: null,
};

const denied = {
  ...allowed,
  verdict: "denied",
  reason: "no MeshTrafficPermission allows spiffe://air.test/portal",
  decidedBy: null,
  seen: "403, RBAC: access denied",
  branches: [
    { hops: [{ at: "permission", outcome: "stop", text: "no MeshTrafficPermission …", facts: [] }] },
  ],
  remedy: { text: "allow this caller", document: { type: "MeshTrafficPermission", name: "a" } },
};

test("explain shows the verdict, every hop, and the rule behind each value", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes/demo/_explain": { body: allowed } });
  using sandbox = createSandbox({ url: cp.url });
  const args = [
    "explain",
    "portal",
    "check-in",
    "-m",
    "demo",
    "--method",
    "POST",
    "--header",
    "a=b",
    "--port",
    "8080",
  ];
  const { code, out, err } = await sandbox.run(...args);
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(
    out,
    `portal -> check-in:8080 (http): GET /
ALLOWED  spiffe://air.test/portal is allowed  [allow rules[0]]
The caller gets the application's answer, or 504 after 3s.

ok   source      the caller is …
ok   cluster     1 of 1 instances of check-in:8080 ready
       endpoints            1/1 (1 in east)
       http.requestTimeout  3s               t to[0]
`,
  );
  assert.equal(
    cp.log().at(-1),
    "GET /meshes/demo/_explain?source=portal&destination=check-in&port=8080&method=POST&path=%2F&header=a%3Db",
  );
});

test("a refused request exits with 3 and shows what would let it through", async () => {
  await using cp = await startFakeControlPlane({ "GET /meshes/default/_explain": { body: denied } });
  using sandbox = createSandbox({ url: cp.url });
  const { code, out, err } = await sandbox.run("explain", "portal", "check-in");
  assert.equal(code, 3);
  assert.equal(err, "Error: denied: no MeshTrafficPermission allows spiffe://air.test/portal\n");
  assert.match(out, /^STOP permission /m);
  assert.match(out, /To let it through: allow this caller:\n {2}type: MeshTrafficPermission\n {2}name: a\n$/);
  const json = await sandbox.run("explain", "portal", "check-in", "-o", "json");
  assert.deepEqual([json.code, JSON.parse(json.out)], [3, denied]);
});

test("what a route changes of a request is said", async () => {
  const sent = { path: "/v2", host: "in.test", headers: { "x-a": "1", "x-b": null } };
  const copies = [
    { backend: "records:8080", share: 10 },
    { backend: null, share: 100 },
  ];
  await using cp = await startFakeControlPlane({
    "GET /meshes/default/_explain": { body: { ...allowed, sent, copies } },
  });
  using sandbox = createSandbox({ url: cp.url });
  const { out } = await sandbox.run("explain", "portal", "check-in");
  assert.match(out, /^The application sees \/v2, host in.test, x-a: 1, no x-b\.$/m);
  assert.match(out, /^10% of the requests are copied to records:8080\.$/m);
  assert.doesNotMatch(out, /100%/);
});

test("a question that makes no sense is an error, not a refusal", async () => {
  const reason = 'there is no dataplane or workload "protal"; did you mean "portal"?';
  await using cp = await startFakeControlPlane({
    "GET /meshes/default/_explain": problem(404, "Could not explain the request", reason, { source: reason }),
  });
  using sandbox = createSandbox({ url: cp.url });
  const { code, err } = await sandbox.run("explain", "protal", "check-in");
  assert.equal(code, 1);
  assert.match(err, /did you mean "portal"\?/);
});
