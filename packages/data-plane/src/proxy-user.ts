import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { LaunchError } from "./launch-error.ts";

/** A user of the machine. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Absent for an id that has no entry. */
  readonly name: string | undefined;
}

/** What the launcher does about the user that it runs as. */
export type UserChoice =
  | { readonly kind: "stay"; readonly warning?: string }
  | { readonly kind: "become"; readonly user: User }
  | { readonly kind: "refuse"; readonly message: string };

export interface UserQuestion {
  /** Name or id; of `--user`, else of the configuration of transparent proxying. */
  readonly wanted: string | undefined;
  /** The effective user id of this process. */
  readonly uid: number;
  /** Connections of all users but one are redirected. */
  readonly isTransparent: boolean;
  readonly lookUp: (nameOrId: string) => User | undefined;
}

/** Whom the rules leave alone where nobody says otherwise: this id, or else the user of this name. */
const DEFAULT_UID = 5678;
const DEFAULT_NAME = "kuma-dp";

/**
 * Which user Envoy must run as. With transparent proxying its own connections are told from those of applications by
 * their user alone: as any other it would be led back to itself, again and again.
 */
export function chooseUser({ wanted, uid, isTransparent, lookUp }: UserQuestion): UserChoice {
  if (wanted !== undefined) {
    const user = lookUp(wanted);
    if (user === undefined)
      return { kind: "refuse", message: `there is no user ${JSON.stringify(wanted)} on this machine` };
    if (user.uid === uid) return { kind: "stay" };
    if (uid === 0) return { kind: "become", user };
    return {
      kind: "refuse",
      message: `running as user ${uid}, the proxy cannot become ${wanted}: start it as root or as ${wanted}`,
    };
  }
  if (!isTransparent) return { kind: "stay" };
  const usual = lookUp(String(DEFAULT_UID))?.name ?? lookUp(DEFAULT_NAME)?.name;
  if (uid === 0) {
    return {
      kind: "refuse",
      message: `as root, the proxy's own connections would be redirected back to it, in a loop. Name the user that the rules leave alone with --user${usual === undefined ? "" : ` ${usual}`}; it is the one of \`install transparent-proxy --kuma-dp-user\``,
    };
  }
  if (uid === DEFAULT_UID || uid === lookUp(DEFAULT_NAME)?.uid) return { kind: "stay" };
  return {
    kind: "stay",
    warning: `running as user ${uid}: the rules must have been installed with --kuma-dp-user ${uid}, or the proxy's own connections are redirected back to it`,
  };
}

/** A user by name or id, from wherever this machine knows its users. An id needs no entry. */
export function lookUpUser(nameOrId: string): User | undefined {
  const found = spawnSync("getent", ["passwd", nameOrId], { encoding: "utf8", timeout: 10_000 });
  const lines = found.error === undefined ? found.stdout : readFileSync("/etc/passwd", "utf8");
  for (const line of lines.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === nameOrId || uid === nameOrId) return { uid: Number(uid), gid: Number(gid), name };
  }
  return /^\d+$/.test(nameOrId)
    ? { uid: Number(nameOrId), gid: Number(nameOrId), name: undefined }
    : undefined;
}

/** This process becomes another user, with all the groups of that. What was made for it before is `handed` over. */
export function becomeUser(user: User, handed: readonly (string | undefined)[]): void {
  const { setgroups, setgid, setuid } = process;
  if (setgroups === undefined || setgid === undefined || setuid === undefined) {
    throw new LaunchError("invalid-options", "--user: this platform has no users to change to");
  }
  for (const path of handed) if (path !== undefined) chownSync(path, user.uid, user.gid);
  // In this order: who has given up root may change nothing more.
  setgroups.call(process, groupsOf(user));
  setgid.call(process, user.gid);
  setuid.call(process, user.uid);
}

function groupsOf({ name, gid }: User): number[] {
  if (name === undefined) return [gid];
  const { error, status, stdout } = spawnSync("id", ["-G", name], { encoding: "utf8", timeout: 10_000 });
  return error === undefined && status === 0 ? stdout.trim().split(" ").map(Number) : [gid];
}

/** Makes a directory that is not there yet; `undefined` where it is, and belongs to somebody already. */
export function madeDirectory(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}
