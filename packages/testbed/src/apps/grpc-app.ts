import {
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from "node:http2";
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

/**
 * The app's gRPC mode, over HTTP/2 without TLS. It answers `grpc.health.v1.Health/Check`, with NOT_SERVING after
 * `/health?serving=false`, and everything else with who it is.
 */
export async function startGrpcApp(options: GrpcAppOptions): Promise<RunningApp> {
  const { service, instance } = options;
  const open = new Set<Http2Session>();
  let serving = true;
  const server = createServer((request: Http2ServerRequest, response: Http2ServerResponse) => {
    const url = new URL(request.url, "http://app");
    if (url.pathname === "/grpc.health.v1.Health/Check") {
      answerCheck(response, serving ? SERVING : NOT_SERVING);
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

function answerCheck(response: Http2ServerResponse, frame: Buffer): void {
  response.writeHead(200, { "content-type": "application/grpc" });
  response.addTrailers({ "grpc-status": "0" });
  response.end(frame);
}
