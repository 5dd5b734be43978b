import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "@skein/envoy-api/envoy/service/discovery/v3/discovery_pb";
import { createDeframer } from "../grpc-framing.ts";
import { DELTA_ADS_PATH } from "../server.ts";

/** A gRPC stream of a test client. */
export interface TestCall {
  readonly stream: ClientHttp2Stream;
  readonly messages: Buffer[];
  /** Set when the call is over. */
  status: { readonly code: number; readonly message: string } | undefined;
  send(message: Uint8Array): void;
}

/** A TLS session to a server on loopback. */
export function connectTls(port: number, caPem: string): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${port}`, { ca: caPem });
  session.on("error", () => {});
  return session;
}

/** Opens a gRPC call. */
export function openCall(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
): TestCall {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    authorization: "test-token",
    ...headers,
  });
  const deframer = createDeframer(64 * 1024 * 1024);
  const call: TestCall = {
    stream,
    messages: [],
    status: undefined,
    send(message) {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      stream.write(Buffer.concat([head, message]));
    },
  };
  const onStatus = (trailers: IncomingHttpHeaders): void => {
    const code = trailers["grpc-status"];
    if (code === undefined) return;
    call.status = { code: Number(code), message: decodeURIComponent(String(trailers["grpc-message"] ?? "")) };
  };
  stream.on("response", onStatus);
  stream.on("trailers", onStatus);
  stream.on("data", (chunk: Buffer) =>
    call.messages.push(...deframer.push(chunk).messages.map((m) => Buffer.from(m))),
  );
  stream.on("error", () => {});
  stream.on("close", () => {
    call.status ??= { code: -1, message: "closed without a status" };
  });
  return call;
}

/** A delta ADS call with messages as objects. */
export interface TestDeltaCall extends TestCall {
  request(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void;
  responses(): readonly DeltaDiscoveryResponse[];
}

/** Opens a delta ADS call. */
export function openDelta(session: ClientHttp2Session, headers: Record<string, string> = {}): TestDeltaCall {
  const call = openCall(session, DELTA_ADS_PATH, headers);
  const request = (parts: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void => {
    call.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, parts)));
  };
  const responses = (): readonly DeltaDiscoveryResponse[] =>
    call.messages.map((bytes) => fromBinary(DeltaDiscoveryResponseSchema, bytes));
  return Object.assign(call, { request, responses });
}
