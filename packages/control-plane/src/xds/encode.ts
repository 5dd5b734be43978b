import type { Fragment, FragmentNotes, XdsType } from "./fragment.ts";
import { Slabs } from "./slabs.ts";
import { typeUrlOf } from "./type-url.ts";
import { fieldSize, writeBytes, writeFieldHead, writeString } from "./wire.ts";

/** Size of the gRPC message prefix that the response encoders leave room for and fill in. */
export const GRPC_PREFIX = 5;

/** What a delta response carries, beside the bytes of its fragments. */
export interface DeltaResponseParts {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly Fragment[];
  readonly removed: readonly string[];
  /** Instance id of the control plane. */
  readonly controlPlane: string;
}

/** What a state-of-the-world response carries, beside the bytes of its fragments. */
export interface SotwResponseParts {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly versionInfo: string;
  readonly resources: readonly Fragment[];
  readonly controlPlane: string;
}

const ANY_TYPE_URL = 1;
const ANY_VALUE = 2;
const RESOURCE_VERSION = 1;
const RESOURCE_RESOURCE = 2;
const RESOURCE_NAME = 3;
const DELTA_RESOURCES = 2;
const DELTA_TYPE_URL = 4;
const DELTA_NONCE = 5;
const DELTA_REMOVED = 6;
const DELTA_CONTROL_PLANE = 7;
const SOTW_VERSION_INFO = 1;
const SOTW_RESOURCES = 2;
const SOTW_TYPE_URL = 4;
const SOTW_NONCE = 5;
const SOTW_CONTROL_PLANE = 6;
const CONTROL_PLANE_IDENTIFIER = 1;

/** Those of a type mostly go together: a policy changes them by the thousand. Others change one by one. */
const slabs: Partial<Record<XdsType, Slabs>> = {
  cluster: new Slabs(),
  listener: new Slabs(),
  route: new Slabs(),
};

/** Builds a fragment; `any` is a view into `resource`, so that both forms cost one allocation. */
export function encodeFragment(
  type: XdsType,
  name: string,
  version: string,
  value: Uint8Array,
  origins: readonly string[],
): Fragment {
  const url = typeUrlOf(type);
  const nameLength = Buffer.byteLength(name);
  const anyLength = fieldSize(url.length) + fieldSize(value.length);
  const size = fieldSize(version.length) + fieldSize(anyLength) + fieldSize(nameLength);
  const resource = slabs[type]?.take(size) ?? Buffer.allocUnsafeSlow(size);
  let at = writeString(resource, 0, RESOURCE_VERSION, version, version.length);
  at = writeString(resource, at, RESOURCE_NAME, name, nameLength);
  const anyStart = writeFieldHead(resource, at, RESOURCE_RESOURCE, anyLength);
  at = writeString(resource, anyStart, ANY_TYPE_URL, url, url.length);
  writeBytes(resource, at, ANY_VALUE, value);
  return new EncodedFragment(type, name, version, resource, anyStart, origins);
}

class EncodedFragment implements Fragment {
  readonly type: XdsType;
  readonly name: string;
  readonly version: string;
  readonly resource: Uint8Array;
  readonly origins: readonly string[];
  readonly notes: FragmentNotes = { held: undefined, name: undefined, edsName: undefined };
  readonly #anyStart: number;

  constructor(
    type: XdsType,
    name: string,
    version: string,
    resource: Uint8Array,
    anyStart: number,
    origins: readonly string[],
  ) {
    this.type = type;
    this.name = name;
    this.version = version;
    this.resource = resource;
    this.#anyStart = anyStart;
    this.origins = origins;
  }

  /** Made when it is asked for: most proxies are never sent it. */
  get any(): Uint8Array {
    return this.resource.subarray(this.#anyStart);
  }
}

/** A `DeltaDiscoveryResponse` with its gRPC prefix, in one buffer ready to be written. */
export function encodeDeltaResponse(parts: DeltaResponseParts): Buffer {
  const identifier = Buffer.byteLength(parts.controlPlane);
  let size =
    fieldSize(parts.typeUrl.length) + fieldSize(parts.nonce.length) + fieldSize(fieldSize(identifier));
  for (const fragment of parts.resources) size += fieldSize(fragment.resource.length);
  for (const name of parts.removed) size += fieldSize(Buffer.byteLength(name));
  const out = framed(size);
  let at = GRPC_PREFIX;
  for (const fragment of parts.resources) at = writeBytes(out, at, DELTA_RESOURCES, fragment.resource);
  at = writeString(out, at, DELTA_TYPE_URL, parts.typeUrl, parts.typeUrl.length);
  at = writeString(out, at, DELTA_NONCE, parts.nonce, parts.nonce.length);
  for (const name of parts.removed) at = writeString(out, at, DELTA_REMOVED, name, Buffer.byteLength(name));
  at = writeFieldHead(out, at, DELTA_CONTROL_PLANE, fieldSize(identifier));
  writeString(out, at, CONTROL_PLANE_IDENTIFIER, parts.controlPlane, identifier);
  return out;
}

/** A `DiscoveryResponse` with its gRPC prefix, in one buffer ready to be written. */
export function encodeSotwResponse(parts: SotwResponseParts): Buffer {
  const identifier = Buffer.byteLength(parts.controlPlane);
  let size =
    fieldSize(parts.typeUrl.length) + fieldSize(parts.nonce.length) + fieldSize(fieldSize(identifier));
  size += fieldSize(parts.versionInfo.length);
  for (const fragment of parts.resources) size += fieldSize(fragment.any.length);
  const out = framed(size);
  let at = writeString(out, GRPC_PREFIX, SOTW_VERSION_INFO, parts.versionInfo, parts.versionInfo.length);
  for (const fragment of parts.resources) at = writeBytes(out, at, SOTW_RESOURCES, fragment.any);
  at = writeString(out, at, SOTW_TYPE_URL, parts.typeUrl, parts.typeUrl.length);
  at = writeString(out, at, SOTW_NONCE, parts.nonce, parts.nonce.length);
  at = writeFieldHead(out, at, SOTW_CONTROL_PLANE, fieldSize(identifier));
  writeString(out, at, CONTROL_PLANE_IDENTIFIER, parts.controlPlane, identifier);
  return out;
}

function framed(size: number): Buffer {
  const out = Buffer.allocUnsafe(GRPC_PREFIX + size);
  out[0] = 0;
  out.writeUInt32BE(size, 1);
  return out;
}
