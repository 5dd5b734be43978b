import {
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from "node:http2";
import { setTimeout as pause } from "node:timers/promises";
import type { RunningApp } from "./echo.ts";

export interface GrpcAppOptions {
  readonly service: string;
  readonly instance: string;
  readonly address: string;
  readonly port: number;
}

/** `grpc.health.v1.HealthCheckResponse` in a gRPC frame: no compression, two bytes, field 1 is the status. */
const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
const NOT_SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 2]);

/** `google.protobuf.Empty` in a gRPC frame. */
const EMPTY = Buffer.from([0, 0, 0, 0, 0]);

/**
 * The app's gRPC mode, over HTTP/2 without TLS. It answers `grpc.health.v1.Health/Check`, with NOT_SERVING after
 * `/health?serving=false`, every other call with nothing, and what is no call with who it is. Who it is comes with the answer
 * of a call too, in `x-airline-service` and `x-airline-instance`, and what reached it: the method's path in `x-airline-path`,
 * the airline's own headers as JSON in `x-airline-seen`. A call with a name (`x-airline-call`) is counted: its answer
 * has the number of its attempt in `x-airline-attempt`. The first attempts may fail, `x-airline-fails: 2 14` the first two
 * with status 14, or take their time, `x-airline-slow: 1 900` the first of them 900 ms.
 */
export async function startGrpcApp(options: GrpcAppOptions): Promise<RunningApp> {
  const { service, instance } = options;
  const open = new Set<Http2Session>();
  const attempts = new Map<string, number>();
  let serving = true;
  const server = createServer((request: Http2ServerRequest, response: Http2ServerResponse) => {
    const url = new URL(request.url, "http://app");
    const isCheck = url.pathname === "/grpc.health.v1.Health/Check";
    if (isCheck || request.headers["content-type"]?.startsWith("application/grpc") === true) {
      const frame = isCheck ? (serving ? SERVING : NOT_SERVING) : EMPTY;
      answerCall(request, response, options, attempts, frame).catch(() => {
        // Who asked is gone.
        response.destroy();
      });
      return;
    }
    if (url.pathname === "/health") serving = url.searchParams.get("serving") !== "false";
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ service, instance, path: request.url }));
  });
  server.on("session", (session) => {
    open.add(session);
    session.on("close", () => open.delete(session));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.address, port: options.port }, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of open) session.close();
      }),
  };
}

async function answerCall(
  { headers, url }: Http2ServerRequest,
  response: Http2ServerResponse,
  { service, instance }: GrpcAppOptions,
  attempts: Map<string, number>,
  frame: Buffer,
): Promise<void> {
  const call = String(headers["x-airline-call"] ?? "");
  const attempt = (attempts.get(call) ?? 0) + 1;
  if (call !== "") attempts.set(call, attempt);
  const [slowTimes, ms] = pair(headers["x-airline-slow"]);
  if (attempt <= slowTimes) await pause(ms);
  const [failTimes, status] = pair(headers["x-airline-fails"]);
  const common = {
    "content-type": "application/grpc",
    "x-airline-attempt": String(attempt),
    "x-airline-service": service,
    "x-airline-instance": instance,
    "x-airline-path": url,
    "x-airline-seen": JSON.stringify(
      Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("x-airline-"))),
    ),
  };
  if (attempt <= failTimes) {
    // As gRPC servers do: a call that fails before it has said anything has its status in the headers.
    response.writeHead(200, { ...common, "grpc-status": String(status) });
    response.end();
    return;
  }
  response.writeHead(200, common);
  response.addTrailers({ "grpc-status": "0" });
  response.end(frame);
}

/** Two numbers in one header; zeros where there is none. */
function pair(header: string | readonly string[] | undefined): readonly [number, number] {
  const [first = 0, second = 0] = String(header ?? "")
    .split(" ")
    .map(Number);
  return [first, second];
}
