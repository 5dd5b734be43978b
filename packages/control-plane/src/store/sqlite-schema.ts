import type { DatabaseSync } from "node:sqlite";
import { checksumOf } from "./sqlite-row.ts";
import { StoreError } from "./store.ts";

/** The layout that this build writes. A later build raises it and brings older files up to it when it opens them. */
export const SCHEMA_VERSION = 1;

/** "Skei" in SQLite's header (https://sqlite.org/pragma.html#pragma_application_id): tells our files from others. */
const APPLICATION_ID = 0x536b6569;

/** Makes an empty database ours. */
export function createSchema(database: DatabaseSync): void {
  database.exec(`
    PRAGMA application_id = ${APPLICATION_ID};
    CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
    INSERT INTO schema_version VALUES (${SCHEMA_VERSION});
    CREATE TABLE resources (
      type TEXT NOT NULL,
      mesh TEXT NOT NULL,
      name TEXT NOT NULL,
      revision INTEGER NOT NULL,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL,
      PRIMARY KEY (type, mesh, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE head (
      id INTEGER PRIMARY KEY CHECK (id = 0),
      revision INTEGER NOT NULL,
      size INTEGER NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
    INSERT INTO head VALUES (0, 0, 0, ${checksumOf([0, 0])});
  `);
}

/**
 * Refuses a file that is not ours or that a newer build has written.
 *
 * @throws StoreError `unavailable`
 */
export function checkSchema(database: DatabaseSync, file: string): void {
  const id = database.prepare("PRAGMA application_id").get()?.application_id;
  if (id !== APPLICATION_ID) {
    throw new StoreError(
      "unavailable",
      `${file} is a SQLite database, but not one of this control plane; set store.sqlite.path to another file`,
    );
  }
  const version = database.prepare("SELECT max(version) AS version FROM schema_version").get()?.version;
  if (typeof version !== "number" || version < 1) {
    throw new StoreError("corrupt", `${file} does not tell its schema version; restore a backup of it`);
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      "unavailable",
      `${file} has schema version ${version}, written by a newer control plane, and this one knows up to ${SCHEMA_VERSION}; run the newer version, or restore a backup that this one wrote`,
    );
  }
}
