import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { openSqliteStore, type SqliteStoreOptions } from "./sqlite.ts";
import { type Store, StoreError } from "./store.ts";
import { contents, document, keyOf } from "./testing/documents.ts";
import { tempDir } from "./testing/temp-dir.ts";

const TYPES = ["Mesh", "Dataplane"];

describe("SQLite store", () => {
  const databasePath = (context: TestContext) => join(tempDir(context), "deep", "skein.db");
  const open = (context: TestContext, path: string, options: Partial<SqliteStoreOptions> = {}): Store => {
    const store = openSqliteStore(path, { now: () => 0, ...options });
    context.after(() => store.close());
    return store;
  };
  const fill = async (store: Store, count = 200) => {
    await store.write([
      { op: "put", resource: document("Mesh//default", {}, { labels: { team: "tower" } }) },
      ...Array.from({ length: count }, (_, n) => ({
        op: "put" as const,
        resource: document(
          `Dataplane/default/dp-${n}`,
          { text: `ünï ${"x".repeat(200)}`, n },
          { owner: keyOf("Mesh//default"), status: { n } },
        ),
      })),
    ]);
    await store.write([{ op: "delete", key: keyOf("Dataplane/default/dp-0") }]);
  };

  it("reads after reopening what was written, owners included", async (context) => {
    const path = databasePath(context);
    const first = open(context, path);
    await fill(first);
    const written = contents(first, TYPES);
    await first.close();

    const second = open(context, path);
    assert.deepEqual(contents(second, TYPES), written);
    assert.equal(second.revision, 2);
    assert.throws(
      () => Object.assign(second.get(keyOf("Mesh//default"))?.labels ?? {}, { a: "b" }),
      TypeError,
    );
    const { changes, revision } = await second.write([{ op: "delete", key: keyOf("Mesh//default") }]);
    assert.equal(changes.length, 200);
    assert.equal(revision, 3);
    await second.close();
    assert.equal(open(context, path).revision, 3);
  });

  it("keeps secrets from other users of the machine and leaves no drafts", async (context) => {
    const path = databasePath(context);
    await fill(open(context, path));
    for (const file of [path, `${path}-wal`]) assert.equal(statSync(file).mode & 0o077, 0, file);
    assert.deepEqual(readdirSync(join(path, "..")).sort(), ["skein.db", "skein.db-wal"]);
  });

  it("refuses a file that another store holds, here or in another process", async (context) => {
    const path = databasePath(context);
    const store = open(context, path);
    const refusal = {
      code: "unavailable",
      message: /skein\.db is in use by another process.*stop the other/,
    };
    assert.throws(() => openSqliteStore(path, { now: () => 0 }), refusal);
    await store.close();

    const script = `
      import { openSqliteStore } from ${JSON.stringify(import.meta.resolve("./sqlite.ts"))};
      const store = openSqliteStore(${JSON.stringify(path)}, { now: () => 0 });
      console.log("held");
      process.stdin.once("end", () => store.close()).resume();
    `;
    const other = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(other.stdout, "data");
    assert.throws(() => openSqliteStore(path, { now: () => 0 }), refusal);
    other.stdin.end();
    await once(other, "exit");
    await fill(open(context, path));
  });

  it("answers a full disk with a sentence, goes on reading, and recovers", async (context) => {
    const path = databasePath(context);
    let connection: DatabaseSync | undefined;
    const store = open(context, path, {
      onConnection(database) {
        connection = database;
        database.exec("PRAGMA max_page_count = 40");
      },
    });
    const big = (name: string) => ({
      op: "put" as const,
      resource: document(`Dataplane/default/${name}`, { text: "x".repeat(3000) }),
    });
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) => store.write([big(`dp-${n}`)])),
    );
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    assert.ok(failures.length > 0 && failures.length < 60);
    for (const error of failures) {
      assert.ok(error instanceof StoreError);
      assert.equal(error.code, "unavailable");
      assert.match(error.message, /no space left to write to .*skein\.db .*; free disk space/);
    }
    const kept = store.list({ type: "Dataplane" });
    assert.equal(kept.length, 60 - failures.length);
    assert.equal(store.revision, kept.length);

    await assert.rejects(store.write(Array.from({ length: 20 }, (_, n) => big(`all-or-nothing-${n}`))), {
      code: "unavailable",
    });
    assert.equal(store.list({ type: "Dataplane" }), store.list({ type: "Dataplane" }));
    assert.deepEqual(store.list({ type: "Dataplane" }), kept);

    connection?.exec("PRAGMA max_page_count = 100000");
    await store.write([big("after")]);
    await store.close();
    assert.equal(open(context, path).list({ type: "Dataplane" }).length, kept.length + 1);
  });

  it("judges a group anew, one by one, when it does not fit on the disk together", async (context) => {
    const store = open(context, databasePath(context), {
      onConnection: (database) => database.exec("PRAGMA max_page_count = 10"),
    });
    const huge = document("Dataplane/default/a", { text: "x".repeat(100_000) });
    const results = await Promise.allSettled([
      store.write([{ op: "create", resource: huge }]),
      store.write([{ op: "create", resource: document("Dataplane/default/a") }]),
      store.write([{ op: "create", resource: document("Dataplane/default/a") }]),
    ]);
    assert.deepEqual(
      results.map((result) => (result.status === "fulfilled" ? result.value.revision : result.reason.code)),
      ["unavailable", 1, "already-exists"],
    );
  });

  it("answers a read-only database with a sentence and recovers", async (context) => {
    let connection: DatabaseSync | undefined;
    const store = open(context, databasePath(context), {
      onConnection: (database) => (connection = database),
    });
    await fill(store, 5);
    connection?.exec("PRAGMA query_only = ON");
    await assert.rejects(store.write([{ op: "put", resource: document("Mesh//a") }]), {
      code: "unavailable",
      message: /skein\.db cannot be written .*writable/,
    });
    assert.equal(store.list({ type: "Mesh" }).length, 1);
    connection?.exec("PRAGMA query_only = OFF");
    await store.write([{ op: "put", resource: document("Mesh//a") }]);
  });

  it("says that a path cannot be used", async (context) => {
    const directory = tempDir(context);
    writeFileSync(join(directory, "file"), "");
    for (const path of [directory, join(directory, "file", "skein.db")]) {
      assert.throws(() => openSqliteStore(path, { now: () => 0 }), {
        code: "unavailable",
        message: /cannot be (opened|read or written) .*check the path/,
      });
    }
  });

  it("refuses the database of another program, and one of a newer version", async (context) => {
    const foreign = join(tempDir(context), "foreign.db");
    const photos = new DatabaseSync(foreign);
    photos.exec("CREATE TABLE photos (a)");
    photos.close();
    const before = snapshot(foreign);
    assert.throws(() => openSqliteStore(foreign, { now: () => 0 }), {
      code: "unavailable",
      message: /not one of this control plane/,
    });
    assert.deepEqual(snapshot(foreign), before);

    const path = databasePath(context);
    await open(context, path).close();
    const database = new DatabaseSync(path);
    database.exec("UPDATE schema_version SET version = 7");
    database.close();
    assert.throws(() => openSqliteStore(path, { now: () => 0 }), {
      code: "unavailable",
      message: /schema version 7, written by a newer control plane, and this one knows up to 1/,
    });
  });

  describe("damaged file", () => {
    const damage: Record<string, (path: string) => void> = {
      emptied: (path) => truncateSync(path, 0),
      "cut off": (path) => truncateSync(path, statSync(path).size - 4096 * 3),
      "cut within the header": (path) => truncateSync(path, 50),
      "cut within the first page": (path) => truncateSync(path, 600),
      "with an overwritten header": (path) => overwrite(path, 0, Buffer.alloc(100, "!")),
      "with a page of noise": (path) => overwrite(path, 4096 * 5, Buffer.alloc(4096, 0xa5)),
      "with one letter changed": (path) => {
        const at = readFileSync(path).indexOf('"team":"tower"');
        assert.ok(at > 0);
        overwrite(path, at + 8, Buffer.from("p"));
      },
      "of text": (path) => writeFileSync(path, "not a database\n".repeat(1000)),
      "moved away without its log": (path) => {
        renameSync(path, `${path}.old`);
        writeFileSync(`${path}-wal`, "log");
      },
    };
    for (const [name, harm] of Object.entries(damage)) {
      it(`${name} is refused and left as it is`, async (context) => {
        const path = databasePath(context);
        const store = open(context, path);
        await fill(store);
        await store.close();
        harm(path);
        const before = snapshot(path);
        assert.throws(
          () => openSqliteStore(path, { now: () => 0 }),
          (error) => {
            assert.ok(error instanceof StoreError);
            assert.equal(error.code, "corrupt", error.message);
            assert.match(error.message, /skein\.db is damaged \(.+\); restore a backup of it, or move it/);
            return true;
          },
        );
        assert.deepEqual(snapshot(path), before);
      });
    }

    it("with any byte flipped is refused, or reads as it was written", async (context) => {
      const path = databasePath(context);
      const store = open(context, path);
      await fill(store, 40);
      const written = contents(store, TYPES);
      await store.close();
      const sound = readFileSync(path);
      let refused = 0;
      const step = 61;
      for (let at = 0; at < sound.length; at += step) {
        const bytes = Buffer.from(sound);
        bytes[at] = (bytes[at] ?? 0) ^ 0x15;
        writeFileSync(path, bytes);
        try {
          const opened = openSqliteStore(path, { now: () => 0 });
          assert.deepEqual(contents(opened, TYPES), written, `byte ${at}`);
          assert.equal(opened.revision, 2, `byte ${at}`);
          await opened.close();
        } catch (error) {
          assert.ok(error instanceof StoreError, `byte ${at}: ${error}`);
          refused++;
        }
      }
      context.diagnostic(`${refused} of ${Math.ceil(sound.length / step)} refused`);
      assert.ok(refused > 10);
    });
  });
});

function overwrite(path: string, at: number, bytes: Buffer): void {
  const content = readFileSync(path);
  bytes.copy(content, at);
  writeFileSync(path, content);
}

function snapshot(path: string): readonly (readonly [string, string])[] {
  const directory = join(path, "..");
  return readdirSync(directory)
    .sort()
    .map((name) => [name, readFileSync(join(directory, name), "latin1")]);
}
