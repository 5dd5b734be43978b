/** One DER element: its tag, its content, and all its bytes. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly bytes: Uint8Array;
}

/** The bytes are not DER: cut short, or with a length that no certificate has. */
export class DerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DerError";
  }
}

/** Tags that certificates use (X.690 §8). */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** An element of `tag` around the given parts. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(length)]), ...parts]);
}

/** A SEQUENCE of the given elements. */
export function derSequence(...parts: readonly Uint8Array[]): Buffer {
  return der(derTag.sequence, ...parts);
}

/** A context-specific tag `[number]`, constructed. */
export function derExplicit(number: number, ...parts: readonly Uint8Array[]): Buffer {
  return der(0xa0 | number, ...parts);
}

/** A context-specific tag `[number]`, primitive (an implicit string). */
export function derImplicit(number: number, content: Uint8Array): Buffer {
  return der(0x80 | number, content);
}

/** A non-negative INTEGER from big-endian bytes, in the shortest form. */
export function derInteger(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const digits = magnitude.subarray(start);
  const needsSign = ((digits[0] ?? 0) & 0x80) !== 0;
  return der(derTag.integer, needsSign ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

/** An OBJECT IDENTIFIER from dotted text. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift((left & 0x7f) | 0x80);
    }
    bytes.push(...groups);
  }
  return der(derTag.oid, Buffer.from(bytes));
}

/** A certificate's time: UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5). Whole seconds. */
export function derTime(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+Z/g, "");
  const year = Number(digits.slice(0, 4));
  return year >= 1950 && year < 2050
    ? der(derTag.utcTime, Buffer.from(`${digits.slice(2)}Z`, "latin1"))
    : der(derTag.generalizedTime, Buffer.from(`${digits}Z`, "latin1"));
}

/**
 * The element at the start of `bytes`.
 * @throws DerError when the bytes end before the element does
 */
export function readDer(bytes: Uint8Array): DerElement {
  const tag = bytes[0];
  const short = bytes[1];
  if (tag === undefined || short === undefined) throw new DerError("DER ends inside a tag or length");
  let length = short;
  let header = 2;
  if (short >= 0x80) {
    const octets = short & 0x7f;
    if (octets === 0 || octets > 4) throw new DerError("DER has a length of an unsupported form");
    length = 0;
    for (; header < 2 + octets; header++) length = length * 256 + (bytes[header] ?? 0);
  }
  if (bytes.length < header + length) throw new DerError("DER ends inside an element");
  return { tag, content: bytes.subarray(header, header + length), bytes: bytes.subarray(0, header + length) };
}

/**
 * The elements inside a constructed element, in order.
 * @throws DerError when the content is cut short
 */
export function readDerChildren(element: DerElement): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let rest = element.content; rest.length > 0; ) {
    const child = readDer(rest);
    children.push(child);
    rest = rest.subarray(child.bytes.length);
  }
  return children;
}

function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left & 0xff);
  return [0x80 | octets.length, ...octets];
}
