import { crc32 } from "node:zlib";
import type { Resource } from "@skein/model";
import { deepFreeze } from "./document.ts";

/** A row of `resources`. `checksum` covers the rest: SQLite finds a damaged page structure, but not a damaged text. */
export interface ResourceRow {
  readonly type: string;
  readonly mesh: string;
  readonly name: string;
  readonly revision: number;
  /** JSON of what is not in the other columns. */
  readonly body: string;
  readonly checksum: number;
}

/** The row that a document is stored as. */
export function rowOf(resource: Resource): ResourceRow {
  const { type, mesh, name, revision, ...rest } = resource;
  const body = JSON.stringify(rest);
  return { type, mesh, name, revision, body, checksum: checksumOf([type, mesh, name, revision, body]) };
}

/** The document of a row; `undefined` when the row is not what was written. */
export function resourceOf(row: ResourceRow): Resource | undefined {
  const { type, mesh, name, revision, body } = row;
  if (row.checksum !== checksumOf([type, mesh, name, revision, body])) return undefined;
  return deepFreeze({ type, mesh, name, revision, ...JSON.parse(body) });
}

/** CRC-32 of values that may not contain a zero character, in their order. */
export function checksumOf(values: readonly (string | number)[]): number {
  return crc32(values.join("\0"));
}
