import type { ClientHttp2Session } from "node:http2";

/** What a gRPC client makes of a call: the status, from the headers where the answer has no body. */
export interface GrpcReply {
  readonly grpcStatus: number;
  readonly message: string;
  /** Which attempt of a named call the app answered; 0 where no app did. */
  readonly attempt: number;
  readonly ms: number;
}

/** `grpc.health.v1.HealthCheckRequest` for no service in particular, framed. */
const EMPTY = Buffer.from([0, 0, 0, 0, 0]);

/** One call of the health service. */
export function grpcCall(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>> = {},
): Promise<GrpcReply> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let seen: Record<string, unknown> = {};
    const take = (more: object): void => {
      seen = { ...seen, ...more };
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("error", reject);
    stream.on("end", () =>
      resolve({
        grpcStatus: Number(seen["grpc-status"]),
        message: String(seen["grpc-message"] ?? ""),
        attempt: Number(seen["x-airline-attempt"] ?? 0),
        ms: performance.now() - begun,
      }),
    );
    stream.resume();
    stream.end(EMPTY);
  });
}
