import { request as plain } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as secured } from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { patiently } from "../patience.ts";

/** A request of a client that is no part of the mesh. */
export interface OutsideRequest {
  readonly address: string;
  readonly port: number;
  /** What it calls the server. */
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Over TLS: which authorities it trusts, and the server name it asks for where that is not `host`. */
  readonly tls?: { readonly ca: string; readonly serverName?: string };
}

/** What came of it; status 0 where no answer came. */
export interface OutsideAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly error?: string;
}

const PATIENCE_MS = patiently(10_000);

/** One request over a connection of its own. */
export function callFromOutside(wanted: OutsideRequest): Promise<OutsideAnswer> {
  const { address, port, host, path = "/", method = "GET", tls } = wanted;
  const options = {
    ...{ host: address, port, path, method, agent: false as const, timeout: PATIENCE_MS },
    headers: { host, ...wanted.headers },
  };
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, body: "", headers: {}, error: error.message });
    const outgoing =
      tls === undefined
        ? plain(options)
        : secured({ ...options, ca: tls.ca, servername: tls.serverName ?? host });
    outgoing.on("response", (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      answer.on("error", fail);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    outgoing.on("error", fail);
    outgoing.end();
  });
}

/** Statuses of GET requests for some hosts over one HTTP/2 connection that was opened for the first of them. */
export async function callOverOneConnection(
  { address, port, ca }: { readonly address: string; readonly port: number; readonly ca: string },
  hosts: readonly string[],
): Promise<readonly number[]> {
  const session = connectHttp2(`https://${hosts[0]}:${port}`, { host: address, ca });
  const failed = new Promise<never>((_, reject) => session.once("error", reject));
  try {
    const statuses: number[] = [];
    for (const host of hosts) {
      const stream = session.request({ ":path": "/", ":authority": host });
      stream.setTimeout(PATIENCE_MS, () => stream.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
      const status = new Promise<number>((resolve, reject) => {
        stream.once("response", (headers) => resolve(Number(headers[":status"])));
        stream.once("error", reject);
      });
      statuses.push(await Promise.race([status, failed]));
      stream.resume();
    }
    return statuses;
  } finally {
    session.destroy();
  }
}

/** What a client learns from opening a connection: the certificate's subject, and the first line it is sent. */
export interface Greeting {
  readonly subject: string | undefined;
  readonly line: string;
}

/** Opens a connection, over TLS where it says so, and waits for the first line. */
export function greetFromOutside({
  address,
  port,
  tls,
}: Pick<OutsideRequest, "address" | "port"> & {
  /** `ciphers`: those of TLS 1.2, and no newer TLS. */
  readonly tls?: { readonly ca: string; readonly serverName: string; readonly ciphers?: string };
}): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    const socket: Socket | TLSSocket =
      tls === undefined
        ? connectTcp(port, address)
        : connectTls({
            ...{ host: address, port, ca: tls.ca, servername: tls.serverName },
            ...(tls.ciphers === undefined ? {} : { ciphers: tls.ciphers, maxVersion: "TLSv1.2" as const }),
          });
    let text = "";
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no line within ${PATIENCE_MS} ms`)));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      if (!text.includes("\n")) return;
      const peer = "getPeerCertificate" in socket ? socket.getPeerCertificate() : undefined;
      resolve({
        subject: peer === undefined ? undefined : String(peer.subject?.CN),
        line: text.split("\n")[0] ?? "",
      });
      socket.destroy();
    });
  });
}
