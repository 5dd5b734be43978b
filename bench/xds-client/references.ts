import { BYTES, VARINT, WireReader } from "@skein/control-plane/xds/wire";

/** What a proxy asks for because of a cluster or listener. */
export interface References {
  /** EDS name of a cluster that uses EDS. */
  readonly endpoints: string | undefined;
  /** SDS names in its transport sockets. */
  readonly secrets: readonly string[];
  /** RDS names in a listener's HTTP connection managers. */
  readonly routes: readonly string[];
}

type Path = readonly number[];

const SOCKETS_OF_CLUSTER: readonly Path[] = [[24], [43, 3]];
const SOCKETS_OF_LISTENER: readonly Path[] = [
  [3, 6],
  [25, 6],
];
/** Filter chains and the default one; below each, the typed configurations of its filters. */
const FILTER_CHAINS: readonly number[] = [3, 25];
const FILTER_CONFIG: Path = [3, 4];
const HTTP_CONNECTION_MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const RDS_NAME: Path = [2, 3, 2];
/** From a transport socket, through its typed config and TLS context, to the names of SDS secrets. */
const SECRET_NAMES: readonly Path[] = [
  [3, 2, 1, 6, 1],
  [3, 2, 1, 7, 1],
  [3, 2, 1, 8, 2, 1],
];

/** Reads the references of an encoded cluster. */
export function clusterReferences(value: WireReader, name: string): References {
  let type = 0;
  let serviceName = "";
  const secrets = new Set<string>();
  for (let tag = value.tag(); tag !== 0; tag = value.tag()) {
    if (tag === ((2 << 3) | VARINT)) type = value.varint();
    else if ((tag & 7) !== BYTES) value.skip(tag);
    else {
      const field = tag >>> 3;
      const content = value.bytes();
      if (field === 3) serviceName = stringAt(content, [2])[0] ?? "";
      else
        for (const path of SOCKETS_OF_CLUSTER)
          if (path[0] === field) addSecrets(content, path.slice(1), secrets);
    }
  }
  return { endpoints: type === 3 ? serviceName || name : undefined, secrets: [...secrets], routes: [] };
}

/** Reads the references of an encoded listener. */
export function listenerReferences(value: WireReader): References {
  const secrets = new Set<string>();
  const routes = new Set<string>();
  for (let tag = value.tag(); tag !== 0; tag = value.tag()) {
    if ((tag & 7) !== BYTES) {
      value.skip(tag);
      continue;
    }
    const field = tag >>> 3;
    const content = value.bytes();
    for (const path of SOCKETS_OF_LISTENER)
      if (path[0] === field) addSecrets(content, path.slice(1), secrets);
    if (!FILTER_CHAINS.includes(field)) continue;
    for (const config of bytesAt(content, FILTER_CONFIG)) {
      if (stringAt(config, [1])[0] !== HTTP_CONNECTION_MANAGER) continue;
      for (const name of stringAt(config, RDS_NAME)) routes.add(name);
    }
  }
  return { endpoints: undefined, secrets: [...secrets], routes: [...routes] };
}

function addSecrets(message: Buffer, toSocket: Path, into: Set<string>): void {
  for (const path of SECRET_NAMES)
    for (const name of stringAt(message, [...toSocket, ...path])) into.add(name);
}

/** The strings at a path of field numbers. */
function stringAt(message: Buffer, path: Path): readonly string[] {
  return bytesAt(message, path).map((bytes) => bytes.toString("utf8"));
}

/** The messages or strings at a path of field numbers. */
function bytesAt(message: Buffer, path: Path): readonly Buffer[] {
  const [field, ...rest] = path;
  if (field === undefined) return [message];
  const out: Buffer[] = [];
  const reader = new WireReader(message);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((field << 3) | BYTES)) out.push(...bytesAt(reader.bytes(), rest));
    else reader.skip(tag);
  }
  return out;
}
