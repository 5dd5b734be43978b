import type { FSWatcher } from "node:fs";
import { dirname } from "node:path";
import { files } from "./files.ts";
import { messageOf } from "./launch-error.ts";
import type { Logger } from "./log.ts";

const SETTLE_MS = 50;
const RECHECK_MS = 60_000;

/**
 * Writes a token the way Envoy notices it: whole, readable by its owner only, and by a rename (a file that is written
 * in place goes unnoticed).
 */
export function writeToken(file: string, token: string): void {
  files.writeFileSync(`${file}.new`, token, { mode: 0o600 });
  files.chmodSync(`${file}.new`, 0o600);
  files.renameSync(`${file}.new`, file);
}

/** Reads a token file; surrounding blanks and line ends are not part of the token. */
export function readToken(file: string): string {
  return files.readFileSync(file, "utf8").trim();
}

/**
 * Keeps `copy` equal to the token in `source` for as long as it is not disposed. Follows writes in place, renames and
 * swapped symlinks; an empty or unreadable source is reported and the old token kept.
 */
export function mirrorToken(source: string, copy: string, log: Logger): Disposable {
  let current = readToken(copy);
  let timer: NodeJS.Timeout | undefined;
  const check = () => {
    try {
      const token = readToken(source);
      if (token === "" || token === current) return;
      writeToken(copy, token);
      current = token;
      log.info("the token file has changed; Envoy uses the new token from its next stream on", {
        file: source,
      });
    } catch (error) {
      log.warn("the token file cannot be read; the old token stays in use", { reason: messageOf(error) });
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(check, SETTLE_MS);
  };
  const watcher = watchDirectory(dirname(source), soon);
  const recheck = setInterval(check, RECHECK_MS);
  recheck.unref();
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      clearInterval(recheck);
      watcher?.close();
    },
  };
}

/** Without a watch (no inotify left) the periodic look has to do. */
function watchDirectory(directory: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = files.watch(directory, { persistent: false }, onChange);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
