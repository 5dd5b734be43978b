import type { ClientRequest, IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import { CliError } from "../exit.ts";

/** One request, already resolved: no relative paths, no credentials looked up. */
export interface HttpRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `0` waits for ever. */
  readonly timeoutMs: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What TLS needs; contents, not paths. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly skipVerify: boolean;
}

/** Sends requests over connections that it keeps until {@link HttpTransport.close}. */
export interface HttpTransport {
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  readonly close: () => void;
}

/**
 * A transport on Node's own client: the global `fetch` would cost the start-up of another HTTP implementation and
 * cannot be given certificates. The client is taken by `getBuiltinModule` because `import` reads every export of
 * `node:http`, among them the lazy WebSocket, which loads that same other implementation (15 ms).
 */
export function createTransport(tls: TlsOptions): HttpTransport {
  const open: { destroy(): void }[] = [];
  let plain: Requester | undefined;
  let secure: Requester | undefined;

  function plainRequester(): Requester {
    const { Agent, request } = process.getBuiltinModule("node:http");
    const agent = new Agent({ keepAlive: true });
    open.push(agent);
    return (options) => request({ ...options, agent });
  }

  function secureRequester(): Requester {
    const { Agent, request } = process.getBuiltinModule("node:https");
    const agent = new Agent({
      keepAlive: true,
      rejectUnauthorized: !tls.skipVerify,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    });
    open.push(agent);
    return (options) => request({ ...options, agent });
  }

  async function send(request: HttpRequest): Promise<HttpResponse> {
    if (request.url.protocol === "https:") {
      secure ??= secureRequester();
      return exchange(secure, request);
    }
    plain ??= plainRequester();
    return exchange(plain, request);
  }

  return {
    send,
    close: () => {
      for (const agent of open) agent.destroy();
    },
  };
}

type Requester = (options: RequestOptions) => ClientRequest;

function exchange(
  requester: Requester,
  { method, url, headers, body, timeoutMs }: HttpRequest,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : Buffer.from(body);
    const request = requester({
      method,
      hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      ...(url.port === "" ? {} : { port: url.port }),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, ...(payload === undefined ? {} : { "content-length": `${payload.length}` }) },
    });
    const timer =
      timeoutMs > 0 ? setTimeout(() => request.destroy(timedOut(url, timeoutMs)), timeoutMs) : undefined;
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error instanceof CliError ? error : unreachable(url, error));
    };
    request.on("error", fail);
    request.on("response", (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on("error", fail);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        clearTimeout(timer);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        });
      });
    });
    request.end(payload);
  });
}

function timedOut(url: URL, timeoutMs: number): CliError {
  return new CliError(`no answer from ${url.origin} within ${timeoutMs / 1_000} s`);
}

const certificateCodes: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_GET_ISSUER_CERT",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

function unreachable(url: URL, error: Error): CliError {
  const code = "code" in error ? String(error.code) : "";
  if (certificateCodes.has(code)) {
    return new CliError(
      `the certificate of ${url.origin} cannot be trusted (${error.message || code}): name its authority with --ca-cert-file, or use --skip-verify, in "config control-planes add"`,
      { cause: error },
    );
  }
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused; is it running?",
    ENOTFOUND: "there is no such host",
    EAI_AGAIN: "the host name cannot be resolved just now",
    ECONNRESET: "it closed the connection",
    EPROTO: `it does not speak ${url.protocol.slice(0, -1).toUpperCase()} on that port`,
    ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS on that port; try http://",
    ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS on that port; try http://",
  };
  return new CliError(`cannot reach ${url.origin}: ${reasons[code] ?? (error.message || code)}`, {
    cause: error,
  });
}
