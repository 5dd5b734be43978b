import { GRPC_PREFIX } from "./encode.ts";

/** Why a stream's bytes cannot be read any further. */
export interface FramingError {
  readonly status: "unimplemented" | "resource-exhausted" | "internal";
  readonly message: string;
}

/** Cuts a gRPC stream's bytes into messages, whatever the boundaries of the chunks. */
export interface Deframer {
  /**
   * The messages completed by `chunk`, to be read before the next `push` on any deframer. After an error nothing further
   * is read.
   */
  push(chunk: Buffer): { readonly messages: readonly Buffer[]; readonly error?: FramingError };
  /** Whether the bytes so far end inside a message. */
  readonly partial: boolean;
}

/**
 * Where chunks are put together. A proxy's first request is 60 KB in four pieces: a buffer for each of 2,000 would pile up
 * outside of the heap, where a collection does not see it coming. Larger messages than this are rare.
 */
const joint = Buffer.allocUnsafeSlow(128 * 1024);

function join(chunks: readonly Buffer[], size: number): Buffer {
  if (size > joint.length) return Buffer.concat(chunks, size);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(joint, at);
  return joint.subarray(0, size);
}

/**
 * A deframer that refuses messages over `maxBytes` as soon as their length is known, before their bytes are kept.
 * Compressed messages are refused: no `grpc-encoding` is offered.
 */
export function createDeframer(maxBytes: number): Deframer {
  let kept: Buffer[] = [];
  let size = 0;
  let needed = GRPC_PREFIX;
  let failed: FramingError | undefined;

  function checkHead(head: Buffer): FramingError | undefined {
    const flag = head[0];
    if (flag === 1) return { status: "unimplemented", message: "compressed messages are not supported" };
    if (flag !== 0) return { status: "internal", message: `not a gRPC message: it starts with byte ${flag}` };
    const length = head.readUInt32BE(1);
    if (length > maxBytes) {
      return {
        status: "resource-exhausted",
        message: `message of ${length} bytes is over the limit of ${maxBytes} bytes`,
      };
    }
    needed = GRPC_PREFIX + length;
    return undefined;
  }

  return {
    get partial() {
      return size > 0;
    },
    push(chunk) {
      const messages: Buffer[] = [];
      if (failed !== undefined) return { messages, error: failed };
      kept.push(chunk);
      size += chunk.length;
      if (size < needed) return { messages };
      const isJoined = kept.length > 1;
      let joined = isJoined ? join(kept, size) : chunk;
      while (joined.length >= GRPC_PREFIX) {
        failed = checkHead(joined);
        if (failed !== undefined) {
          kept = [];
          size = 0;
          return { messages, error: failed };
        }
        if (joined.length < needed) break;
        messages.push(joined.subarray(GRPC_PREFIX, needed));
        joined = joined.subarray(needed);
        needed = GRPC_PREFIX;
      }
      if (joined.length === 0) kept = [];
      else kept = [isJoined ? Buffer.from(joined) : joined];
      size = joined.length;
      return { messages };
    },
  };
}

/** A message with its gRPC prefix. */
export function frame(message: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(GRPC_PREFIX + message.length);
  out[0] = 0;
  out.writeUInt32BE(message.length, 1);
  out.set(message, GRPC_PREFIX);
  return out;
}
