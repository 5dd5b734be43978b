import { BYTES, FIXED64, VARINT, type WireReader } from "./wire.ts";

const MAX_DEPTH = 64;

/** Decodes `google.protobuf.Struct` into plain JSON. Nesting beyond 64 levels becomes null. */
export function readStruct(reader: WireReader, depth = 0): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((1 << 3) | BYTES)) {
      reader.skip(tag);
      continue;
    }
    const entry = reader.message();
    let key = "";
    let value: unknown = null;
    for (let inner = entry.tag(); inner !== 0; inner = entry.tag()) {
      if (inner === ((1 << 3) | BYTES)) key = entry.string();
      else if (inner === ((2 << 3) | BYTES)) value = readValue(entry.message(), depth + 1);
      else entry.skip(inner);
    }
    if (key === "__proto__") Object.defineProperty(out, key, { value, enumerable: true });
    else out[key] = value;
  }
  return out;
}

function readValue(reader: WireReader, depth: number): unknown {
  let value: unknown = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | VARINT)) {
      reader.varint();
      value = null;
    } else if (tag === ((2 << 3) | FIXED64)) value = reader.double();
    else if (tag === ((3 << 3) | BYTES)) value = reader.string();
    else if (tag === ((4 << 3) | VARINT)) value = reader.varint() !== 0;
    else if (tag === ((5 << 3) | BYTES) && depth < MAX_DEPTH) value = readStruct(reader.message(), depth);
    else if (tag === ((6 << 3) | BYTES) && depth < MAX_DEPTH) value = readList(reader.message(), depth);
    else reader.skip(tag);
  }
  return value;
}

function readList(reader: WireReader, depth: number): unknown[] {
  const out: unknown[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | BYTES)) out.push(readValue(reader.message(), depth + 1));
    else reader.skip(tag);
  }
  return out;
}
