import { isIpv4, isIpv6 } from "@skein/model";

/** A range of addresses, one address being the smallest. Ranges that hold the same addresses have the same text. */
export interface IpRange {
  readonly family: 4 | 6;
  /** The first address, in its shortest form. */
  readonly address: string;
  /** How many bits all its addresses share: up to 32, or 128. */
  readonly length: number;
  readonly bits: bigint;
}

const BITS = { 4: 32, 6: 128 } as const;
const MAPPED_LENGTH = 96;
const MAPPED_PREFIX = 0xffffn;

/** Reads `10.0.0.1`, `10.0.0.0/8` or the like of IPv6; `undefined` for anything else. Bits behind the prefix do not count. */
export function ipRange(text: string): IpRange | undefined {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const family = isIpv4(address) ? 4 : isIpv6(address) ? 6 : undefined;
  if (family === undefined) return undefined;
  const length = slash === -1 ? BITS[family] : prefixLength(text.slice(slash + 1), BITS[family]);
  if (length === undefined) return undefined;
  const bits = family === 4 ? ipv4Bits(address) : ipv6Bits(address);
  // Connections to an IPv4 address come in its own form, however somebody writes it.
  return family === 6 && length >= MAPPED_LENGTH && bits >> 32n === MAPPED_PREFIX
    ? range(4, bits & 0xffffffffn, length - MAPPED_LENGTH)
    : range(family, bits, length);
}

/** Whether every address of `inner` is in `outer`. */
export function covers(outer: IpRange, inner: IpRange): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  const rest = BigInt(BITS[outer.family] - outer.length);
  return outer.bits >> rest === inner.bits >> rest;
}

/** All addresses of a family. */
export function everything(family: 4 | 6): IpRange {
  return range(family, 0n, 0);
}

/** `10.0.0.0/8`; one address has its prefix length, too. */
export function rangeText({ address, length }: IpRange): string {
  return `${address}/${length}`;
}

function range(family: 4 | 6, given: bigint, length: number): IpRange {
  const rest = BigInt(BITS[family] - length);
  const bits = (given >> rest) << rest;
  return { family, length, bits, address: family === 4 ? ipv4Text(bits) : ipv6Text(bits) };
}

function prefixLength(text: string, max: number): number | undefined {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

function ipv4Bits(text: string): bigint {
  return text.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function ipv6Bits(text: string): bigint {
  const tail = text.slice(text.lastIndexOf(":") + 1);
  const plain = tail.includes(".") ? text.slice(0, -tail.length) + groups(ipv4Bits(tail), 2).join(":") : text;
  const [head = "", rest] = plain.split("::");
  const parts = (half: string): readonly string[] => (half === "" ? [] : half.split(":"));
  const [first, last] = [parts(head), parts(rest ?? "")];
  const zeros = Array<string>(8 - first.length - last.length).fill("0");
  return [...first, ...zeros, ...last].reduce((bits, part) => (bits << 16n) | BigInt(`0x${part}`), 0n);
}

function ipv4Text(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
}

function ipv6Text(bits: bigint): string {
  return new URL(`http://[${groups(bits, 8).join(":")}]`).hostname.slice(1, -1);
}

function groups(bits: bigint, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) =>
    ((bits >> BigInt(16 * (count - 1 - i))) & 0xffffn).toString(16),
  );
}
