import type { ClientHttp2Session } from "node:http2";

/** What a gRPC client makes of a call: the status, from the headers where the answer has no body. */
export interface GrpcReply {
  readonly grpcStatus: number;
  readonly message: string;
  /** Which attempt of a named call the app answered; 0 where no app did. */
  readonly attempt: number;
  /** Which instance answered; empty where no app did. */
  readonly instance: string;
  /** The path that reached the app, and the airline's own headers. */
  readonly path: string;
  readonly seen: Readonly<Record<string, string>>;
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly ms: number;
}

/** `grpc.health.v1.HealthCheckRequest` for no service in particular, framed. */
const EMPTY = Buffer.from([0, 0, 0, 0, 0]);

/** One call: of the health service, unless `:path` says of what. */
export function grpcCall(
  session: ClientHttp2Session,
  asked: Readonly<Record<string, string>> = {},
): Promise<GrpcReply> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
      ...asked,
    });
    let headers: Record<string, unknown> = {};
    const take = (more: object): void => {
      headers = { ...headers, ...more };
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("error", reject);
    stream.on("end", () =>
      resolve({
        grpcStatus: Number(headers["grpc-status"]),
        message: String(headers["grpc-message"] ?? ""),
        attempt: Number(headers["x-airline-attempt"] ?? 0),
        instance: String(headers["x-airline-instance"] ?? ""),
        path: String(headers["x-airline-path"] ?? ""),
        seen: JSON.parse(String(headers["x-airline-seen"] ?? "{}")) as Record<string, string>,
        headers,
        ms: performance.now() - begun,
      }),
    );
    stream.resume();
    stream.end(EMPTY);
  });
}
