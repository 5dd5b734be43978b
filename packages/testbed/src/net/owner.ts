import { readFileSync } from "node:fs";

/** Names one process for good: a pid comes back, a pid with its start time does not. */
export interface Owner {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of `/proc/<pid>/stat` (proc(5)). */
  readonly startedAt: string;
}

/** The running process `pid`, or `undefined` where there is none (a zombie counts as none). */
export function ownerOf(pid: number): Owner | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name may hold spaces and brackets; what follows its last `)` is regular.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const state = fields[0];
    const startedAt = fields[19];
    if (startedAt === undefined || state === "Z" || state === "X") return undefined;
    return { pid, startedAt };
  } catch {
    return undefined;
  }
}

/** Whether that very process still runs. */
export function isAlive(owner: Owner): boolean {
  return ownerOf(owner.pid)?.startedAt === owner.startedAt;
}
