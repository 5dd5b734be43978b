import { parseDuration } from "../duration.ts";
import { usageError } from "../exit.ts";

/** `--wait` without a value. */
export const defaultWait = "30s";

/** Milliseconds to wait, `undefined` without `--wait` (or with `--wait=false`). */
export function parseWait(text: string | undefined): number | undefined {
  if (text === undefined || text === "false") return undefined;
  const ms = parseDuration(text);
  if (ms === undefined) throw usageError(`--wait="${text}" is not a duration; write it like --wait=30s`);
  return ms;
}
