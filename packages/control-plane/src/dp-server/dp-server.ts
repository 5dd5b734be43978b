import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { HttpAnswer } from "../bootstrap/handle.ts";
import type { AgentAnswer, AgentRequest } from "../opa/agent-server.ts";
import type { XdsServer } from "../xds/server.ts";
import { Departed } from "./departed.ts";
import { beginWithFirstBytes } from "./first-bytes.ts";

export interface DpServerOptions {
  readonly certPem: string;
  readonly keyPem: string;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly xds: XdsServer;
  readonly bootstrap: (
    body: string,
    headers: { readonly host: string | undefined; readonly accept: string | undefined },
  ) => HttpAnswer;
  readonly drain: (request: DrainRequest) => Promise<HttpAnswer>;
  readonly agent: (request: AgentRequest) => Promise<AgentAnswer>;
  readonly log: { error(details: object, message: string): void };
}

export interface DrainRequest {
  readonly method: string;
  readonly body: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

const MAX_BODY = 1024 * 1024;
/**
 * What is spoken here, the preferred first. Asked for by a callback: a list is copied for each connection into Node's buffer
 * pool, and a few bytes that live for as long as a proxy is connected keep a slab of 64 KB.
 */
const SPOKEN: readonly string[] = ["h2", "http/1.1"];

/** The port that proxies talk to: gRPC goes to the xDS server, everything else is a small HTTP API. */
export function createDpServer(options: DpServerOptions): Http2SecureServer {
  const server = createSecureServer({
    cert: options.certPem,
    key: options.keyPem,
    minVersion: options.minVersion,
    allowHTTP1: true,
    ALPNCallback: ({ protocols }) => SPOKEN.find((name) => protocols.includes(name)),
  });
  beginWithFirstBytes(server);
  const departed = new Departed();
  let connections = 0;
  server.on("session", (session) => {
    connections += 1;
    session.once("close", () => departed.ended(--connections));
  });
  server.on("request", (request, response) => {
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    answer(options, request, gone.signal).then(
      (reply) => send(response, reply),
      (error: unknown) => {
        options.log.error({ err: error, path: request.url }, "a request on the data plane port failed");
        send(response, { status: 500, contentType: "text/plain", body: "Internal Server Error\n" });
      },
    );
  });
  // A peer that is not a TLS client is its own problem.
  server.on("sessionError", () => undefined);
  options.xds.attach(server);
  return server;
}

async function answer(
  options: DpServerOptions,
  request: Http2ServerRequest,
  gone: AbortSignal,
): Promise<HttpAnswer | AgentAnswer> {
  const url = new URL(request.url, "https://localhost");
  const authority = request.headers[":authority"];
  const host = typeof authority === "string" ? authority : request.headers.host;
  if (url.pathname === "/bootstrap" && request.method === "POST") {
    const body = await readBody(request);
    if (body === undefined) return tooLarge();
    return options.bootstrap(body, { host, accept: request.headers.accept });
  }
  if (url.pathname === "/drain" && (request.method === "POST" || request.method === "GET")) {
    const body = await readBody(request);
    if (body === undefined) return tooLarge();
    return options.drain({
      method: request.method,
      body,
      query: url.searchParams,
      token: request.headers.authorization,
    });
  }
  if (url.pathname.startsWith("/opa/") && request.method === "GET") {
    const { authorization, "if-none-match": match, prefer } = request.headers;
    const headers = { authorization, "if-none-match": match, prefer: prefer?.toString() };
    return options.agent({ path: url.pathname, query: url.searchParams, headers, gone });
  }
  return { status: 404, contentType: "text/plain", body: "404: Page Not Found\n" };
}

function tooLarge(): HttpAnswer {
  return { status: 413, contentType: "text/plain", body: `the body is larger than ${MAX_BODY} bytes\n` };
}

async function readBody(request: Http2ServerRequest): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: Http2ServerResponse, reply: HttpAnswer | AgentAnswer): void {
  if (response.writableEnded || response.destroyed) return;
  const more = "headers" in reply ? reply.headers : undefined;
  response.writeHead(reply.status, { "content-type": reply.contentType, ...more });
  response.end(reply.body);
}
