import { AnySchema } from "@bufbuild/protobuf/wkt";
import { BYTES, varintSize, writeVarint } from "./wire.ts";

/** What a message is put together from: encodings, and fields that hold more of them. */
export type Piece = Uint8Array | Field;

/** A field that holds a message which is put together from pieces. */
export class Field {
  readonly tag: number;
  readonly pieces: readonly Piece[];
  /** Of the message. */
  readonly size: number;
  /** With tag and size. */
  readonly length: number;

  constructor(number: number, pieces: readonly Piece[]) {
    this.tag = number * 8 + BYTES;
    this.pieces = pieces;
    this.size = sizeOf(pieces);
    this.length = varintSize(this.tag) + varintSize(this.size) + this.size;
  }
}

/**
 * An encoded message, put together from the encodings of its parts. Decoders take fields as they come: of a scalar that
 * comes twice the last value holds, messages are merged, lists go on.
 */
export function joined(pieces: readonly Piece[]): Uint8Array {
  const out = Buffer.allocUnsafe(sizeOf(pieces));
  write(out, 0, pieces);
  return out;
}

/** A field of text, or of a message that is put together from pieces. */
export function fieldOf(number: number, content: string | readonly Piece[]): Uint8Array {
  return joined([new Field(number, typeof content === "string" ? [Buffer.from(content)] : content)]);
}

/** Packs messages of one type into fields that hold any. @returns a function of the pieces of a message */
export function packing(number: number, typeName: string): (pieces: readonly Piece[]) => Field {
  const typeUrl = fieldOf(AnySchema.field.typeUrl.number, `type.googleapis.com/${typeName}`);
  return (pieces) => new Field(number, [typeUrl, new Field(AnySchema.field.value.number, pieces)]);
}

function sizeOf(pieces: readonly Piece[]): number {
  let size = 0;
  for (const { length } of pieces) size += length;
  return size;
}

function write(out: Buffer, from: number, pieces: readonly Piece[]): number {
  let at = from;
  for (const piece of pieces) {
    if (piece instanceof Field) {
      at = writeVarint(out, writeVarint(out, at, piece.tag), piece.size);
      at = write(out, at, piece.pieces);
    } else if (piece.length > 0) {
      out.set(piece, at);
      at += piece.length;
    }
  }
  return at;
}

/** Joins messages one after the other in the same place, for a reader that keeps none of them. */
export class Joining {
  #out = Buffer.allocUnsafeSlow(SCRATCH);

  /** @returns a view that holds until the next call */
  of(pieces: readonly Piece[]): Uint8Array {
    const size = sizeOf(pieces);
    if (size > MOST_SCRATCH) return joined(pieces);
    if (size > this.#out.length) this.#out = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(size)));
    return this.#out.subarray(0, write(this.#out, 0, pieces));
  }
}

/** Most resources are smaller. */
const SCRATCH = 8_192;
/** What is larger is rare, and not worth a place for good. */
const MOST_SCRATCH = 262_144;
