/** Record types that are told apart here. Numbers as in the IANA registry. */
export const TYPE = { a: 1, soa: 6, ptr: 12, aaaa: 28, opt: 41, any: 255 } as const;
/** Response codes. `badVersion` is an extended one (RFC 6891): its upper bits are in the OPT record. */
export const RCODE = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;

export const HEADER_BYTES = 12;
const CLASS_IN = 1;
const CLASS_ANY = 255;
const MAX_NAME_BYTES = 255;
/** Answer size that passes any network without fragments (DNS flag day 2020). */
const OWN_UDP_BYTES = 1232;
/** What a client takes that says nothing (RFC 1035). */
const PLAIN_UDP_BYTES = 512;

/** The one question of a query. */
export interface Question {
  /** The name as on the wire, with ASCII letters in lower case: equal names have equal keys. */
  readonly key: string;
  readonly type: number;
  /** Of the Internet class, or of any. */
  readonly internet: boolean;
  /** Offset of the first byte after it. */
  readonly end: number;
}

/** What a query says by EDNS (RFC 6891). */
export interface Edns {
  readonly udpBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

/** Whether a packet can be answered at all: it has a header and is no answer itself. */
export function isQuery(message: Buffer): boolean {
  return message.length >= HEADER_BYTES && ((message[2] ?? 0) & 0x80) === 0;
}

/** The kind of a query; 0 is an ordinary one. */
export function opcodeOf(message: Buffer): number {
  return ((message[2] ?? 0) >> 3) & 0x0f;
}

/** The response code without the bits that EDNS adds. */
export function rcodeOf(message: Buffer): number {
  return (message[3] ?? 0) & 0x0f;
}

/** Reads the question; `undefined` where there is not exactly one, or it is malformed. */
export function readQuestion(message: Buffer): Question | undefined {
  if (message.length < HEADER_BYTES || message.readUInt16BE(4) !== 1) return undefined;
  let at = HEADER_BYTES;
  for (;;) {
    const length = message[at];
    // No compression here: there is nothing before it to point to.
    if (length === undefined || length > 63) return undefined;
    at += length + 1;
    if (at - HEADER_BYTES > MAX_NAME_BYTES) return undefined;
    if (length === 0) break;
  }
  if (at + 4 > message.length) return undefined;
  const klass = message.readUInt16BE(at + 2);
  return {
    key: message.toString("latin1", HEADER_BYTES, at).toLowerCase(),
    type: message.readUInt16BE(at),
    internet: klass === CLASS_IN || klass === CLASS_ANY,
    end: at + 4,
  };
}

/** Reads the OPT record behind a question; `undefined` where there is none, "malformed" where records are. */
export function readEdns(message: Buffer, after: number): Edns | undefined | "malformed" {
  const others = message.readUInt16BE(6) + message.readUInt16BE(8);
  const records = others + message.readUInt16BE(10);
  let found: Edns | undefined;
  let at = after;
  for (let index = 0; index < records; index++) {
    const start = at;
    at = skipName(message, at);
    if (at < 0 || at + 10 > message.length) return "malformed";
    const type = message.readUInt16BE(at);
    if (type === TYPE.opt && index >= others) {
      // Its name is the root, and there is one only.
      if (found !== undefined || at !== start + 1) return "malformed";
      found = {
        udpBytes: message.readUInt16BE(at + 2),
        version: message[at + 5] ?? 0,
        dnssecOk: ((message[at + 6] ?? 0) & 0x80) !== 0,
      };
    }
    at += 10 + message.readUInt16BE(at + 8);
    if (at > message.length) return "malformed";
  }
  return found;
}

/** How large an answer by UDP may be. */
export function udpLimit(edns: Edns | undefined): number {
  return edns === undefined
    ? PLAIN_UDP_BYTES
    : Math.min(Math.max(edns.udpBytes, PLAIN_UDP_BYTES), OWN_UDP_BYTES);
}

/** Encoded records of one section. */
export interface Records {
  readonly count: number;
  readonly bytes: Buffer;
}

export const NO_RECORDS: Records = { count: 0, bytes: Buffer.alloc(0) };

export interface Reply {
  readonly rcode: number;
  /** We are who decides about this name. */
  readonly authoritative: boolean;
  readonly answers: Records;
  readonly authority: Records;
  readonly edns: Edns | undefined;
  /** In bytes. What does not fit is left out, and marked so: the client asks again by TCP. */
  readonly limit: number;
}

/** Builds an answer to a query whose question ends at `end`; the question is repeated as it was spelled. */
export function buildReply(query: Buffer, end: number, reply: Reply): Buffer {
  const { edns, rcode } = reply;
  const optBytes = edns === undefined ? 0 : OPT_BYTES;
  const full = end + reply.answers.bytes.length + reply.authority.bytes.length + optBytes;
  const isTruncated = full > reply.limit;
  const answers = isTruncated ? NO_RECORDS : reply.answers;
  const authority = isTruncated ? NO_RECORDS : reply.authority;
  const size = isTruncated ? end + optBytes : full;
  const out = Buffer.allocUnsafe(size);
  query.copy(out, 0, 0, end);
  // QR, the opcode, AA, TC and the client's RD; then RA, the client's CD and the code.
  out[2] = 0x80 | ((query[2] ?? 0) & 0x79) | (reply.authoritative ? 0x04 : 0) | (isTruncated ? 0x02 : 0);
  out[3] = 0x80 | ((query[3] ?? 0) & 0x10) | (rcode & 0x0f);
  out.writeUInt16BE(end > HEADER_BYTES ? 1 : 0, 4);
  out.writeUInt16BE(answers.count, 6);
  out.writeUInt16BE(authority.count, 8);
  out.writeUInt16BE(edns === undefined ? 0 : 1, 10);
  answers.bytes.copy(out, end);
  authority.bytes.copy(out, end + answers.bytes.length);
  if (edns !== undefined) writeOpt(out, size - OPT_BYTES, rcode, edns.dnssecOk);
  return out;
}

const OPT_BYTES = 11;

function writeOpt(out: Buffer, at: number, rcode: number, dnssecOk: boolean): void {
  out[at] = 0;
  out.writeUInt16BE(TYPE.opt, at + 1);
  out.writeUInt16BE(OWN_UDP_BYTES, at + 3);
  out[at + 5] = rcode >> 4;
  out[at + 6] = 0;
  out.writeUInt16BE(dnssecOk ? 0x8000 : 0, at + 7);
  out.writeUInt16BE(0, at + 9);
}

/** An answer that says nothing but what went wrong. Any packet with a header can get one. */
export function errorReply(query: Buffer, rcode: number): Buffer {
  const question = readQuestion(query);
  const edns = question === undefined ? undefined : readEdns(query, question.end);
  return buildReply(query, question?.end ?? HEADER_BYTES, {
    rcode,
    authoritative: false,
    answers: NO_RECORDS,
    authority: NO_RECORDS,
    edns: edns === "malformed" ? undefined : edns,
    limit: Number.POSITIVE_INFINITY,
  });
}

/**
 * Whether a packet answers this query: the same number, and the same question, letter by letter. A server that
 * could not read the question may leave it out.
 */
export function answers(reply: Buffer, query: Buffer, id: number): boolean {
  if (reply.length < HEADER_BYTES || ((reply[2] ?? 0) & 0x80) === 0 || reply.readUInt16BE(0) !== id)
    return false;
  const question = readQuestion(query);
  if (question === undefined || opcodeOf(query) !== 0) return true;
  if (reply.readUInt16BE(4) === 0) return rcodeOf(reply) !== RCODE.ok;
  return (
    reply.length >= question.end &&
    reply.compare(query, HEADER_BYTES, question.end, HEADER_BYTES, question.end) === 0
  );
}

/** The same message under another number. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** A name on the wire; `undefined` where it is none. A dot at the end may be there. */
export function encodeName(name: string): Buffer | undefined {
  const labels = name.replace(/\.$/, "").split(".");
  const bytes = [...labels.flatMap((label) => [label.length, ...Buffer.from(label, "latin1")]), 0];
  const fits = labels.every((label) => /^[\w-]{1,63}$/.test(label)) && bytes.length <= MAX_NAME_BYTES;
  return fits ? Buffer.from(bytes) : undefined;
}

/** A record of the name that is asked for. `ttl` is in seconds. */
export function encodeRecord(type: number, ttl: number, data: Buffer): Buffer {
  const out = Buffer.allocUnsafe(12 + data.length);
  // A pointer to the question, which is always at the same place.
  out.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  out.writeUInt16BE(type, 2);
  out.writeUInt16BE(CLASS_IN, 4);
  out.writeUInt32BE(ttl, 6);
  out.writeUInt16BE(data.length, 10);
  data.copy(out, 12);
  return out;
}

/** Offset behind a name that may be compressed; -1 where it is malformed. Pointers are not followed. */
function skipName(message: Buffer, from: number): number {
  for (let at = from; ; ) {
    const length = message[at];
    if (length === undefined) return -1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return -1;
    at += length + 1;
    if (length === 0) return at;
    if (at - from > MAX_NAME_BYTES) return -1;
  }
}
