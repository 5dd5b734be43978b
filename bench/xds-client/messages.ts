import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import {
  BYTES,
  fieldSize,
  WireReader,
  writeBytes,
  writeFieldHead,
  writeString,
} from "@skein/control-plane/xds/wire";
import { NodeSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";

/** One resource of a delta response. */
export interface ReceivedResource {
  readonly name: string;
  readonly version: string;
  /** A reader over the resource message inside its `Any`. */
  value(): WireReader;
}

/** A delta response as far as a load generator reads it. */
export interface ReceivedResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly ReceivedResource[];
  readonly removed: readonly string[];
}

/** Parts of a delta request. */
export interface RequestParts {
  readonly node?: Uint8Array;
  readonly typeUrl: string;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly versions?: ReadonlyMap<string, string>;
  readonly nonce?: string;
}

/** Reads a `DeltaDiscoveryResponse`; resources are not decoded. */
export function readResponse(bytes: Buffer): ReceivedResponse {
  const reader = new WireReader(bytes);
  const resources: ReceivedResource[] = [];
  const removed: string[] = [];
  let typeUrl = "";
  let nonce = "";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((2 << 3) | BYTES)) resources.push(readResource(reader.message()));
    else if (tag === ((4 << 3) | BYTES)) typeUrl = reader.string();
    else if (tag === ((5 << 3) | BYTES)) nonce = reader.string();
    else if (tag === ((6 << 3) | BYTES)) removed.push(reader.string());
    else reader.skip(tag);
  }
  return { typeUrl, nonce, resources, removed };
}

function readResource(reader: WireReader): ReceivedResource {
  let name = "";
  let version = "";
  let any: Buffer = Buffer.alloc(0);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | BYTES)) version = reader.string();
    else if (tag === ((2 << 3) | BYTES)) any = reader.bytes();
    else if (tag === ((3 << 3) | BYTES)) name = reader.string();
    else reader.skip(tag);
  }
  return {
    name,
    version,
    value() {
      const outer = new WireReader(any);
      for (let tag = outer.tag(); tag !== 0; tag = outer.tag()) {
        if (tag === ((2 << 3) | BYTES)) return outer.message();
        outer.skip(tag);
      }
      return new WireReader(Buffer.alloc(0));
    },
  };
}

/** Encodes a `DeltaDiscoveryRequest` with its gRPC prefix. */
export function encodeRequest(parts: RequestParts): Buffer {
  const strings: [number, string][] = [[2, parts.typeUrl]];
  for (const name of parts.subscribe ?? []) strings.push([3, name]);
  for (const name of parts.unsubscribe ?? []) strings.push([4, name]);
  if (parts.nonce !== undefined) strings.push([6, parts.nonce]);
  const versions = [...(parts.versions ?? [])].map(encodeVersion);
  let size = parts.node === undefined ? 0 : fieldSize(parts.node.length);
  for (const [, value] of strings) size += fieldSize(Buffer.byteLength(value));
  for (const entry of versions) size += fieldSize(entry.length);
  const out = Buffer.allocUnsafe(5 + size);
  out[0] = 0;
  out.writeUInt32BE(size, 1);
  let at = 5;
  if (parts.node !== undefined) at = writeBytes(out, at, 1, parts.node);
  for (const [field, value] of strings) at = writeString(out, at, field, value, Buffer.byteLength(value));
  for (const entry of versions) at = writeBytes(out, at, 5, entry);
  return out;
}

function encodeVersion([name, version]: readonly [string, string]): Buffer {
  const length = Buffer.byteLength(name);
  const out = Buffer.allocUnsafe(fieldSize(length) + fieldSize(version.length));
  writeString(out, writeString(out, 0, 1, name, length), 2, version, version.length);
  return out;
}

/**
 * Encodes a node.
 *
 * @param extensionBytes size of a stand-in for the list of extensions that a real Envoy adds (57 KB in Envoy 1.40)
 */
export function encodeNode(
  id: string,
  cluster: string,
  metadata: JsonObject,
  extensionBytes: number,
): Buffer {
  const message = toBinary(NodeSchema, create(NodeSchema, { id, cluster, metadata, userAgentName: "envoy" }));
  const each = 64;
  const count = Math.floor(extensionBytes / (each + 2));
  const extensions = Buffer.alloc(count * (each + 2));
  for (let index = 0, at = 0; index < count; index++) {
    const start = writeFieldHead(extensions, at, 9, each);
    writeFieldHead(extensions, start, 1, each - 2);
    extensions.fill(0x65, start + 2, start + each);
    at = start + each;
  }
  return Buffer.concat([message, extensions]);
}
