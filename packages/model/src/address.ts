const IPV4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;
const HOST_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9])?)*\.?$/;

/** An IPv4 address in dotted form. */
export function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

/** An IPv6 address without brackets and zone, with or without an IPv4 tail (RFC 4291 §2.2). */
export function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2 || !text.includes(":")) return false;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const all = groups.flat();
  let count = 0;
  for (const [index, group] of all.entries()) {
    const isTail = index === all.length - 1 && text.endsWith(group);
    if (isTail && isIpv4(group)) count += 2;
    else if (/^[0-9a-fA-F]{1,4}$/.test(group)) count += 1;
    else return false;
  }
  return halves.length === 2 ? count < 8 : count === 8;
}

/** An IP address of either family. */
export function isIp(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

/** `0.0.0.0`, `::` and its longer spellings. */
export function isUnspecifiedIp(text: string): boolean {
  return text === "0.0.0.0" || (isIpv6(text) && /^[0:]*$/.test(text));
}

/** A DNS name as an address: letters of either case, digits, `-` and `_`; not something that looks like an IPv4 address. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && HOST_NAME.test(text) && !/^[0-9.]+$/.test(text);
}
