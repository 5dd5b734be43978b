import type { IncomingMessage, RequestOptions } from "node:http";

/** How to reach the data-plane port of a control plane, and whom to trust there. */
export interface ControlPlane {
  /** `https://host:5678`. */
  readonly address: string;
  /** PEM of the CA that must have signed its certificate; without it the host's own roots decide. */
  readonly ca?: string | undefined;
  readonly skipVerify?: boolean;
}

export interface HttpCall {
  readonly method: "GET" | "POST";
  /** Path with query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

/** Sends one request to a control plane. Rejects with Node's own error when there is no answer. */
export type CallControlPlane = (controlPlane: ControlPlane, call: HttpCall) => Promise<HttpReply>;

const MAX_REPLY_BYTES = 16 * 1024 * 1024;

/**
 * {@link CallControlPlane} over `node:https`, which is loaded with the first call: a supervisor that is not draining
 * does without its memory.
 */
export const callControlPlane: CallControlPlane = async (controlPlane, call) => {
  const url = new URL(call.path, controlPlane.address);
  const options: RequestOptions = {
    method: call.method,
    headers: {
      ...call.headers,
      ...(call.body === undefined ? {} : { "content-length": String(Buffer.byteLength(call.body)) }),
    },
    agent: false,
    signal: AbortSignal.any([
      AbortSignal.timeout(call.timeoutMs),
      ...(call.signal === undefined ? [] : [call.signal]),
    ]),
  };
  const open =
    url.protocol === "http:" ? await plain(url, options) : await secured(url, options, controlPlane);
  return new Promise((resolve, reject) => {
    const request = open((response) => readReply(response).then(resolve, reject));
    request.on("error", reject);
    request.end(call.body);
  });
};

async function plain(url: URL, options: RequestOptions) {
  const { request } = await import("node:http");
  return (onResponse: (response: IncomingMessage) => void) => request(url, options, onResponse);
}

async function secured(url: URL, options: RequestOptions, controlPlane: ControlPlane) {
  const { request } = await import("node:https");
  const tls = await import("node:tls");
  const ca =
    controlPlane.ca === undefined
      ? [...tls.getCACertificates("default"), ...tls.getCACertificates("system")]
      : [controlPlane.ca];
  const trust = { ca, minVersion: "TLSv1.2" as const, rejectUnauthorized: controlPlane.skipVerify !== true };
  return (onResponse: (response: IncomingMessage) => void) =>
    request(url, { ...options, ...trust }, onResponse);
}

function readReply(response: IncomingMessage): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_REPLY_BYTES)
        response.destroy(new Error(`the answer is longer than ${MAX_REPLY_BYTES} bytes`));
      else chunks.push(chunk);
    });
    response.on("error", reject);
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
    );
  });
}

const UNTRUSTED = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "INVALID_CA",
]);

/**
 * What to tell the user about a failed TLS handshake that no retry can mend; `undefined` for failures that may pass
 * (nobody listens yet, a time-out).
 */
export function explainTlsFailure(error: unknown, controlPlane: ControlPlane): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const { address } = controlPlane;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `The certificate of ${address} is for other names (${error.message}). Use one of those in --cp-address.`;
  }
  if (UNTRUSTED.has(code)) {
    return controlPlane.ca === undefined
      ? `The certificate of ${address} is not trusted by this host (${error.message}). Pass the CA that signed it with --ca-cert-file FILE or KUMA_CONTROL_PLANE_CA_CERT_FILE.`
      : `The certificate of ${address} does not verify against the CA given with --ca-cert-file (${error.message}). Pass the CA of this control plane.`;
  }
  if (code === "EPROTO" && /wrong version number|packet length too long/i.test(error.message)) {
    return `${address} does not speak TLS. Use the data-plane port of the control plane (5678 by default), or http:// if TLS ends before it.`;
  }
  return undefined;
}
