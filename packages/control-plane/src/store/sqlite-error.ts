import { StoreError } from "./store.ts";

/** Primary result codes (https://sqlite.org/rescode.html). */
const BUSY = 5;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;
const READ_ONLY = new Set([3, 8, 23]);

/** Says what an error of SQLite means for the operator of `file`. Other errors are bugs and come back unchanged. */
export function storeErrorFrom(error: unknown, file: string): unknown {
  if (error instanceof StoreError || !isSqliteError(error)) return error;
  const code = error.errcode & 0xff;
  const detail = `${error.errstr}, SQLite code ${error.errcode}`;
  if (code === CORRUPT || code === NOT_A_DATABASE) return corrupt(file, error.message, error);
  return new StoreError("unavailable", sentence(code, file, detail), { cause: error });
}

/** A database file that cannot be trusted. */
export function corrupt(file: string, finding: string, cause?: unknown): StoreError {
  return new StoreError(
    "corrupt",
    `the database file ${file} is damaged (${finding}); restore a backup of it, or move it and its -wal file away to start with an empty store`,
    { cause },
  );
}

function sentence(code: number, file: string, detail: string): string {
  if (code === FULL) {
    return `no space left to write to ${file} (${detail}); free disk space, then repeat the write: reads go on meanwhile`;
  }
  if (READ_ONLY.has(code)) {
    return `${file} cannot be written (${detail}); make the file and its directory writable for the control plane's user`;
  }
  if (code === BUSY) {
    return `${file} is in use by another process (${detail}); stop the other control plane, or set store.sqlite.path to another file`;
  }
  return `${file} cannot be read or written (${detail}); check the path, its permissions and the disk`;
}

interface SqliteError extends Error {
  readonly errcode: number;
  readonly errstr: string;
}

function isSqliteError(error: unknown): error is SqliteError {
  return (
    error instanceof Error && "errcode" in error && typeof error.errcode === "number" && "errstr" in error
  );
}
