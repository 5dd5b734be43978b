import { randomBytes } from "node:crypto";
import { request } from "node:https";
import { connect } from "node:tls";
import { loadCa } from "@skein/control-plane/identity/ca";
import { issueLeaf } from "@skein/control-plane/identity/leaf";
import { randomSerial } from "@skein/control-plane/identity/x509/serial";

/** A certificate with its key, in the names that Node's TLS options have for them. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

/** Issues a certificate with one URI from a CA's PEM and its key's. */
export async function issued(
  ca: { certificatePem: string; privateKeyPem: string },
  uri: string,
): Promise<Credentials> {
  const now = Date.now();
  const authority = loadCa(ca, { now, allowSelfSigned: true });
  if (!authority.ok) throw new Error(authority.error.message);
  const leaf = await issueLeaf(authority.value, {
    uris: [uri],
    ttlMs: 600_000,
    now,
    serial: randomSerial(randomBytes),
  });
  return { cert: leaf.certChainPem, key: leaf.privateKeyPem };
}

export interface Handshake {
  readonly host: string;
  readonly port: number;
  readonly credentials: Credentials;
  readonly version: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's name of the only cipher suite that is offered below TLS 1.3. */
  readonly cipher?: string;
}

/** Shakes hands as a proxy of the mesh would: answers with version and cipher, or with the reason of the refusal. */
export function shakeHands(options: Handshake): Promise<string> {
  const { host, port, credentials, version, cipher } = options;
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      ...credentials,
      minVersion: version,
      maxVersion: version,
      ...(cipher === undefined ? {} : { ciphers: cipher }),
      ALPNProtocols: ["kuma"],
      rejectUnauthorized: false,
      timeout: 5_000,
    });
    const end = (answer: string): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.on("secureConnect", () => end(`${socket.getProtocol()} ${socket.getCipher().standardName}`));
    socket.on("timeout", () => end("timeout"));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

/** One GET over mutual TLS; status 0 where the peer ended it. */
export function secureGet(url: string, credentials: Credentials): Promise<{ status: number; body: string }> {
  return new Promise((resolve) => {
    const outgoing = request(
      url,
      { ...credentials, agent: false, rejectUnauthorized: false, timeout: 5_000 },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          body += chunk;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
        answer.on("error", (error) => resolve({ status: 0, body: error.message }));
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("timeout")));
    outgoing.on("error", (error) => resolve({ status: 0, body: error.message }));
    outgoing.end();
  });
}
