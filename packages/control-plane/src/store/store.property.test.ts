import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { NewResource, Resource, ResourceKey } from "@skein/model";
import { keyString } from "@skein/model/resource";
import fc from "fast-check";
import { openStore } from "./open.ts";
import { type Change, type Store, StoreError, type Write } from "./store.ts";
import { contents, document, keyOf } from "./testing/documents.ts";
import { tempDir } from "./testing/temp-dir.ts";

const TYPES = ["Mesh", "Dataplane", "Insight"];
const KEYS = ["Mesh//a", "Mesh//b", "Dataplane/a/x", "Dataplane/a/y", "Dataplane/b/x", "Insight/a/x"];

/** The least clever store that could be right: it copies the world for each transaction. */
class Model {
  documents: ReadonlyMap<string, Resource> = new Map();
  revision = 0;

  write(writes: readonly Write[]): string {
    const next = new Map(this.documents);
    const revision = this.revision + 1;
    for (const write of writes) {
      const id = keyString(write.op === "delete" ? write.key : write.resource);
      const old = next.get(id);
      const needed = write.op === "update" || write.op === "delete";
      if (needed && !old) return "not-found";
      if (needed && write.ifRevision !== undefined && write.ifRevision !== old?.revision) return "conflict";
      if (write.op === "create" && old) return "already-exists";
      if (write.op === "delete") remove(next, id);
      else next.set(id, replacement(old, write.resource, revision));
    }
    const orphan = [...next.values()].some(({ owner }) => owner && !next.has(keyString(owner)));
    if (orphan) return "not-found";
    const isTouched = writes.some((write) => {
      const id = keyString(write.op === "delete" ? write.key : write.resource);
      return write.op === "delete" || next.get(id)?.revision === revision;
    });
    if (isTouched) this.revision = revision;
    this.documents = next;
    return "ok";
  }
}

function remove(documents: Map<string, Resource>, id: string): void {
  documents.delete(id);
  for (const [child, { owner }] of [...documents]) {
    if (owner && keyString(owner) === id && documents.has(child)) remove(documents, child);
  }
}

function replacement(old: Resource | undefined, next: NewResource, revision: number): Resource {
  const status = next.status ?? old?.status;
  const candidate = {
    ...next,
    ...(status === undefined ? {} : { status }),
    creationTime: TIME,
    modificationTime: TIME,
    revision,
  };
  return old && isDeepStrictEqual({ ...candidate, revision: 0 }, { ...old, revision: 0 }) ? old : candidate;
}

const TIME = "1970-01-01T00:00:00.000000000Z";

const key = fc.constantFrom(...KEYS);
const resource = fc
  .record({
    key,
    n: fc.nat(2),
    owner: fc.option(key, { nil: undefined, freq: 2 }),
    status: fc.option(fc.nat(1), { nil: undefined }),
  })
  .map(({ key, n, owner, status }) =>
    document(
      key,
      { n },
      {
        ...(owner === undefined ? {} : { owner: keyOf(owner) }),
        ...(status === undefined ? {} : { status }),
      },
    ),
  );
const revision = fc.nat(12);
const write: fc.Arbitrary<Write> = fc.oneof(
  resource.map((resource) => ({ op: "create" as const, resource })),
  { arbitrary: resource.map((resource) => ({ op: "put" as const, resource })), weight: 4 },
  fc.record({ op: fc.constant("update" as const), resource, ifRevision: revision }),
  fc.record({ op: fc.constant("delete" as const), key: key.map(keyOf) }),
  fc.record({ op: fc.constant("delete" as const), key: key.map(keyOf), ifRevision: revision }),
);
const transactions = fc.array(fc.array(write, { maxLength: 4 }), { maxLength: 5 });
/** Transactions of one burst are written without waiting for each other. */
const bursts = fc.array(transactions, { maxLength: 6 });

async function checkAgainstModel(
  store: Store,
  script: readonly (readonly (readonly Write[])[])[],
): Promise<Model> {
  const model = new Model();
  const replayed = new Map<string, Resource>();
  const heard: number[] = [];
  store.watch((changes) => {
    heard.push(...new Set(changes.map((change) => change.revision)));
    replay(replayed, changes);
  });
  for (const burst of script) {
    const outcomes = await Promise.all(burst.map((writes) => store.write(writes).then(() => "ok", codeOf)));
    assert.deepEqual(
      outcomes,
      burst.map((writes) => model.write(writes)),
    );
    assertSame(store, model);
  }
  assert.deepEqual(Object.fromEntries(replayed), Object.fromEntries(model.documents));
  assert.deepEqual(
    heard,
    heard.map((_, position) => position + 1),
  );
  return model;
}

function replay(documents: Map<string, Resource>, changes: readonly Change[]): void {
  for (const { before, after } of changes) {
    const id = keyString((after ?? before) as ResourceKey);
    assert.deepEqual(documents.get(id), before);
    if (after) documents.set(id, after);
    else documents.delete(id);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof StoreError) return error.code;
  throw error;
}

function assertSame(store: Store, model: Model): void {
  assert.equal(store.revision, model.revision);
  assert.deepEqual(
    contents(store, TYPES),
    TYPES.flatMap((type) =>
      [...model.documents.values()]
        .filter((resource) => resource.type === type)
        .sort((a, b) => (keyString(a) < keyString(b) ? -1 : 1)),
    ),
  );
}

describe("random writes", () => {
  it("leave in memory what a simple model says", async () => {
    await fc.assert(
      fc.asyncProperty(bursts, async (script) => {
        const store = openStore({ type: "memory", sqlite: { path: "" } }, { now: () => 0 });
        await checkAgainstModel(store, script);
        await store.close();
      }),
      { numRuns: 500 },
    );
  });

  it("leave in SQLite what a simple model says, also after opening it again", async (context) => {
    const path = join(tempDir(context), "skein.db");
    const open = () => openStore({ type: "sqlite", sqlite: { path } }, { now: () => 0 });
    await fc.assert(
      fc.asyncProperty(bursts, async (script) => {
        const store = open();
        const model = await checkAgainstModel(store, script);
        await store.close();
        const reopened = open();
        assertSame(reopened, model);
        await reopened.close();
        rmSync(path);
      }),
      { numRuns: 60 },
    );
  });
});
