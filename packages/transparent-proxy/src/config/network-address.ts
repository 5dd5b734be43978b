import { isIP } from "node:net";

/** IP version. */
export type Family = "ipv4" | "ipv6";

/** A network in the spelling that packet filters print: host bits zero, IPv6 shortened, always with a prefix length. */
export interface Cidr {
  readonly family: Family;
  readonly text: string;
}

/** Reads an address or a network, such as `10.0.0.1`, `192.168.0.0/24` or `fd00::/8`; `undefined` where it is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", length, ...rest] = text.trim().split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || rest.length > 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return undefined;
  const host = (1n << BigInt(bits - prefix)) - 1n;
  const value = toNumber(address) & ~host;
  const family = version === 4 ? "ipv4" : "ipv6";
  return { family, text: `${version === 4 ? formatIpv4(value) : formatIpv6(value)}/${prefix}` };
}

function toNumber(address: string): bigint {
  if (isIP(address) === 4) return address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  return groups(address).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** The eight groups of an IPv6 address. */
function groups(address: string): readonly number[] {
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":"),
  );
  const [head = "", tail] = plain.split("::");
  const parse = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return parse(head);
  const [front, back] = [parse(head), parse(tail)];
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

function formatIpv6(value: bigint): string {
  const long = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  return new URL(`http://[${long.join(":")}]`).hostname.slice(1, -1);
}
