import { isIpv4 } from "@skein/model";

/** A range of IPv4 addresses, as 32-bit numbers. */
export interface Ipv4Range {
  readonly first: number;
  readonly size: number;
}

/** The range that a CIDR such as `241.0.0.0/8` names, whatever the host part; `undefined` where it is not one. */
export function parseIpv4Range(cidr: string): Ipv4Range | undefined {
  const [address = "", bits = "", ...rest] = cidr.split("/");
  if (rest.length > 0 || !isIpv4(address) || !/^(3[0-2]|[12]?\d)$/.test(bits)) return undefined;
  const size = 2 ** (32 - Number(bits));
  return { first: Math.floor(parseIpv4(address) / size) * size, size };
}

/** An address as a 32-bit number; the text must be one (`isIpv4`). */
export function parseIpv4(text: string): number {
  return text.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** A 32-bit number as an address. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** What two ranges have in common; `undefined` where that is nothing. */
export function overlap(a: Ipv4Range, b: Ipv4Range): Ipv4Range | undefined {
  const first = Math.max(a.first, b.first);
  const size = Math.min(a.first + a.size, b.first + b.size) - first;
  return size > 0 ? { first, size } : undefined;
}
