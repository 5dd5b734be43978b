import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Resource } from "@skein/model";
import type { StoreOptions } from "./indexed-store.ts";
import { openStore } from "./open.ts";
import type { Change, Store } from "./store.ts";
import { document, keyOf } from "./testing/documents.ts";
import { tempDir } from "./testing/temp-dir.ts";

const NOON = Date.UTC(2030, 0, 2, 12);

for (const type of ["memory", "sqlite"] as const) {
  describe(`${type} store`, () => {
    const open = (context: TestContext, options: Partial<StoreOptions> = {}): Store => {
      const path = type === "sqlite" ? join(tempDir(context), "skein.db") : "";
      const store = openStore({ type, sqlite: { path } }, { now: () => NOON, ...options });
      context.after(() => store.close());
      return store;
    };

    it("starts empty", (context) => {
      const store = open(context);
      assert.equal(store.revision, 0);
      assert.equal(store.get(keyOf("Mesh//default")), undefined);
      assert.deepEqual(store.list({ type: "Mesh" }), []);
    });

    it("creates a document with times, a revision and a change", async (context) => {
      const store = open(context);
      const committed = await store.write([
        { op: "create", resource: document("Mesh//default", { a: 1 }, { labels: { b: "c" } }) },
      ]);
      const expected = {
        ...document("Mesh//default", { a: 1 }, { labels: { b: "c" } }),
        creationTime: "2030-01-02T12:00:00.000000000Z",
        modificationTime: "2030-01-02T12:00:00.000000000Z",
        revision: 1,
      };
      assert.deepEqual(committed, {
        revision: 1,
        changes: [{ revision: 1, before: undefined, after: expected }],
      });
      assert.deepEqual(store.get(keyOf("Mesh//default")), expected);
      assert.equal(store.revision, 1);
    });

    it("refuses to create what exists, to update or delete what does not, and stale writers", async (context) => {
      const store = open(context);
      const mesh = document("Mesh//default", { a: 1 });
      await store.write([{ op: "create", resource: mesh }]);
      await store.write([{ op: "put", resource: document("Mesh//default", { a: 2 }) }]);
      await assert.rejects(store.write([{ op: "create", resource: mesh }]), {
        code: "already-exists",
        key: keyOf("Mesh//default"),
      });
      await assert.rejects(store.write([{ op: "update", resource: document("Mesh//x"), ifRevision: 1 }]), {
        code: "not-found",
        key: keyOf("Mesh//x"),
      });
      await assert.rejects(store.write([{ op: "delete", key: keyOf("Mesh//x") }]), { code: "not-found" });
      await assert.rejects(store.write([{ op: "update", resource: mesh, ifRevision: 1 }]), {
        code: "conflict",
        key: keyOf("Mesh//default"),
        message: /at revision 2.*for revision 1/,
      });
      await assert.rejects(store.write([{ op: "delete", key: keyOf("Mesh//default"), ifRevision: 1 }]), {
        code: "conflict",
      });
      assert.equal(store.revision, 2);
      await store.write([{ op: "update", resource: mesh, ifRevision: 2 }]);
      await store.write([{ op: "delete", key: keyOf("Mesh//default"), ifRevision: 3 }]);
      assert.equal(store.revision, 4);
    });

    it("gives all changes of a transaction one revision", async (context) => {
      const store = open(context);
      const { changes } = await store.write([
        { op: "create", resource: document("Mesh//a") },
        { op: "put", resource: document("Mesh//b") },
        { op: "put", resource: document("Mesh//a", { again: true }) },
      ]);
      assert.deepEqual(
        changes.map(({ revision, before, after }) => [
          revision,
          before?.revision,
          after?.name,
          after?.revision,
        ]),
        [
          [1, undefined, "a", 1],
          [1, undefined, "b", 1],
          [1, 1, "a", 1],
        ],
      );
    });

    it("undoes a transaction whose last write fails", async (context) => {
      const store = open(context);
      await store.write([
        { op: "put", resource: document("Mesh//a", { n: 1 }) },
        { op: "put", resource: document("Dataplane/a/x", {}, { owner: keyOf("Mesh//a") }) },
      ]);
      const before = [...store.list({ type: "Mesh" }), ...store.list({ type: "Dataplane" })];
      await assert.rejects(
        store.write([
          { op: "put", resource: document("Mesh//a", { n: 2 }) },
          { op: "create", resource: document("Mesh//b") },
          { op: "delete", key: keyOf("Mesh//a") },
          { op: "delete", key: keyOf("Mesh//nowhere") },
        ]),
        { code: "not-found" },
      );
      assert.deepEqual([...store.list({ type: "Mesh" }), ...store.list({ type: "Dataplane" })], before);
      assert.equal(store.revision, 1);
      const { changes } = await store.write([{ op: "delete", key: keyOf("Mesh//a") }]);
      assert.equal(changes.length, 2);
    });

    it("judges writes that arrive together one by one", async (context) => {
      const store = open(context);
      const results = await Promise.allSettled([
        store.write([{ op: "create", resource: document("Mesh//a") }]),
        store.write([{ op: "create", resource: document("Mesh//a") }]),
        store.write([{ op: "create", resource: document("Mesh//b") }]),
      ]);
      assert.deepEqual(
        results.map((result) => (result.status === "fulfilled" ? result.value.revision : result.reason.code)),
        [1, "already-exists", 2],
      );
    });

    it("makes no change where nothing differs", async (context) => {
      const store = open(context);
      const policy = document(
        "MeshTimeout/m/t",
        { to: [{ a: 1, b: 2 }] },
        { labels: { x: "y" }, status: { ok: 1 } },
      );
      const heard: (readonly Change[])[] = [];
      await store.write([{ op: "put", resource: policy }]);
      store.watch((changes) => heard.push(changes));
      const stored = store.get(keyOf("MeshTimeout/m/t"));
      for (const resource of [policy, { ...policy, spec: { to: [{ b: 2, a: 1, c: undefined }] } }]) {
        const committed = await store.write([{ op: "put", resource }]);
        assert.deepEqual(committed, { revision: 1, changes: [] });
      }
      assert.equal(store.get(keyOf("MeshTimeout/m/t")), stored);
      assert.deepEqual(heard, []);
      const committed = await store.write([{ op: "update", resource: policy, ifRevision: 1 }]);
      assert.deepEqual(committed.changes, []);
    });

    it("keeps status and creation time over an update, and the identity of equal parts", async (context) => {
      let now = NOON;
      const store = open(context, { now: () => now });
      await store.write([{ op: "put", resource: document("Mesh//a", { n: 1 }, { status: { up: true } }) }]);
      const first = store.get(keyOf("Mesh//a"));
      now += 1500.25;
      await store.write([{ op: "update", resource: document("Mesh//a", { n: 2 }), ifRevision: 1 }]);
      const second = store.get(keyOf("Mesh//a"));
      assert.deepEqual(second, {
        ...document("Mesh//a", { n: 2 }, { status: { up: true } }),
        creationTime: "2030-01-02T12:00:00.000000000Z",
        modificationTime: "2030-01-02T12:00:01.500250000Z",
        revision: 2,
      });
      assert.equal(second?.status, first?.status);
      await store.write([{ op: "put", resource: document("Mesh//a", { n: 2 }, { status: { up: false } }) }]);
      assert.equal(store.get(keyOf("Mesh//a"))?.spec, second?.spec);
      assert.deepEqual(store.get(keyOf("Mesh//a"))?.status, { up: false });
    });

    it("goes on counting when the clock jumps back", async (context) => {
      let now = NOON;
      const store = open(context, { now: () => now });
      const heard: number[] = [];
      store.watch((changes) => heard.push(...changes.map(({ revision }) => revision)));
      for (let n = 1; n <= 3; n++) {
        await store.write([{ op: "put", resource: document("Mesh//a", { n }) }]);
        now -= 3_600_000;
      }
      assert.deepEqual(heard, [1, 2, 3]);
      assert.equal(store.get(keyOf("Mesh//a"))?.modificationTime, "2030-01-02T10:00:00.000000000Z");
      await assert.rejects(
        store.write([{ op: "update", resource: document("Mesh//a", { n: 9 }), ifRevision: 2 }]),
        { code: "conflict" },
      );
    });

    it("takes what a document owns along, however deep, owners first", async (context) => {
      const store = open(context);
      await store.write([
        { op: "put", resource: document("Mesh//m") },
        { op: "put", resource: document("Dataplane/m/b", {}, { owner: keyOf("Mesh//m") }) },
        { op: "put", resource: document("Dataplane/m/a", {}, { owner: keyOf("Mesh//m") }) },
        { op: "put", resource: document("DataplaneInsight/m/a", {}, { owner: keyOf("Dataplane/m/a") }) },
        { op: "put", resource: document("Dataplane/other/a") },
      ]);
      const { changes } = await store.write([{ op: "delete", key: keyOf("Mesh//m") }]);
      assert.deepEqual(
        changes.map(({ before, after }) => [before?.type, before?.name, after]),
        [
          ["Mesh", "m", undefined],
          ["Dataplane", "a", undefined],
          ["Dataplane", "b", undefined],
          ["DataplaneInsight", "a", undefined],
        ],
      );
      assert.equal(store.list({ type: "Dataplane" }).length, 1);
      assert.equal(store.get(keyOf("DataplaneInsight/m/a")), undefined);
    });

    it("survives long chains and circles of owners", async (context) => {
      const store = open(context);
      const length = 20_000;
      await store.write([
        { op: "put", resource: document("Link//0") },
        ...Array.from({ length: length - 1 }, (_, n) => ({
          op: "put" as const,
          resource: document(`Link//${n + 1}`, {}, { owner: keyOf(`Link//${n}`) }),
        })),
        { op: "put", resource: document("Link//0", {}, { owner: keyOf(`Link//${length - 1}`) }) },
      ]);
      const { changes } = await store.write([{ op: "delete", key: keyOf("Link//7") }]);
      assert.equal(changes.length, length);
      assert.deepEqual(store.list({ type: "Link" }), []);
    });

    it("follows a document to its new owner", async (context) => {
      const store = open(context);
      await store.write([
        { op: "put", resource: document("Mesh//a") },
        { op: "put", resource: document("Mesh//b") },
        { op: "put", resource: document("Child//c", {}, { owner: keyOf("Mesh//a") }) },
        { op: "put", resource: document("Child//c", {}, { owner: keyOf("Mesh//b") }) },
      ]);
      await store.write([{ op: "delete", key: keyOf("Mesh//a") }]);
      assert.ok(store.get(keyOf("Child//c")));
      await store.write([{ op: "delete", key: keyOf("Mesh//b") }]);
      assert.equal(store.get(keyOf("Child//c")), undefined);
    });

    it("refuses a document whose owner is not there at the end of the transaction", async (context) => {
      const store = open(context);
      const child = document("Dataplane/m/a", {}, { owner: keyOf("Mesh//m") });
      await assert.rejects(store.write([{ op: "put", resource: child }]), {
        code: "not-found",
        key: keyOf("Mesh//m"),
      });
      await store.write([
        { op: "put", resource: child },
        { op: "put", resource: document("Mesh//m") },
      ]);
      await store.write([
        { op: "put", resource: { ...child, spec: { n: 2 } } },
        { op: "delete", key: keyOf("Mesh//m") },
      ]);
      assert.equal(store.get(keyOf("Dataplane/m/a")), undefined);
    });

    it("lists by mesh, then name, from a cache", async (context) => {
      const store = open(context);
      const names = ["b/z", "a/b", "b/a", "a/a-1", "a/a"];
      await store.write(names.map((name) => ({ op: "put", resource: document(`Dataplane/${name}`) })));
      const list = (mesh?: string) =>
        store
          .list({ type: "Dataplane", ...(mesh === undefined ? {} : { mesh }) })
          .map((r) => `${r.mesh}/${r.name}`);
      assert.deepEqual(list(), ["a/a", "a/a-1", "a/b", "b/a", "b/z"]);
      assert.deepEqual(list("a"), ["a/a", "a/a-1", "a/b"]);
      assert.deepEqual(list("c"), []);
      const all = store.list({ type: "Dataplane" });
      await store.write([{ op: "put", resource: document("Mesh//m") }]);
      assert.equal(store.list({ type: "Dataplane" }), all);
      await store.write([
        { op: "delete", key: keyOf("Dataplane/a/a-1") },
        { op: "put", resource: document("Dataplane/a/0") },
        { op: "put", resource: document("Dataplane/b/a", { n: 1 }) },
      ]);
      assert.deepEqual(list(), ["a/0", "a/a", "a/b", "b/a", "b/z"]);
      assert.deepEqual(store.list({ type: "Dataplane", mesh: "b" })[0]?.spec, { n: 1 });
    });

    it("cuts documents off from the writer's objects and freezes them", async (context) => {
      const store = open(context);
      const spec = { list: [1] };
      await store.write([{ op: "put", resource: document("Mesh//a", spec) }]);
      spec.list.push(2);
      const stored = store.get<Resource<typeof spec>>(keyOf("Mesh//a"));
      assert.deepEqual(stored?.spec, { list: [1] });
      assert.throws(() => stored?.spec.list.push(3), TypeError);
    });

    it("tells watchers every commit in order, before the writer knows, although one of them throws", async (context) => {
      const errors: unknown[] = [];
      const store = open(context, { onError: (error) => errors.push(error) });
      const heard: string[] = [];
      store.watch(() => {
        throw new Error("bad listener");
      });
      const stop = store.watch((changes) =>
        heard.push(...changes.map((c) => `${c.revision} ${c.after?.name}`)),
      );
      const writes = ["a", "b", "c"].map((name) =>
        store.write([{ op: "put", resource: document(`Mesh//${name}`) }]).then(() => [...heard]),
      );
      const [first] = await Promise.all(writes);
      assert.equal(first?.[0], "1 a");
      assert.deepEqual(heard, ["1 a", "2 b", "3 c"]);
      assert.deepEqual(
        errors.map((error) => error instanceof Error && error.message),
        ["bad listener", "bad listener", "bad listener"],
      );
      stop();
      await store.write([{ op: "delete", key: keyOf("Mesh//a") }]);
      assert.equal(heard.length, 3);
    });

    it("takes writes from a listener", async (context) => {
      const store = open(context);
      let echo: Promise<unknown> | undefined;
      store.watch(() => {
        echo ??= store.write([{ op: "put", resource: document("Mesh//echo") }]);
      });
      await store.write([{ op: "put", resource: document("Mesh//voice") }]);
      await echo;
      assert.equal(store.revision, 2);
    });

    it("rejects a document that is not JSON as the writer's bug, alone", async (context) => {
      const store = open(context);
      const results = await Promise.allSettled([
        store.write([{ op: "put", resource: document("Mesh//a", { n: 1n }) }]),
        store.write([{ op: "put", resource: document("Mesh//b") }]),
      ]);
      assert.deepEqual(
        results.map((result) => (result.status === "rejected" ? result.reason.name : "ok")),
        ["TypeError", "ok"],
      );
    });

    it("finishes what was written before it closes, and refuses more", async (context) => {
      const store = open(context);
      const write = store.write([{ op: "put", resource: document("Mesh//a") }]);
      await store.close();
      assert.equal((await write).revision, 1);
      await assert.rejects(store.write([{ op: "put", resource: document("Mesh//b") }]), {
        code: "unavailable",
      });
      assert.equal(store.list({ type: "Mesh" }).length, 1);
      await store.close();
    });

    it("takes 10,000 documents written one by one", { timeout: 30_000 }, async (context) => {
      const store = open(context);
      const count = 10_000;
      const started = performance.now();
      let next = 0;
      const writer = async () => {
        while (next < count) {
          const n = next++;
          const spec = { n, text: "x".repeat(500) };
          await store.write([{ op: "put", resource: document(`Dataplane/default/dp-${n}`, spec) }]);
        }
      };
      await Promise.all(Array.from({ length: 200 }, writer));
      const written = performance.now() - started;
      assert.equal(store.revision, count);
      assert.equal(store.list({ type: "Dataplane" }).length, count);
      assert.equal(store.list({ type: "Dataplane" }), store.list({ type: "Dataplane" }));
      context.diagnostic(`${Math.round(written)} ms`);
      assert.ok(written < 15_000, `${written} ms`);
    });
  });
}
