import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const twoDocuments = `type: Mesh
name: demo
---
type: MeshService
mesh: demo
name: api
spec: {}
`;
const bounded = (...items: readonly unknown[]) => ({ total: items.length, items });
const preview = {
  documents: [
    { type: "Mesh", mesh: "", name: "demo", outcome: "unchanged", warnings: [] },
    { type: "MeshService", mesh: "demo", name: "api", outcome: "updated", warnings: ["it selects nobody"] },
  ],
  revision: 7,
  proxies: {
    total: 500,
    changed: 500,
    groups: bounded({
      mesh: "demo",
      proxies: { total: 500, items: ["web-0", "web-1", "web-2", "web-3"] },
      resources: bounded(
        { type: "route", name: "r", change: "changed" },
        { type: "cluster", name: "c", change: "removed" },
      ),
    }),
  },
  access: bounded(
    {
      mesh: "demo",
      source: "web",
      destination: "api",
      port: 8080,
      before: "allow",
      after: "deny",
      change: "newly-denied",
      policy: "kri_mtp_demo_z__strict_",
      reason: "denied by rules[0]",
    },
    {
      mesh: "demo",
      source: "web",
      destination: "pay",
      port: 443,
      outside: "egress",
      before: "allow",
      after: "unreachable",
      change: "newly-unreachable",
      policy: null,
      reason: "no zone egress is ready",
    },
  ),
  diff: bounded({
    mesh: "demo",
    part: "outbound",
    kind: "MeshTimeout",
    field: "http.requestTimeout",
    before: "10s",
    after: "20s",
    origin: { policy: "kri_mt_demo_z__slow_", rule: "to[0]" },
    places: bounded("kri_msvc_demo_z__api_http"),
    proxies: { total: 500, items: ["web-0", "web-1", "web-2", "web-3"] },
  }),
  names: bounded(
    {
      mesh: "demo",
      type: "MeshService",
      name: "new",
      change: "appears",
      hostnames: { added: ["new.svc.mesh.local"], removed: [] },
      addresses: { added: ["an address of 241.0.0.0/8"], removed: [] },
    },
    {
      mesh: "demo",
      type: "MeshService",
      name: "renamed",
      change: "changes",
      hostnames: { added: ["b.local"], removed: ["a.local"] },
      addresses: { added: [], removed: [] },
    },
    {
      mesh: "demo",
      type: "MeshService",
      name: "left",
      change: "changes",
      hostnames: { added: [], removed: [] },
      addresses: { added: [], removed: [] },
      goesAt: "2026-11-23T11:00:00.000Z",
    },
    {
      mesh: "demo",
      type: "MeshExternalService",
      name: "old",
      change: "goes",
      hostnames: { added: [], removed: ["old.extsvc.mesh.local"] },
      addresses: { added: [], removed: ["242.0.0.4"] },
    },
  ),
  notes: ["something is assumed"],
};

test("apply --dry-run=server sends all documents as one change and tells what it would do", async () => {
  await using cp = await startFakeControlPlane({ "POST /_preview": { body: preview } });
  using sandbox = createSandbox({ url: cp.url, stdin: twoDocuments });
  const { code, out, err } = await sandbox.run("apply", "--dry-run=server", "-f", "-");
  assert.equal(code, 0);
  assert.equal(err, "Warning: it selects nobody\n");
  assert.deepEqual(cp.log(), ["POST /_preview?validate=strict"]);
  assert.deepEqual(cp.requests.at(-1)?.body, {
    changes: [
      { op: "put", type: "Mesh", mesh: "", name: "demo", resource: { type: "Mesh", name: "demo" } },
      {
        op: "put",
        type: "MeshService",
        mesh: "demo",
        name: "api",
        resource: { type: "MeshService", mesh: "demo", name: "api", spec: {} },
      },
    ],
  });
  assert.equal(
    out,
    `Mesh "demo" would stay as it is
MeshService "api" would be updated

Services and names
  MeshService "new" would appear
    + new.svc.mesh.local
    + an address of 241.0.0.0/8
  MeshService "renamed" would change
    - a.local
    + b.local
  MeshService "left" would change
    no instance is left: it would go at 2026-11-23T11:00:00.000Z, unless one comes back
  MeshExternalService "old" would go
    - old.extsvc.mesh.local
    - 242.0.0.4

500 of 500 proxies would change
  500 proxies: web-0, web-1, web-2, … (500)
    ~ route r
    - cluster c

CALLER   DESTINATION         CHANGE            REASON
web      api:8080            newly denied      denied by rules[0] of strict
web      pay:443 (outside)   no way any more   no zone egress is ready

Fields
  MeshTimeout http.requestTimeout: 10s → 20s
    slow to[0]
    outbound api:http; 500 proxies: web-0, web-1, web-2, … (500)

Note: something is assumed
`,
  );
  const json = await sandbox.run("apply", "--dry-run=server", "-o", "json", "-f", "-");
  assert.deepEqual(JSON.parse(json.out), preview);
});

test("a document that would be refused is told with its fields, and the exit code is 1", async () => {
  const problem = {
    status: 400,
    title: "Could not process a resource",
    detail: "Resource is not valid",
    invalid_parameters: [{ field: "spec.ports", reason: "must be defined" }],
  };
  const refused = {
    ...preview,
    documents: [{ ...preview.documents[1], outcome: "refused", warnings: [], problem }],
    proxies: { total: 0, changed: 0, groups: bounded() },
    access: bounded(),
    diff: bounded(),
    names: bounded(),
    notes: [],
  };
  await using cp = await startFakeControlPlane({ "POST /_preview": { body: refused } });
  using sandbox = createSandbox({ url: cp.url, stdin: twoDocuments });
  const { code, out, err } = await sandbox.run("apply", "--dry-run=server", "-f", "-");
  assert.equal(code, 1);
  assert.equal(
    out,
    'MeshService "api" would be refused\n\nNo proxy would get another configuration\n\nNobody would be newly allowed or newly denied\n',
  );
  assert.match(err, /would refuse a document\n.*Resource is not valid.*\n\* spec\.ports: must be defined/);
});

test("delete --dry-run=server tries a deletion; without a server there is nothing to try it on", async () => {
  await using cp = await startFakeControlPlane({ "POST /_preview": { body: preview } });
  using sandbox = createSandbox({ url: cp.url });
  const { code } = await sandbox.run("delete", "meshtimeout", "slow", "-m", "demo", "--dry-run=server");
  assert.equal(code, 0);
  assert.deepEqual(cp.requests.at(-1)?.body, {
    changes: [{ op: "delete", type: "MeshTimeout", mesh: "demo", name: "slow" }],
  });
  const client = await sandbox.run("delete", "meshtimeout", "slow", "--dry-run");
  assert.deepEqual([client.code, /use --dry-run=server/.test(client.err)], [2, true]);
});

test("a control plane without previews is told apart from one that refuses", async () => {
  await using cp = await startFakeControlPlane({});
  using sandbox = createSandbox({ url: cp.url, stdin: twoDocuments });
  const { code, err } = await sandbox.run("apply", "--dry-run=server", "-f", "-");
  assert.deepEqual([code, /has no previews/.test(err)], [1, true]);
});
