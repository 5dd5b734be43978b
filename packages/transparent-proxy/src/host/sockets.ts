import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { isLoopbackAddress } from "./resolvers.ts";

interface Socket {
  readonly address: string;
  readonly port: number;
  readonly uid: number;
  readonly inode: string;
  readonly listening: boolean;
}

/** Programs by which people reach a machine. */
const REMOTE_SHELLS = new Set(["sshd", "sshd-session", "dropbear"]);

/** Ports on which somebody may log in to this machine; also the one that this session came in by. */
export function remoteShellPorts(env: Readonly<Record<string, string | undefined>>): readonly number[] {
  const inodes = socketsOf((name) => REMOTE_SHELLS.has(name));
  const served = [...readSockets("tcp"), ...readSockets("tcp6")]
    .filter(({ listening, inode, address }) => listening && inodes.has(inode) && !isLoopbackAddress(address))
    .map(({ port }) => port);
  const session = Number(env.SSH_CONNECTION?.split(" ")[3] ?? "");
  return [...new Set([...served, ...(Number.isInteger(session) && session > 0 ? [session] : [])])].toSorted(
    (a, b) => a - b,
  );
}

/** Uids of the programs that serve DNS on loopback, which they also do on every address. */
export function loopbackResolverUids(): readonly number[] {
  const serving = [...readSockets("udp"), ...readSockets("udp6")].filter(
    ({ address, port }) => port === 53 && (isLoopbackAddress(address) || ["0.0.0.0", "::"].includes(address)),
  );
  return [...new Set(serving.map(({ uid }) => uid))].toSorted((a, b) => a - b);
}

/** Lines of `/proc/net/<kind>` (proc(5)) of this process's network namespace. */
function readSockets(kind: "tcp" | "tcp6" | "udp" | "udp6"): readonly Socket[] {
  return readText(`/proc/net/${kind}`)
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [, local = "", , state = ""] = fields;
      const [hex = "", port = ""] = local.split(":");
      if (port === "") return [];
      return [
        {
          address: decodeAddress(hex),
          port: Number.parseInt(port, 16),
          uid: Number(fields[7]),
          inode: fields[9] ?? "",
          listening: state === "0A",
        },
      ];
    });
}

/** Words of four bytes, each in the machine's order. */
function decodeAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).toReversed());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join(".");
  const long = Array.from({ length: 8 }, (_, i) => `${bytes[2 * i]}${bytes[2 * i + 1]}`).join(":");
  return new URL(`http://[${long}]`).hostname.slice(1, -1);
}

/** Inodes of the sockets of processes whose command has a name that `wanted` accepts. */
function socketsOf(wanted: (command: string) => boolean): ReadonlySet<string> {
  const inodes = new Set<string>();
  for (const pid of readDirectory("/proc").filter((name) => /^\d+$/.test(name))) {
    if (!wanted(readText(`/proc/${pid}/comm`).trim())) continue;
    for (const fd of readDirectory(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  }
  return inodes;
}

/** A process may end while it is looked at; what is gone has nothing. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function readDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
