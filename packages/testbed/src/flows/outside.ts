import { createPrivateKey, createPublicKey, randomBytes } from "node:crypto";
import { createServer as createPlainServer } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  certificateSigner,
  commonName,
  keyIdentifier,
  signCertificate,
  toPem,
} from "@skein/control-plane/identity/x509/certificate";
import {
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from "@skein/control-plane/identity/x509/extensions";
import { generateEcKeyPair } from "@skein/control-plane/identity/x509/keys";
import { randomSerial } from "@skein/control-plane/identity/x509/serial";
import type { Credentials } from "./credentials.ts";

/** A CA that the mesh has nothing to do with. */
export interface OutsideCa {
  readonly pem: string;
  /** A certificate with these host names and addresses, and `name` as its subject. */
  issue(name: string, hosts: readonly string[]): Promise<Credentials>;
}

/** Makes a CA of the world outside. */
export async function outsideCa(name: string): Promise<OutsideCa> {
  const { privateKeyPem } = await generateEcKeyPair();
  const key = createPrivateKey(privateKeyPem);
  const signer = certificateSigner(key);
  if (signer === undefined) throw new Error("the key cannot sign");
  const sign = async (subject: string, subjectKey: Buffer, extensions: readonly Buffer[]) => {
    const now = Date.now();
    const content = {
      serial: randomSerial(randomBytes),
      ...{ issuer: commonName(name), subject: commonName(subject), publicKey: subjectKey },
      ...{ notBefore: now - 60_000, notAfter: now + 3_600_000, extensions },
    };
    return toPem("CERTIFICATE", await signCertificate(content, signer));
  };
  const publicKey = publicKeyOf(privateKeyPem);
  const pem = await sign(name, publicKey, [
    basicConstraints(true),
    keyUsage("keyCertSign", "digitalSignature"),
    subjectKeyIdentifier(keyIdentifier(publicKey)),
  ]);
  return {
    pem,
    async issue(subject, hosts) {
      const own = (await generateEcKeyPair()).privateKeyPem;
      const names = hosts.map((value) => ({ kind: isIP(value) === 0 ? "dns" : "ip", value }) as const);
      const cert = await sign(subject, publicKeyOf(own), [
        basicConstraints(false),
        keyUsage("digitalSignature"),
        extendedKeyUsage("serverAuth", "clientAuth"),
        ...(names.length === 0 ? [] : [subjectAltName(names, false)]),
      ]);
      return { cert, key: own };
    },
  };
}

function publicKeyOf(privateKeyPem: string): Buffer {
  return createPublicKey(privateKeyPem).export({ type: "spki", format: "der" });
}

/** What a server outside saw of a request. */
export interface SeenOutside {
  readonly server: string;
  readonly host: string;
  readonly sni: string | null;
  /** Common name of the client's certificate. */
  readonly client: string | null;
  readonly alpn: string | null;
  readonly protocol: string | null;
  /** How many requests have come so far. */
  readonly count: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A server outside the mesh. */
export interface OutsideServer {
  readonly port: number;
  readonly seen: readonly SeenOutside[];
  /**
   * How the next requests are answered: milliseconds to wait, statuses to use up before 200, and whether each is the
   * last one on its connection.
   */
  behave(next: {
    readonly delayMs?: number;
    readonly statuses?: readonly number[];
    readonly closing?: boolean;
  }): void;
  close(): Promise<void>;
}

/** Where a server listens: a port of its own at an address, or a Unix socket. */
export type ListenAt = string | { readonly socket: string };

/** Starts an HTTP server, with TLS where there are options for it, that answers with what it saw. */
export async function outsideServer(
  name: string,
  tls: ServerOptions | undefined,
  at: ListenAt = "127.0.0.1",
): Promise<OutsideServer> {
  const seen: SeenOutside[] = [];
  let delayMs = 0;
  let statuses: number[] = [];
  let isClosing = false;
  const handle = (
    request: import("node:http").IncomingMessage,
    answer: import("node:http").ServerResponse,
  ) => {
    const socket = request.socket as Partial<TLSSocket>;
    const one: SeenOutside = {
      server: name,
      host: request.headers.host ?? "",
      sni: typeof socket.servername === "string" ? socket.servername : null,
      client: String(socket.getPeerCertificate?.()?.subject?.CN ?? "") || null,
      alpn: typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : null,
      protocol: socket.getProtocol?.() ?? null,
      count: seen.length + 1,
      headers: request.headers,
    };
    seen.push(one);
    setTimeout(() => {
      answer.writeHead(statuses.shift() ?? 200, {
        "content-type": "application/json",
        ...(isClosing ? { connection: "close" } : {}),
      });
      answer.end(JSON.stringify(one));
    }, delayMs);
  };
  const server: Server = tls === undefined ? createPlainServer(handle) : createServer(tls, handle);
  const sockets = new Set<import("node:net").Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (typeof at === "string") server.listen(0, at, resolve);
    else server.listen(at.socket, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" ? ((address as AddressInfo | null)?.port ?? 0) : 0,
    seen,
    behave: (next) => {
      delayMs = next.delayMs ?? 0;
      statuses = [...(next.statuses ?? [])];
      isClosing = next.closing ?? false;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
