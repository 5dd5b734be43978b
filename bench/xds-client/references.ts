import { BYTES, VARINT, WireReader } from "@skein/control-plane/xds/wire";

/** What a proxy asks for because of a cluster or listener. */
export interface References {
  /** EDS name of a cluster that uses EDS. */
  readonly endpoints: string | undefined;
  /** SDS names in its transport sockets. */
  readonly secrets: readonly string[];
}

type Path = readonly number[];

const SOCKETS_OF_CLUSTER: readonly Path[] = [[24], [43, 3]];
const SOCKETS_OF_LISTENER: readonly Path[] = [
  [3, 6],
  [25, 6],
];
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
  return { endpoints: type === 3 ? serviceName || name : undefined, secrets: [...secrets] };
}

/** Reads the references of an encoded listener. */
export function listenerReferences(value: WireReader): References {
  const secrets = new Set<string>();
  for (let tag = value.tag(); tag !== 0; tag = value.tag()) {
    if ((tag & 7) !== BYTES) {
      value.skip(tag);
      continue;
    }
    const field = tag >>> 3;
    const content = value.bytes();
    for (const path of SOCKETS_OF_LISTENER)
      if (path[0] === field) addSecrets(content, path.slice(1), secrets);
  }
  return { endpoints: undefined, secrets: [...secrets] };
}

function addSecrets(message: Buffer, toSocket: Path, into: Set<string>): void {
  for (const path of SECRET_NAMES)
    for (const name of stringAt(message, [...toSocket, ...path])) into.add(name);
}

/** The strings at a path of field numbers. */
function stringAt(message: Buffer, path: Path): readonly string[] {
  const [field, ...rest] = path;
  if (field === undefined) return [message.toString("utf8")];
  const out: string[] = [];
  const reader = new WireReader(message);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((field << 3) | BYTES)) out.push(...stringAt(reader.bytes(), rest));
    else reader.skip(tag);
  }
  return out;
}
