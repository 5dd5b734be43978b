import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

/** gRPC's status codes, as far as they are answered here. */
export const STATUS = { ok: 0, invalidArgument: 3, unimplemented: 12, unavailable: 14 } as const;

/** Why a call fails. */
export class CallError extends Error {
  readonly status: number;

  constructor(status: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

/** Questions are small; nobody sends a megabyte to be counted. */
const MAX_BYTES = 64 * 1024;
const PREFIX = 5;

/** Serves one call of one message each way. */
export async function serveUnary(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  methods: Readonly<Record<string, (message: Uint8Array) => Promise<Uint8Array>>>,
): Promise<void> {
  try {
    const path = headers[":path"] ?? "";
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (method === undefined) throw new CallError(STATUS.unimplemented, `there is no method ${path}`);
    const answer = await method(messageOf(await read(stream)));
    if (stream.destroyed) return;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(STATUS.ok) }));
    const head = Buffer.alloc(PREFIX);
    head.writeUInt32BE(answer.length, 1);
    stream.end(Buffer.concat([head, answer]));
  } catch (error) {
    if (stream.destroyed || stream.headersSent) return;
    const status = error instanceof CallError ? error.status : STATUS.unavailable;
    const message = error instanceof Error ? error.message : String(error);
    stream.respond(
      {
        ":status": 200,
        "content-type": "application/grpc",
        "grpc-status": String(status),
        "grpc-message": encodeURIComponent(message),
      },
      { endStream: true },
    );
  }
}

/** All of the call's bytes. What is too long is not kept, but read to its end: an answer must still get through. */
function read(stream: ServerHttp2Stream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BYTES) chunks.push(chunk);
    });
    stream.on("end", () => {
      if (size <= MAX_BYTES) resolve(Buffer.concat(chunks));
      else reject(new CallError(STATUS.invalidArgument, `the message is over ${MAX_BYTES} bytes`));
    });
    stream.on("close", () => reject(new CallError(STATUS.invalidArgument, "the call was cut off")));
  });
}

function messageOf(frame: Buffer): Uint8Array {
  if (frame.length < PREFIX || frame[0] !== 0 || frame.readUInt32BE(1) !== frame.length - PREFIX) {
    throw new CallError(STATUS.invalidArgument, "expected one uncompressed message");
  }
  return frame.subarray(PREFIX);
}
