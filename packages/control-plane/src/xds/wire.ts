/** Bytes that are not a valid protobuf message of the expected shape. */
export class MalformedMessage extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MalformedMessage";
  }
}

/** Protobuf wire types that occur in proto3 messages. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

/**
 * A cursor over one protobuf message. Only what the xDS envelope needs: it walks fields and skips what it is not asked
 * for without decoding it, which is what makes it worth having beside protobuf-es (see `request.ts`).
 */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = start;
    this.#end = end;
  }

  /** The next field's tag (`number << 3 | wire type`), 0 at the end. */
  tag(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.varint();
    if (tag >>> 3 === 0) throw new MalformedMessage("field number 0");
    return tag;
  }

  /** An unsigned varint; bits above 2^53 lose precision. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#at < this.#end ? this.#bytes[this.#at++] : undefined;
      if (byte === undefined) throw new MalformedMessage("message ends inside a number");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MalformedMessage("number longer than 10 bytes");
  }

  string(): string {
    const [start, end] = this.#span();
    return this.#bytes.toString("utf8", start, end);
  }

  bytes(): Buffer {
    const [start, end] = this.#span();
    return this.#bytes.subarray(start, end);
  }

  /** A reader over an embedded message. */
  message(): WireReader {
    const [start, end] = this.#span();
    return new WireReader(this.#bytes, start, end);
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw new MalformedMessage("message ends inside a number");
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  /** Steps over the value that belongs to `tag`. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint();
        return;
      case FIXED64:
        this.#advance(8);
        return;
      case BYTES:
        this.#span();
        return;
      case FIXED32:
        this.#advance(4);
        return;
      default:
        throw new MalformedMessage(`wire type ${tag & 7}`);
    }
  }

  #advance(count: number): void {
    if (this.#at + count > this.#end) throw new MalformedMessage("message ends inside a field");
    this.#at += count;
  }

  #span(): readonly [number, number] {
    const length = this.varint();
    const start = this.#at;
    if (start + length > this.#end) throw new MalformedMessage("message ends inside a field");
    this.#at = start + length;
    return [start, this.#at];
  }
}

/** Encoded size of an unsigned varint below 2^35. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes an unsigned varint at `at`; returns the position after it. */
export function writeVarint(into: Buffer, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    into[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  into[position++] = rest;
  return position;
}

/** Encoded size of a length-delimited field with a field number below 16. */
export function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Writes a length-delimited field's tag and length; returns where its content starts. */
export function writeFieldHead(into: Buffer, at: number, field: number, length: number): number {
  into[at] = (field << 3) | BYTES;
  return writeVarint(into, at + 1, length);
}

/** Writes a string field whose UTF-8 length is known; returns the position after it. */
export function writeString(into: Buffer, at: number, field: number, value: string, length: number): number {
  const start = writeFieldHead(into, at, field, length);
  into.write(value, start, length, "utf8");
  return start + length;
}

/** Writes a bytes field; returns the position after it. */
export function writeBytes(into: Buffer, at: number, field: number, value: Uint8Array): number {
  const start = writeFieldHead(into, at, field, value.length);
  into.set(value, start);
  return start + value.length;
}
