import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { corrupt } from "./sqlite-error.ts";
import { createSchema } from "./sqlite-schema.ts";

/**
 * Makes sure that `file` is there. A new one is built aside and linked into place whole, so a file that is there but
 * empty was never ours: it has lost its content, and starting over would hide that.
 *
 * @throws StoreError `corrupt`
 */
export function ensureDatabaseFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() && found.size < SMALLEST_DATABASE) {
    throw corrupt(file, found.size === 0 ? "it is empty" : "it is cut off");
  }
  if (found) return;
  if (existsSync(`${file}-wal`)) throw corrupt(file, "it is gone, and its -wal file is still there");

  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new-${process.pid}`;
  rmSync(draft, { force: true });
  try {
    closeSync(openSync(draft, "wx", 0o600));
    const database = new DatabaseSync(draft);
    try {
      createSchema(database);
    } finally {
      database.close();
    }
    publish(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(dirname(resolve(file)));
}

/** Bytes of one page, at its smallest. SQLite takes what is shorter for a new database, and would overwrite it. */
const SMALLEST_DATABASE = 512;

/** A link never replaces what another process has put there meanwhile; some file systems have none, then rename. */
function publish(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    if (isCode(error, "EEXIST")) return;
    if (!isCode(error, "EPERM") && !isCode(error, "ENOTSUP") && !isCode(error, "ENOSYS")) throw error;
    renameSync(draft, file);
  }
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
