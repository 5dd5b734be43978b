/** A message as TCP carries it: its length in two bytes before it (RFC 1035, 4.2.2). */
export function frame(message: Buffer): Buffer {
  const out = Buffer.allocUnsafe(2 + message.length);
  out.writeUInt16BE(message.length, 0);
  message.copy(out, 2);
  return out;
}

/** Puts messages together from whatever pieces arrive. Holds at most one message that is not complete. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that this piece completes. */
  push(chunk: Buffer): Buffer[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const complete: Buffer[] = [];
    while (bytes.length >= 2) {
      const end = 2 + bytes.readUInt16BE(0);
      if (bytes.length < end) break;
      complete.push(bytes.subarray(2, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = Buffer.from(bytes);
    return complete;
  }
}
