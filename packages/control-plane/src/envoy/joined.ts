import { AnySchema } from "@bufbuild/protobuf/wkt";
import { BYTES, varintSize, writeVarint } from "../xds/wire.ts";

/**
 * An encoded message, put together from the encodings of its parts. Decoders take fields as they come: of a scalar that
 * comes twice the last value holds, messages are merged, lists go on.
 */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return prefixed(0, parts);
}

/** A field of text, or of a message that is put together from parts. */
export function fieldOf(number: number, content: string | readonly Uint8Array[]): Uint8Array {
  return prefixed(number * 8 + BYTES, typeof content === "string" ? [Buffer.from(content)] : content);
}

/** A field that holds a packed message of this type, from the encodings of the message's parts. */
export function packedField(number: number, typeName: string, parts: readonly Uint8Array[]): Uint8Array {
  return fieldOf(number, [
    fieldOf(AnySchema.field.typeUrl.number, `type.googleapis.com/${typeName}`),
    fieldOf(AnySchema.field.value.number, parts),
  ]);
}

function prefixed(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const head = tag === 0 ? 0 : varintSize(tag) + varintSize(length);
  const out = Buffer.allocUnsafe(head + length);
  let at = tag === 0 ? 0 : writeVarint(out, writeVarint(out, 0, tag), length);
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
