import { DatabaseSync } from "node:sqlite";
import { IndexedStore, type Journal, type StoredState, type StoreOptions } from "./indexed-store.ts";
import { MemoryIndex } from "./memory-index.ts";
import { corrupt, storeErrorFrom } from "./sqlite-error.ts";
import { ensureDatabaseFile } from "./sqlite-file.ts";
import { checksumOf, type ResourceRow, resourceOf, rowOf } from "./sqlite-row.ts";
import { checkSchema } from "./sqlite-schema.ts";
import { type Change, type Store, StoreError } from "./store.ts";

/** How a SQLite store is opened. */
export interface SqliteStoreOptions extends StoreOptions {
  /** Gets the connection before anything is written: tests set limits on it. */
  readonly onConnection?: (database: DatabaseSync) => void;
}

/**
 * Opens, or makes, a store in one SQLite file. Writes are in the write-ahead log and synced to disk before they
 * resolve; a crash at any moment leaves whole transactions. One process at a time may hold the file.
 *
 * @throws StoreError `corrupt` for a damaged file (which is left as it is), `unavailable` for a file that another
 * process holds, that cannot be read, or that a newer version wrote
 */
export function openSqliteStore(file: string, options: SqliteStoreOptions): Store {
  let database: DatabaseSync | undefined;
  try {
    ensureDatabaseFile(file);
    database = new DatabaseSync(file);
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    checkSchema(database, file);
    hold(database);
    const state = load(database, file);
    options.onConnection?.(database);
    return new IndexedStore(state, openJournal(database, file), setImmediate, options);
  } catch (error) {
    database?.close();
    throw openError(error, file);
  }
}

/** Takes the file for this process until it ends (https://sqlite.org/wal.html#noshm). */
function hold(database: DatabaseSync): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    BEGIN IMMEDIATE;
    COMMIT;
  `);
}

function load(database: DatabaseSync, file: string): StoredState {
  const finding = database.prepare("PRAGMA quick_check(1)").get()?.quick_check;
  if (finding !== "ok") throw corrupt(file, String(finding).split("\n").at(-1) ?? "");

  const index = new MemoryIndex();
  const rows = database.prepare("SELECT type, mesh, name, revision, body, checksum FROM resources");
  let newest = 0;
  for (const row of rows.iterate() as Iterable<unknown> as Iterable<ResourceRow>) {
    const resource = resourceOf(row);
    if (!resource) throw corrupt(file, `the checksum of ${row.type} ${row.mesh}/${row.name} is wrong`);
    index.replace(undefined, resource);
    newest = Math.max(newest, resource.revision);
  }
  const head = database.prepare("SELECT revision, size, checksum FROM head").get();
  const revision = Number(head?.revision);
  const isSound = head?.checksum === checksumOf([revision, Number(head?.size)]);
  if (!isSound || head.size !== index.size || newest > revision) throw corrupt(file, "documents are missing");
  return { index, revision };
}

function openJournal(database: DatabaseSync, file: string): Journal {
  const put = database.prepare(
    "INSERT OR REPLACE INTO resources (type, mesh, name, revision, body, checksum) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const remove = database.prepare("DELETE FROM resources WHERE type = ? AND mesh = ? AND name = ?");
  const putHead = database.prepare(
    "INSERT OR REPLACE INTO head (id, revision, size, checksum) VALUES (0, ?, ?, ?)",
  );
  const store = ({ before, after }: Change) => {
    if (after) {
      const row = rowOf(after);
      put.run(row.type, row.mesh, row.name, row.revision, row.body, row.checksum);
    } else if (before) {
      remove.run(before.type, before.mesh, before.name);
    }
  };
  return {
    commit(changes, revision, size) {
      try {
        database.exec("BEGIN IMMEDIATE");
        for (const change of changes) store(change);
        putHead.run(revision, size, checksumOf([revision, size]));
        database.exec("COMMIT");
      } catch (error) {
        if (database.isTransaction) rollback(database);
        throw storeErrorFrom(error, file);
      }
    },
    close: () => database.close(),
  };
}

/** Some errors (a full disk is one) have rolled back already; what matters is that none is left open. */
function rollback(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    if (database.isTransaction) throw new Error("a failed SQLite transaction could not be rolled back");
  }
}

function openError(error: unknown, file: string): unknown {
  const known = storeErrorFrom(error, file);
  if (known instanceof StoreError || !(error instanceof Error)) return known;
  if (error instanceof SyntaxError) return corrupt(file, error.message, error);
  if (!("syscall" in error)) return known;
  return new StoreError(
    "unavailable",
    `${file} cannot be opened (${error.message}); check the path, its permissions and the disk`,
    { cause: error },
  );
}
