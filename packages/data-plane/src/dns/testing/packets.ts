/* Packets as a client of the tests writes and reads them, on purpose not with the code that is tested. */

export interface QuerySpec {
  readonly id?: number;
  readonly name: string;
  /** Default: A. */
  readonly type?: number;
  readonly class?: number;
  readonly flags?: number;
  /** UDP size of an OPT record, which is left out without one. */
  readonly edns?: number;
  readonly ednsVersion?: number;
  readonly dnssecOk?: boolean;
  /** Data of the OPT record: options. */
  readonly options?: Buffer;
}

/** Encodes a query. */
export function query(spec: QuerySpec): Buffer {
  const header = u16(spec.id ?? 1, spec.flags ?? 0x0100, 1, 0, 0, spec.edns === undefined ? 0 : 1);
  const question = Buffer.concat([wireName(spec.name), u16(spec.type ?? 1, spec.class ?? 1)]);
  if (spec.edns === undefined) return Buffer.concat([header, question]);
  const options = spec.options ?? Buffer.alloc(0);
  const opt = Buffer.concat([
    Buffer.from([0]),
    u16(41, spec.edns),
    Buffer.from([0, spec.ednsVersion ?? 0, spec.dnssecOk === true ? 0x80 : 0, 0]),
    u16(options.length),
    options,
  ]);
  return Buffer.concat([header, question, opt]);
}

export interface Answer {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  /** Text of an address or a name; bytes in hexadecimal of anything else. */
  readonly data: string;
}

export interface Decoded {
  readonly id: number;
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly checkingDisabled: boolean;
  readonly isReply: boolean;
  readonly question: { readonly name: string; readonly type: number } | undefined;
  readonly answers: readonly Answer[];
  readonly authority: readonly Answer[];
  readonly edns:
    | { readonly udpBytes: number; readonly dnssecOk: boolean; readonly rcodeBits: number }
    | undefined;
}

/** Decodes a reply; throws where a byte is missing or left over. */
export function decode(message: Buffer): Decoded {
  const flags = message.readUInt16BE(2);
  let at = 12;
  const name = (): string => {
    const [text, next] = readName(message, at);
    at = next;
    return text;
  };
  let question: Decoded["question"];
  for (let index = 0; index < message.readUInt16BE(4); index++) {
    question = { name: name(), type: message.readUInt16BE(at) };
    at += 4;
  }
  let edns: Decoded["edns"];
  const section = (count: number): Answer[] =>
    Array.from({ length: count }, () => {
      const owner = name();
      const type = message.readUInt16BE(at);
      const ttl = message.readUInt32BE(at + 4);
      const length = message.readUInt16BE(at + 8);
      if (type === 41) {
        edns = {
          udpBytes: message.readUInt16BE(at + 2),
          rcodeBits: message[at + 4] ?? 0,
          dnssecOk: ((message[at + 6] ?? 0) & 0x80) !== 0,
        };
      }
      const data = readData(message, type, at + 10, length);
      at += 10 + length;
      return { name: owner, type, ttl, data };
    });
  const answers = section(message.readUInt16BE(6));
  const authority = section(message.readUInt16BE(8));
  section(message.readUInt16BE(10));
  if (at !== message.length) throw new Error(`${message.length - at} bytes are left over`);
  return {
    id: message.readUInt16BE(0),
    isReply: (flags & 0x8000) !== 0,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    rcode: flags & 0x000f,
    ...{ question, answers, authority, edns },
  };
}

/** A reply with records of the question's own name: type, TTL and data of each. */
export function replyTo(
  asked: Buffer,
  records: readonly { readonly type: number; readonly ttl?: number; readonly data: Buffer }[],
  rcode = 0,
): Buffer {
  const end = questionEnd(asked);
  const head = Buffer.from(asked.subarray(0, end));
  head.writeUInt16BE(0x8180 | rcode, 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  return Buffer.concat([
    head,
    ...records.map(({ type, ttl = 60, data }) =>
      Buffer.concat([u16(0xc00c, type, 1, ttl >>> 16, ttl & 0xffff, data.length), data]),
    ),
  ]);
}

/** Offset behind the question. */
export function questionEnd(message: Buffer): number {
  return readName(message, 12)[1] + 4;
}

export function u16(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) out.writeUInt16BE(value, index * 2);
  return out;
}

export function wireName(name: string): Buffer {
  const labels = name === "" ? [] : name.split(".");
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

function readName(message: Buffer, from: number): readonly [name: string, next: number] {
  const labels: string[] = [];
  let at = from;
  let next = -1;
  for (let steps = 0; steps < 128; steps++) {
    const length = message.readUInt8(at);
    if (length >= 0xc0) {
      if (next < 0) next = at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
      continue;
    }
    if (length === 0) return [labels.join("."), next < 0 ? at + 1 : next];
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  throw new Error("a name without an end");
}

function readData(message: Buffer, type: number, at: number, length: number): string {
  const bytes = message.subarray(at, at + length);
  if (bytes.length !== length) throw new Error("a record without an end");
  if (type === 1) return [...bytes].join(".");
  if (type === 28) return bytes.toString("hex").replace(/(.{4})(?=.)/g, "$1:");
  if (type === 12) return readName(message, at)[0];
  return bytes.toString("hex");
}
