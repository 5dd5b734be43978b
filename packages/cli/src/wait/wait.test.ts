import assert from "node:assert/strict";
import { test } from "node:test";
import { list, type Routes, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const mesh = "type: Mesh\nname: demo\n";

function change(
  id: number,
  counts: Readonly<Record<string, number>>,
  items: readonly unknown[] = [],
  state = "settled",
) {
  const proxies = { affected: 0, acknowledged: 0, behind: 0, rejected: 0, gone: 0, ...counts };
  return { id, time: "2026-11-23T12:00:00Z", state, proxies, lastAcknowledgedAfterMs: 41.2, items };
}

function proxy(name: string, state: string, more: Readonly<Record<string, unknown>> = {}) {
  return { mesh: "demo", name, state, resources: [{ type: "cluster", name: "c1" }], ...more };
}

const put: Routes = {
  "PUT /meshes/demo": { status: 201, headers: { "skein-change-id": "42" }, body: { changeId: 42 } },
};

test("apply --wait tells how many acknowledged and how long it took", async () => {
  const items = ["a", "b", "c"].map((name) => proxy(name, "acknowledged"));
  let polls = 0;
  await using cp = await startFakeControlPlane({
    ...put,
    "GET /_changes/42": () =>
      polls++ === 0
        ? { body: change(42, { affected: 3, acknowledged: 1, behind: 2 }, [], "pending") }
        : { body: change(42, { affected: 3, acknowledged: 3 }, items) },
  });
  using sandbox = createSandbox({ url: cp.url, stdin: mesh });
  const { code, out, err } = await sandbox.run("apply", "-f", "-", "--wait");
  assert.equal(code, 0);
  assert.equal(err, "");
  assert.equal(out, 'resource type="Mesh" mesh="" name="demo" Created\n3 proxies acknowledged in 41 ms\n');
  assert.equal(polls, 2);
  assert.ok(cp.log().includes("GET /_changes/42?wait=30s"));
});

test("names those that did not, and why, with exit code 3", async () => {
  const items = [
    proxy("a", "acknowledged"),
    proxy("b", "behind"),
    proxy("c", "rejected", {
      rejected: [
        { type: "listener", name: "in", message: "no filter chain", policies: ["kri_mt_demo___slow_"] },
      ],
    }),
    proxy("d", "gone"),
  ];
  await using cp = await startFakeControlPlane({
    ...put,
    "GET /_changes/42": {
      body: change(42, { affected: 4, acknowledged: 1, behind: 1, rejected: 1, gone: 1 }, items),
    },
  });
  using sandbox = createSandbox({ url: cp.url, stdin: mesh });
  const { code, out, err } = await sandbox.run("apply", "--wait=2s", "-f", "-");
  assert.equal(code, 3);
  assert.match(out, /^1 proxy acknowledged in 41 ms, 1 went away$/m);
  assert.equal(
    err,
    `Error: 2 proxies did not acknowledge within 2 s
* demo/b: behind, has not answered for cluster c1
* demo/c: rejected listener in: no filter chain (from kri_mt_demo___slow_)
`,
  );
});

test("delete --wait does not swallow the type, and reads every page of items", async () => {
  const first = ["a", "b"].map((name) => proxy(name, "acknowledged"));
  await using cp = await startFakeControlPlane({
    "DELETE /meshes/demo": { body: { changeId: 7 } },
    "GET /_changes/7": ({ query }) => {
      const counts = { affected: 3, acknowledged: 3 };
      if (query.get("size") === null) return { body: change(7, counts, first) };
      return query.get("offset") === "2"
        ? { body: { ...change(7, counts, [proxy("c", "acknowledged")]), next: null } }
        : { body: { ...change(7, counts, first), next: "http://fake/_changes/7?offset=2&size=2" } };
    },
  });
  using sandbox = createSandbox({ url: cp.url });
  const { code, out } = await sandbox.run("delete", "--wait", "mesh", "demo");
  assert.equal(code, 0);
  assert.equal(out, 'deleted Mesh "demo"\n3 proxies acknowledged in 41 ms\n');
});

test("a proxy counts once over several changes, by its worst state", async () => {
  const ids = [1, 2];
  await using cp = await startFakeControlPlane({
    "PUT /meshes/demo": () => ({ status: 200, headers: { "skein-change-id": `${ids.shift()}` } }),
    "PUT /meshes/other": () => ({ status: 200, headers: { "skein-change-id": `${ids.shift()}` } }),
    "GET /_changes/1": {
      body: change(1, { affected: 2, acknowledged: 2 }, [
        proxy("a", "acknowledged"),
        proxy("b", "acknowledged"),
      ]),
    },
    "GET /_changes/2": { body: change(2, { affected: 1, rejected: 1 }, [proxy("b", "rejected")]) },
  });
  using sandbox = createSandbox({ url: cp.url, stdin: `${mesh}---\ntype: Mesh\nname: other\n` });
  const { code, out, err } = await sandbox.run("apply", "-f", "-", "--wait");
  assert.equal(code, 3);
  assert.match(out, /1 proxy acknowledged/);
  assert.equal(err, "Error: 1 proxy did not acknowledge\n* demo/b: rejected\n");
});

test("a change that is forgotten: where the proxies are now", async () => {
  let polls = 0;
  const status = (name: string, state: string) => ({ mesh: "demo", name, state, rejected: [] });
  await using cp = await startFakeControlPlane({
    ...put,
    "GET /_proxy-status": () =>
      list(status("a", "in-sync"), status("b", polls++ === 0 ? "behind" : "in-sync"), status("c", "offline")),
  });
  using sandbox = createSandbox({ url: cp.url, stdin: mesh });
  const { code, out } = await sandbox.run("apply", "-f", "-", "--wait");
  assert.equal(code, 0);
  assert.match(out, /\n2 proxies acknowledged, 1 went away\n$/);
});

test("no proxy affected, and a control plane without changes", async () => {
  await using cp = await startFakeControlPlane({ ...put, "GET /_changes/42": { body: change(42, {}) } });
  using sandbox = createSandbox({ url: cp.url, stdin: mesh });
  assert.match((await sandbox.run("apply", "-f", "-", "--wait")).out, /no proxy is affected\n$/);

  await using kuma = await startFakeControlPlane({ "PUT /meshes/demo": { status: 200 } });
  using other = createSandbox({ url: kuma.url, stdin: mesh });
  const { code, err } = await other.run("apply", "-f", "-", "--wait");
  assert.equal(code, 1);
  assert.match(err, /written, but this control plane does not report changes/);
});

test("a wait that is no duration is a usage error before anything is written", async () => {
  await using cp = await startFakeControlPlane(put);
  using sandbox = createSandbox({ url: cp.url, stdin: mesh });
  const { code, err } = await sandbox.run("apply", "-f", "-", "--wait=soon");
  assert.equal(code, 2);
  assert.match(err, /--wait="soon" is not a duration/);
  assert.deepEqual(cp.requests, []);
});
