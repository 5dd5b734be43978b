import { readStruct } from "./struct.ts";
import { BYTES, VARINT, WireReader } from "./wire.ts";

/** The parts of `envoy.config.core.v3.Node` that this server reads. */
export interface RequestNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What Envoy says when it rejects a response (`google.rpc.Status`). */
export interface RequestError {
  readonly code: number;
  readonly message: string;
}

/** A decoded `envoy.service.discovery.v3.DeltaDiscoveryRequest`. */
export interface DeltaRequest {
  readonly node: RequestNode | undefined;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: ReadonlyMap<string, string>;
  readonly nonce: string;
  readonly error: RequestError | undefined;
}

/** A decoded `envoy.service.discovery.v3.DiscoveryRequest`. */
export interface SotwRequest {
  readonly node: RequestNode | undefined;
  readonly typeUrl: string;
  readonly versionInfo: string;
  readonly names: readonly string[];
  readonly nonce: string;
  readonly error: RequestError | undefined;
}

const F1 = (1 << 3) | BYTES;
const F2 = (2 << 3) | BYTES;
const F3 = (3 << 3) | BYTES;
const F4 = (4 << 3) | BYTES;
const F5 = (5 << 3) | BYTES;
const F6 = (6 << 3) | BYTES;
const F7 = (7 << 3) | BYTES;

/**
 * Decodes a delta request. By hand, not by protobuf-es: the first request of a real Envoy carries a list of about a
 * thousand extensions that nobody reads, and stepping over it is what keeps 2,000 reconnects cheap.
 *
 * @throws MalformedMessage
 */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const reader = new WireReader(bytes);
  let node: RequestNode | undefined;
  let typeUrl = "";
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  let nonce = "";
  let error: RequestError | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === F1) node = readNode(reader.message());
    else if (tag === F2) typeUrl = reader.string();
    else if (tag === F3) subscribe.push(reader.string());
    else if (tag === F4) unsubscribe.push(reader.string());
    else if (tag === F5) readVersion(reader.message(), initialVersions);
    else if (tag === F6) nonce = reader.string();
    else if (tag === F7) error = readStatus(reader.message());
    else reader.skip(tag);
  }
  return { node, typeUrl, subscribe, unsubscribe, initialVersions, nonce, error };
}

/**
 * Decodes a state-of-the-world request.
 *
 * @throws MalformedMessage
 */
export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const reader = new WireReader(bytes);
  let node: RequestNode | undefined;
  let typeUrl = "";
  let versionInfo = "";
  const names: string[] = [];
  let nonce = "";
  let error: RequestError | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === F1) versionInfo = reader.string();
    else if (tag === F2) node = readNode(reader.message());
    else if (tag === F3) names.push(reader.string());
    else if (tag === F4) typeUrl = reader.string();
    else if (tag === F5) nonce = reader.string();
    else if (tag === F6) error = readStatus(reader.message());
    else reader.skip(tag);
  }
  return { node, typeUrl, versionInfo, names, nonce, error };
}

/** Decodes a `Node`, as far as this server reads it. @throws MalformedMessage */
export function readNode(reader: WireReader): RequestNode {
  let id = "";
  let cluster = "";
  let metadata: Record<string, unknown> = {};
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === F1) id = reader.string();
    else if (tag === F2) cluster = reader.string();
    else if (tag === F3) metadata = readStruct(reader.message());
    else reader.skip(tag);
  }
  return { id, cluster, metadata };
}

function readVersion(reader: WireReader, into: Map<string, string>): void {
  let name = "";
  let version = "";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === F1) name = reader.string();
    else if (tag === F2) version = reader.string();
    else reader.skip(tag);
  }
  into.set(name, version);
}

function readStatus(reader: WireReader): RequestError {
  let code = 0;
  let message = "";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | VARINT)) code = reader.varint();
    else if (tag === F2) message = reader.string();
    else reader.skip(tag);
  }
  return { code, message };
}
