import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { CallAnswer, EchoAnswer } from "./answer.ts";
import { sendJson } from "./answer.ts";
import { callerOf } from "./caller.ts";
import { createOutcall, type Outcall } from "./outcall.ts";
import { talkTo } from "./talk.ts";

export interface EchoOptions {
  readonly service: string;
  readonly instance: string;
  readonly version: string;
  readonly address: string;
  readonly port: number;
  /** Where the app finds the services it calls: name to base URL, which is an outbound of its sidecar. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** A certificate and its key, PEM: it speaks HTTPS with it. */
  readonly tls?: Buffer | undefined;
}

export interface RunningApp {
  close(): Promise<void>;
}

/**
 * An app of the airline. It reports who called it, and makes calls when asked:
 *
 * - `/call/<service>/<path>` and `/call?url=` call on and answer with what came back, under its status
 * - `/talk/<service>` opens a connection of bytes to that service and tells how far the conversation came
 * - `/fail?status=503` fails; with `&every=2` it answers well each second time, with `&instance=NAME` only that instance fails
 * - `/delay?ms=500` takes its time
 * - `/healthz` answers `ok`, under the status that the last `/health?status=503` asked for
 * - anything else answers with an {@link EchoAnswer}
 */
export async function startEcho(options: EchoOptions): Promise<RunningApp> {
  const outcall = createOutcall();
  const state: State = { failures: new Map(), health: 200 };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    route(options, outcall, state, request, response).catch((error: unknown) =>
      sendJson(response, 500, { service: options.service, error: String(error) }),
    );
  };
  const { tls } = options;
  const server = tls === undefined ? createServer(handle) : createTlsServer({ cert: tls, key: tls }, handle);
  // A proxy keeps its connections longer than Node's default of five seconds.
  server.keepAliveTimeout = 3_600_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.address, port: options.port }, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        outcall.close();
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

interface State {
  /** How often each failing path was asked for. */
  readonly failures: Map<string, number>;
  /** Status of `/healthz`. */
  health: number;
}

async function route(
  options: EchoOptions,
  outcall: Outcall,
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://app");
  const [, first = ""] = url.pathname.split("/");
  if (first === "healthz") {
    response.writeHead(state.health).end("ok\n");
  } else if (first === "health") {
    state.health = number(url, "status", 200);
    response.end("ok\n");
  } else if (first === "call") {
    await call(options, outcall, request, response, url);
  } else if (first === "talk") {
    const target = targetOf(options, url);
    if (target === undefined) return unknownUpstream(options, response, url);
    sendJson(response, 200, await talkTo(new URL(target)));
  } else if (first === "fail") {
    const status = failing(options, url, state.failures) ? number(url, "status", 503) : 200;
    sendJson(response, status, echo(options, request));
  } else {
    if (first === "delay") await delay(number(url, "ms", 100));
    sendJson(response, 200, echo(options, request));
  }
}

function echo(options: EchoOptions, request: IncomingMessage): EchoAnswer {
  const { service, instance, version } = options;
  return {
    service,
    instance,
    version,
    method: request.method ?? "GET",
    path: request.url ?? "/",
    caller: caller(request),
    headers: shown(request),
    time: new Date().toISOString(),
  };
}

async function call(
  options: EchoOptions,
  outcall: Outcall,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const { service, instance, version } = options;
  const target = targetOf(options, url);
  if (target === undefined) return unknownUpstream(options, response, url);
  const made = await outcall.get(target, traceHeaders(request));
  const answer: CallAnswer = { service, instance, version, caller: caller(request), call: made };
  sendJson(response, made.status === 0 ? 502 : made.status, answer);
}

function unknownUpstream(options: EchoOptions, response: ServerResponse, url: URL): void {
  const known = Object.keys(options.upstreams).join(", ") || "none";
  const error = `unknown upstream in ${url.pathname}; this app knows: ${known}`;
  sendJson(response, 404, { service: options.service, error });
}

/** `/call?url=U` is U; `/call/<upstream>/<rest>?<query>` is below that upstream's base URL. */
function targetOf(options: EchoOptions, url: URL): string | undefined {
  const [, , name = "", ...rest] = url.pathname.split("/");
  if (name === "") return url.searchParams.get("url") ?? undefined;
  const base = options.upstreams[name];
  return base === undefined ? undefined : `${base}/${rest.join("/")}${url.search}`;
}

function failing({ instance }: EchoOptions, url: URL, failures: Map<string, number>): boolean {
  if ((url.searchParams.get("instance") ?? instance) !== instance) return false;
  const every = number(url, "every", 0);
  if (every === 0) return true;
  const seen = (failures.get(url.search) ?? 0) + 1;
  failures.set(url.search, seen);
  return seen % every !== 0;
}

function caller(request: IncomingMessage): string | null {
  const header = request.headers["x-forwarded-client-cert"];
  return callerOf(Array.isArray(header) ? header.join(",") : header) ?? null;
}

const SHOWN = [
  "host",
  "user-agent",
  "x-request-id",
  "x-forwarded-proto",
  "x-envoy-attempt-count",
  "x-kuma-tags",
];
/** Headers of the airline's own, which pages and tests make up. */
const OWN = "x-airline-";

function shown(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      value === undefined || !(SHOWN.includes(name) || name.startsWith(OWN)) ? [] : [[name, String(value)]],
    ),
  );
}

const TRACE = ["x-request-id", "traceparent", "tracestate", "b3"];

function traceHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    TRACE.flatMap((name) => {
      const value = request.headers[name];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}

function number(url: URL, name: string, fallback: number): number {
  const value = Number(url.searchParams.get(name) ?? fallback);
  return Number.isInteger(value) && value >= 0 ? value : fallback;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.min(ms, 60_000)));
}
