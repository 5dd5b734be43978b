const LIMIT = /^([0-9]+) ?(kbps|Mbps|Gbps)$/;

const FACTOR: Readonly<Record<string, bigint>> = { kbps: 1n, Mbps: 1_000n, Gbps: 1_000_000n };

/** The most that fits into Envoy's field. */
const MAX = 2n ** 64n - 1n;

/**
 * The number that Envoy gets for a limit such as `50kbps` or `1 Mbps`; `undefined` where the text is none. Envoy takes it
 * for KiB per second, and so do Kuma's users: `1kbps` is 1,024 bytes a second.
 */
export function limitKbps(text: string): bigint | undefined {
  const [, number = "", unit = ""] = LIMIT.exec(text) ?? [];
  const factor = FACTOR[unit];
  if (factor === undefined) return undefined;
  const value = BigInt(number) * factor;
  return value <= MAX ? value : undefined;
}
