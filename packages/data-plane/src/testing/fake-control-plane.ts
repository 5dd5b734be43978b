import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { testCertificate } from "./test-certificate.ts";

/** A bootstrap request as the fake saw it. */
export type SeenRequest = Readonly<Record<string, unknown>>;

/** The data-plane port of a control plane, as far as a launcher sees it; plus a plain-text port that speaks just enough xDS to see tokens. */
export interface FakeControlPlane extends AsyncDisposable {
  readonly address: string;
  readonly ca: string;
  readonly xdsPort: number;
  readonly bootstrapRequests: readonly SeenRequest[];
  /** `authorization` of every xDS stream, in order. */
  readonly tokens: readonly string[];
  /** `METHOD mesh/name authorization` of every drain request. */
  readonly drainCalls: readonly string[];
  /** What `/drain` answers: how many clients are pending, or that there is no such endpoint. */
  pending: number | "unsupported";
}

/** Starts a fake control plane that answers every bootstrap request with what `bootstrap` makes of it. */
export async function startFakeControlPlane(
  bootstrap: (request: SeenRequest, xdsPort: number) => string,
): Promise<FakeControlPlane> {
  const { key, cert } = testCertificate();
  const bootstrapRequests: SeenRequest[] = [];
  const tokens: string[] = [];
  const drainCalls: string[] = [];
  const xds = createHttp2Server();
  const https = createServer({ key, cert }, (request, response) => {
    void readBody(request).then((body) => handle(request, body, response));
  });
  const xdsPort = await listen(xds);
  const port = await listen(https);
  acceptStreams(xds, tokens);
  const fake: FakeControlPlane = {
    address: `https://127.0.0.1:${port}`,
    ca: cert,
    xdsPort,
    bootstrapRequests,
    tokens,
    drainCalls,
    pending: 0,
    async [Symbol.asyncDispose]() {
      https.closeAllConnections();
      await Promise.all([close(https), close(xds)]);
    },
  };
  return fake;

  function handle(request: IncomingMessage, body: string, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", "https://control-plane");
    if (url.pathname === "/bootstrap") {
      const seen: SeenRequest = JSON.parse(body);
      bootstrapRequests.push(seen);
      const encoded = Buffer.from(bootstrap(seen, xdsPort)).toString("base64");
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ bootstrap: encoded, kumaSidecarConfiguration: {} }));
    } else if (url.pathname === "/drain" && fake.pending !== "unsupported") {
      const who = request.method === "POST" ? JSON.parse(body) : Object.fromEntries(url.searchParams);
      drainCalls.push(`${request.method} ${who.mesh}/${who.name} ${request.headers.authorization}`);
      response.end(JSON.stringify({ revision: 7, pending: fake.pending }));
    } else {
      response.statusCode = 404;
      response.end("404 page not found\n");
    }
  }
}

/** Ends each stream soon after it began, so that Envoy opens the next one. */
function acceptStreams(server: Http2Server, tokens: string[]): void {
  server.on("stream", (stream, headers) => {
    tokens.push(String(headers.authorization));
    stream.on("error", () => undefined);
    stream.on("data", () => undefined);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    setTimeout(() => stream.end(), 50);
  });
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", reject);
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
