import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect as secure } from "node:tls";
import type { OutsideCredentials } from "../outside/ca.ts";
import { until } from "../poll.ts";
import { Child } from "../process/child.ts";
import { run } from "../process/run.ts";
import { ROOT } from "../world/commands.ts";

/** A real PostgreSQL outside the mesh. It takes TLS only, and lets in whoever shows a certificate with a user's name. */
export interface Postgres {
  readonly port: number;
  stop(): Promise<void>;
}

/** The only user. */
export const DATABASE_USER = "ledger_app";
/** PostgreSQL does not run as root. */
const NOBODY = 65_534;

/** Starts PostgreSQL with this certificate; clients' certificates are checked against `clientCa`. */
export async function startPostgres(server: OutsideCredentials, clientCa: string): Promise<Postgres> {
  const bin = join(ROOT, ".tools/postgres/native/bin");
  const home = mkdtempSync(join(tmpdir(), "skein-postgres-"));
  const data = join(home, "data");
  const drop =
    process.getuid?.() === 0 ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
  if (drop.length > 0) chownSync(home, NOBODY, NOBODY);
  const env = { PATH: process.env.PATH ?? "", LC_ALL: "C", HOME: home };
  const [program = "", ...args] = [
    ...drop,
    ...[join(bin, "initdb"), "-D", data, "-U", DATABASE_USER, "-A", "reject", "--no-sync", "--locale=C"],
  ];
  const made = await run(program, args, { cwd: home, env, timeoutMs: 120_000 });
  if (made.code !== 0) throw new Error(`initdb: ${made.stderr}${made.stdout}`);
  const files = {
    "server.crt": server.cert,
    "server.key": server.key,
    "clients.crt": clientCa,
    "pg_hba.conf": "hostssl all all all cert\n",
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(data, name), text);
    if (drop.length > 0) chownSync(join(data, name), NOBODY, NOBODY);
    chmodSync(join(data, name), 0o600);
  }
  const port = await freePort();
  const settings = {
    ...{ listen_addresses: "127.0.0.1", port, unix_socket_directories: "" },
    ...{ ssl: "on", ssl_cert_file: "server.crt", ssl_key_file: "server.key", ssl_ca_file: "clients.crt" },
    ...{ fsync: "off", max_connections: 20 },
  };
  const [command = "", ...rest] = [
    ...drop,
    ...[join(bin, "postgres"), "-D", data],
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const logFile = join(home, "postgres.log");
  const child = await Child.start({
    name: "postgres",
    command,
    args: rest,
    env,
    cwd: home,
    logFile,
    detach: false,
  });
  await until("PostgreSQL is up", () => child.tail().includes("ready to accept connections"), {
    timeoutMs: 60_000,
  });
  return {
    port,
    stop: async () => {
      // Its own word for "end sessions and stop".
      child.signal("SIGINT");
      await child.stop(10_000);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}

/** What a session says of itself. */
export interface Session {
  readonly user: string;
  readonly tls: string;
  /** Subject of the client's certificate, as the database sees it. */
  readonly client: string;
}

/**
 * Asks a database who is asking, in PostgreSQL's own protocol. With `tls` the client asks for TLS in the way that the
 * protocol has for it, and verifies the server; without, what it sends is in the clear.
 */
export async function askPostgres(host: string, port: number, tls?: ConnectionOptions): Promise<Session> {
  const plain = connect({ host, port });
  try {
    return await within(10_000, plain, async () => {
      await once(plain, "connect");
      const socket = tls === undefined ? plain : await upgraded(plain, tls);
      socket.write(startup({ user: DATABASE_USER, database: "postgres" }));
      socket.write(
        query("SELECT current_user, version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
      );
      const [user = "", version = "", client = ""] = await firstRow(socket);
      return { user, tls: version, client };
    });
  } finally {
    plain.destroy();
  }
}

const SSL_REQUEST = 80_877_103;
const PROTOCOL = 196_608;

async function upgraded(plain: Socket, tls: ConnectionOptions): Promise<Socket> {
  const request = Buffer.alloc(8);
  request.writeInt32BE(8);
  request.writeInt32BE(SSL_REQUEST, 4);
  plain.write(request);
  const answer: Buffer = await new Promise((resolve) => plain.once("data", resolve));
  if (answer.toString("latin1") !== "S") throw new Error("the server has no TLS");
  const socket = secure({ socket: plain, ...tls });
  await once(socket, "secureConnect");
  return socket;
}

function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const text = `${Object.entries(parameters).flat().join("\0")}\0\0`;
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + text.length);
  head.writeInt32BE(PROTOCOL, 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

function query(sql: string): Buffer {
  const head = Buffer.from("Q\0\0\0\0");
  head.writeInt32BE(4 + sql.length + 1, 1);
  return Buffer.concat([head, Buffer.from(`${sql}\0`)]);
}

/** The columns of the first row that comes. */
function firstRow(socket: Socket): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    let buffered = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 5 && buffered.length >= 1 + buffered.readInt32BE(1)) {
        const length = 1 + buffered.readInt32BE(1);
        const [type, body] = [buffered.toString("latin1", 0, 1), buffered.subarray(5, length)];
        buffered = buffered.subarray(length);
        if (type === "E") reject(new Error(body.toString().replaceAll("\0", " ")));
        if (type === "D") resolve(columns(body));
      }
    });
    socket.on("end", () => reject(new Error("the connection was closed")));
    socket.on("error", reject);
  });
}

function columns(row: Buffer): readonly string[] {
  const values: string[] = [];
  let at = 2;
  for (let i = 0; i < row.readInt16BE(0); i++) {
    const length = row.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? "" : row.toString("utf8", at, at + length));
    at += Math.max(length, 0);
  }
  return values;
}

function once(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
}

async function within<T>(ms: number, socket: Socket, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}
