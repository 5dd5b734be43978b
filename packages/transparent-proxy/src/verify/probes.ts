import { spawn } from "node:child_process";
import { connect, createServer, type Server } from "node:net";
import type { Family } from "../config/network-address.ts";
import { ownAddress } from "../host/addresses.ts";
import type { User } from "../host/user.ts";

/** A connection within this machine that must work with the rules as it did without them. */
export interface Probe {
  /** Completes "cannot be reached: …". */
  readonly title: string;
  /** Whether the connection comes about; `undefined` when it cannot be tried here. */
  readonly works: () => Promise<boolean | undefined>;
}

/** Enough for a loaded machine; a connection within a machine otherwise takes less than a millisecond. */
const PATIENCE_MS = 10_000;

/**
 * The probes of some IP versions: a listening program is reached on loopback and on the machine's own address by others
 * than the proxy, and on loopback by the proxy, which is how it hands requests to the application.
 */
export function probesOf(families: readonly Family[], proxy: User): readonly Probe[] {
  return families.flatMap((family) => {
    const local = family === "ipv4" ? "127.0.0.1" : "::1";
    const own = ownAddress(family);
    return [
      { title: `a program that listens on ${local}`, works: () => reached(local) },
      ...(own === undefined
        ? []
        : [{ title: `a program that listens on ${own}, from this machine`, works: () => reached(own) }]),
      {
        title: `a program that listens on ${local}, by the user ${proxy.name} (${proxy.uid})`,
        works: () => reached(local, proxy),
      },
    ];
  });
}

async function reached(address: string, as?: User): Promise<boolean | undefined> {
  const server = await listen(address);
  if (server === undefined) return undefined;
  try {
    const bound = server.address();
    if (typeof bound !== "object" || bound === null) return undefined;
    return as === undefined ? await connects(address, bound.port) : await connectsAs(as, address, bound.port);
  } finally {
    server.close();
  }
}

/** A server that says a word only it would say; `undefined` where the address cannot be had. */
function listen(address: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(WORD);
    });
    server.once("error", () => resolve(undefined));
    server.listen({ host: address, port: 0 }, () => resolve(server));
  });
}

const WORD = "skein-transparent-proxy-probe";

function connects(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let heard = "";
    const socket = connect({ host: address, port });
    const done = (): void => {
      socket.destroy();
      resolve(heard === WORD);
    };
    socket.setTimeout(PATIENCE_MS, done);
    socket.on("error", done);
    socket.on("data", (data) => {
      heard += data.toString();
    });
    socket.on("end", done);
  });
}

/** The same from a process of that user. Where none can be started (no right to, no program it may run) it is unknown. */
function connectsAs({ uid, gid }: User, address: string, port: number): Promise<boolean | undefined> {
  const script = `const { connect } = require("node:net");
    let heard = "";
    const done = () => process.exit(heard === ${JSON.stringify(WORD)} ? 0 : 3);
    connect(${port}, ${JSON.stringify(address)}).on("data", (data) => (heard += data)).on("error", done).on("end", done).setTimeout(${PATIENCE_MS}, done);`;
  return new Promise((resolve) => {
    try {
      const child = spawn(process.execPath, ["-e", script], {
        uid,
        gid,
        cwd: "/",
        env: {},
        stdio: "ignore",
        detached: true,
        timeout: 3 * PATIENCE_MS,
        killSignal: "SIGKILL",
      });
      child.once("error", () => resolve(undefined));
      child.once("exit", (code) => resolve(code === 0 ? true : code === 3 ? false : undefined));
    } catch {
      // Node throws some refusals and emits others.
      resolve(undefined);
    }
  });
}
