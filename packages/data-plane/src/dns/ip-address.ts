import { isIPv4, isIPv6 } from "node:net";

/** The 4 or 16 bytes of an IP address; `undefined` where the text is none. A zone (`%eth0`) is not part of it. */
export function addressBytes(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  const [address = ""] = text.split("%");
  if (!isIPv6(address)) return undefined;
  const [head = "", tail] = address.split("::");
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const gap = tail === undefined ? 0 : 8 - front.length - back.length;
  const all = [...front, ...new Array<number>(gap).fill(0), ...back];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Whether these 16 bytes are an IPv4 address in IPv6's clothes (`::ffff:1.2.3.4`). */
export function isMapped(bytes: Buffer): boolean {
  return (
    bytes.length === 16 &&
    bytes.readUInt16BE(10) === 0xffff &&
    bytes.subarray(0, 10).every((byte) => byte === 0)
  );
}

/** The name under which an address is looked up backwards. */
export function reverseName(bytes: Buffer): string {
  return bytes.length === 4
    ? `${[...bytes].reverse().join(".")}.in-addr.arpa`
    : `${[...bytes.toString("hex")].reverse().join(".")}.ip6.arpa`;
}

function groups(text: string): number[] {
  return text === ""
    ? []
    : text.split(":").flatMap((group) => {
        if (!group.includes(".")) return [Number.parseInt(group, 16)];
        const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
        return [(a << 8) | b, (c << 8) | d];
      });
}
