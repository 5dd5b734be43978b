import { Agent, request } from "node:https";
import type { PeerCertificate } from "node:tls";
import type { DataplaneResource, ResourceKey } from "@skein/model";
import type { AdminAnswer, EnvoyAdmin } from "../api/ports.ts";
import type { CertificateAuthority } from "../identity/ca.ts";
import { issueLeaf, type Leaf } from "../identity/leaf.ts";
import { type RandomBytes, randomSerial } from "../identity/x509/serial.ts";
import type { Store } from "../store/store.ts";
import { ADMIN_CLIENT_URI, adminServerUri } from "./authority.ts";

export interface AdminClientOptions {
  readonly store: Store;
  readonly authority: CertificateAuthority;
  readonly now: () => number;
  readonly random: RandomBytes;
  readonly defaultPort: number;
}

const LIFETIME_MS = 24 * 3600_000;
const TIMEOUT_MS = 5_000;
const MAX_BODY = 64 * 1024 * 1024;

/** Reaches Envoys over the admin listener that their configuration gives them. */
export function adminClient(options: AdminClientOptions): EnvoyAdmin {
  let current: Leaf | undefined;
  const certificate = async (): Promise<Leaf> => {
    const time = options.now();
    if (current === undefined || current.notAfter - time < LIFETIME_MS / 3) {
      current = await issueLeaf(options.authority, {
        uris: [ADMIN_CLIENT_URI],
        ttlMs: LIFETIME_MS,
        now: time,
        serial: randomSerial(options.random),
      });
    }
    return current;
  };
  const get = async (key: ResourceKey, path: string): Promise<AdminAnswer> => {
    const dataplane = options.store.get<DataplaneResource>({ ...key, type: "Dataplane" });
    const address = dataplane?.spec.networking?.address ?? "";
    if (address === "" || address === "127.0.0.1") {
      return {
        kind: "unreachable",
        message:
          "the proxy's address is 127.0.0.1, where its admin interface is only open to the local machine",
      };
    }
    const port = dataplane?.spec.networking?.admin?.port || options.defaultPort;
    const leaf = await certificate();
    return fetchAdmin({
      address,
      port,
      path,
      leaf,
      authority: options.authority,
      serverUri: adminServerUri(key.mesh, key.name),
    });
  };
  return {
    stats: (key, { usedOnly, json }) =>
      get(key, `/stats?${usedOnly ? "usedonly&" : ""}${json ? "format=json" : ""}`),
    clusters: (key, { json }) => get(key, `/clusters${json ? "?format=json" : ""}`),
    configDump: (key, { includeEds }) => get(key, `/config_dump${includeEds ? "?include_eds" : ""}`),
  };
}

interface AdminCall {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly leaf: Leaf;
  readonly authority: CertificateAuthority;
  readonly serverUri: string;
}

function fetchAdmin(call: AdminCall): Promise<AdminAnswer> {
  return new Promise((resolve) => {
    const fail = (error: Error) =>
      resolve({
        kind: "unreachable",
        message: `${call.address}:${call.port} does not answer: ${error.message}`,
      });
    const outgoing = request(
      {
        host: call.address,
        port: call.port,
        path: call.path,
        agent: new Agent({ keepAlive: false, maxCachedSessions: 0 }),
        ca: call.authority.certificatePem,
        cert: call.leaf.certChainPem,
        key: call.leaf.privateKeyPem,
        timeout: TIMEOUT_MS,
        checkServerIdentity: (_host: string, peer: PeerCertificate) =>
          peer.subjectaltname?.split(", ").includes(`URI:${call.serverUri}`) === true
            ? undefined
            : new Error("another proxy answers there"),
      },
      (reply) => {
        const chunks: Buffer[] = [];
        let size = 0;
        reply.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_BODY) outgoing.destroy(new Error("the answer is too large"));
          else chunks.push(chunk);
        });
        reply.on("end", () =>
          resolve({
            kind: "answer",
            contentType: reply.headers["content-type"] ?? "text/plain",
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
        reply.on("error", fail);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", fail);
    outgoing.end();
  });
}
