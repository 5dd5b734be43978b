import { readFileSync } from "node:fs";
import { SettingError } from "../config/setting-error.ts";
import { findExecutable, runCommand } from "./command.ts";

/** A user of this machine. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const DEFAULT_UID = "5678";
const DEFAULT_NAME = "kuma-dp";

/**
 * The user that runs the proxy: the one of that name or uid, or where none is named, uid 5678, else `kuma-dp`.
 *
 * @throws SettingError when there is no such user. A rule for a uid that nobody has would send the proxy's own traffic
 * back to it.
 */
export async function proxyUser(nameOrUid: string): Promise<User> {
  for (const candidate of nameOrUid === "" ? [DEFAULT_UID, DEFAULT_NAME] : [nameOrUid]) {
    const user = await findUser(candidate);
    if (user !== undefined) return user;
  }
  throw new SettingError(
    nameOrUid === ""
      ? `this machine has neither a user with uid ${DEFAULT_UID} nor one named ${DEFAULT_NAME}; add one (useradd --system --uid ${DEFAULT_UID} ${DEFAULT_NAME}), or name the user that runs the proxy with --kuma-dp-user`
      : `--kuma-dp-user: "${nameOrUid}" does not refer to a valid user on the host: it is no name and no uid of a user; add the user, or name the one that runs the proxy`,
  );
}

async function findUser(nameOrUid: string): Promise<User | undefined> {
  const users = readUsers("/etc/passwd");
  const known =
    users.find(({ uid }) => String(uid) === nameOrUid) ?? users.find(({ name }) => name === nameOrUid);
  const getent = findExecutable("getent");
  if (known !== undefined || getent === undefined) return known;
  // Users that are kept elsewhere, such as in a directory service.
  const { code, stdout } = await runCommand(getent, ["passwd", "--", nameOrUid]);
  return code === 0 ? parseUsers(stdout)[0] : undefined;
}

function readUsers(path: string): readonly User[] {
  try {
    return parseUsers(readFileSync(path, "utf8"));
  } catch {
    return [];
  }
}

function parseUsers(text: string): readonly User[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , uid = "", gid = ""] = line.split(":");
    return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}
