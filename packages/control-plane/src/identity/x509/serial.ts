/** Random bytes as a parameter: `node:crypto`'s `randomBytes` outside of tests. */
export type RandomBytes = (length: number) => Uint8Array;

/** A random serial number of 127 bits: positive, never zero, always sixteen octets long. */
export function randomSerial(random: RandomBytes): Uint8Array {
  const serial = Uint8Array.from(random(16));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}
