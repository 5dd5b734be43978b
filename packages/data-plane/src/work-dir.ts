import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { join, resolve } from "node:path";
import { LaunchError, messageOf } from "./launch-error.ts";
import { PLAN_FILE, readLaunchPlan } from "./launch-plan.ts";

export interface WorkDir {
  readonly path: string;
  /** A temporary one of ours, to be removed at the end. */
  readonly owned: boolean;
}

const PREFIX = "skein-dp-";
/** Of `openModuleCache`. */
const MODULES_PREFIX = "skein-dp-modules-";
const SETTLED_MS = 60_000;
/** Longest path of a Unix socket, without its final zero byte. Source: `sockaddr_un` of Linux. */
const MAX_SOCKET_PATH = 107;
const LONGEST_SOCKET = "/kuma-envoy-admin.sock";

/** Opens the directory for the bootstrap, the token and the sockets: the named one, or a new temporary one. Mode 0700. */
export function openWorkDir(named: string | undefined, temporary: string): WorkDir {
  try {
    const owned = named === undefined;
    const path = owned ? mkdtempSync(join(temporary, PREFIX)) : resolve(named);
    if (!owned) mkdirSync(path, { recursive: true, mode: 0o700 });
    if (Buffer.byteLength(path + LONGEST_SOCKET) > MAX_SOCKET_PATH) {
      throw new RangeError(`${path} is too long for the sockets in it; choose a shorter one`);
    }
    chmodSync(path, 0o700);
    return { path, owned };
  } catch (error) {
    throw new LaunchError("work-dir", `The work directory cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Removes temporary work directories whose sidecar is gone: launchers that were killed by force, and lean ones, which
 * have nobody left to clean up. A directory goes only when its process has ended *and* nothing listens on its admin
 * socket (the process may live in another pid namespace).
 */
export async function sweepWorkDirs(temporary: string, now: number): Promise<void> {
  for (const entry of readdirSync(temporary)) {
    const path = join(temporary, entry);
    if (entry.startsWith(MODULES_PREFIX) && isStale(path, now))
      rmSync(path, { recursive: true, force: true });
    if (!entry.startsWith(PREFIX)) continue;
    if (await isAbandoned(path, now)) rmSync(path, { recursive: true, force: true });
  }
}

/** Compiled modules are on their way for a second; older ones belong to a launcher that was killed. */
function isStale(path: string, now: number): boolean {
  try {
    const info = statSync(path);
    return info.isDirectory() && info.uid === process.getuid?.() && now - info.mtimeMs > 10 * 60_000;
  } catch {
    return false;
  }
}

async function isAbandoned(path: string, now: number): Promise<boolean> {
  try {
    const info = statSync(path);
    if (!info.isDirectory() || info.uid !== process.getuid?.()) return false;
    if (now - statSync(join(path, PLAN_FILE)).mtimeMs < SETTLED_MS) return false;
    const plan = readLaunchPlan(path);
    if (!plan.ownsWorkDir || plan.workDir !== path || isAlive(plan.pid)) return false;
    return plan.admin.kind === "pipe" && !(await isListening(plan.admin.path));
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolvePromise) => {
    const socket = createConnection({ path }, () => {
      socket.destroy();
      resolvePromise(true);
    });
    socket.on("error", () => resolvePromise(false));
  });
}
