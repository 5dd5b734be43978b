import { readdirSync, readFileSync } from "node:fs";

/** Environment variable that every process of a world carries, so that all of them can be found again. */
export const WORLD_MARK = "SKEIN_WORLD";

/**
 * Pids of the processes, of this user, whose environment holds `name=value`: also those whose parents died and those
 * that started a session of their own. The caller itself is not among them.
 */
export function marked(name: string, value: string): readonly number[] {
  const wanted = `${name}=${value}`;
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid && environment(pid).includes(wanted));
}

/** Kills every process of a world at once, Envoys included. Synchronous, so that an exit handler can call it. */
export function reap(world: string): number {
  let killed = 0;
  // A process may have forked between the listing and its end: look again until nothing is left.
  for (let round = 0; round < 20; round++) {
    const pids = marked(WORLD_MARK, world);
    if (pids.length === 0) break;
    for (const pid of pids) if (kill(pid)) killed++;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
  return killed;
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

function environment(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}
