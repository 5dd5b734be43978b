import { isIPv4, isIPv6 } from "node:net";
import { der, derImplicit, derOid, derSequence, derTag } from "./der.ts";

/** One name of a subjectAltName. */
export type AltName =
  | { readonly kind: "uri"; readonly value: string }
  | { readonly kind: "dns"; readonly value: string }
  | { readonly kind: "ip"; readonly value: string };

/** Bits of keyUsage (RFC 5280 §4.2.1.3). */
const keyUsageBit = {
  digitalSignature: 0,
  keyEncipherment: 2,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
} as const;

const extendedKeyUsageOid = { serverAuth: "1.3.6.1.5.5.7.3.1", clientAuth: "1.3.6.1.5.5.7.3.2" } as const;

/** basicConstraints, critical. */
export function basicConstraints(isCa: boolean): Buffer {
  const value = isCa ? derSequence(der(derTag.boolean, Buffer.from([0xff]))) : derSequence();
  return extension("2.5.29.19", true, value);
}

/** keyUsage, critical. */
export function keyUsage(...usages: readonly (keyof typeof keyUsageBit)[]): Buffer {
  const bits: readonly number[] = usages.map((usage) => keyUsageBit[usage]);
  const octet = bits.reduce<number>((sum, bit) => sum | (0x80 >> bit), 0);
  return extension("2.5.29.15", true, der(derTag.bitString, Buffer.from([7 - Math.max(...bits), octet])));
}

/** extendedKeyUsage. */
export function extendedKeyUsage(...usages: readonly (keyof typeof extendedKeyUsageOid)[]): Buffer {
  return extension(
    "2.5.29.37",
    false,
    derSequence(...usages.map((usage) => derOid(extendedKeyUsageOid[usage]))),
  );
}

/** subjectAltName; critical where the subject is empty (RFC 5280 §4.2.1.6). */
export function subjectAltName(names: readonly AltName[], critical: boolean): Buffer {
  return extension("2.5.29.17", critical, derSequence(...names.map(generalName)));
}

/** subjectKeyIdentifier. */
export function subjectKeyIdentifier(id: Uint8Array): Buffer {
  return extension("2.5.29.14", false, der(derTag.octetString, id));
}

/** authorityKeyIdentifier, by key id. */
export function authorityKeyIdentifier(id: Uint8Array): Buffer {
  return extension("2.5.29.35", false, derSequence(derImplicit(0, id)));
}

/** Whether a URI can stand in a certificate: an IA5String without blanks or controls. */
export function isCertificateUri(uri: string): boolean {
  return /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(uri);
}

/** The sixteen or four bytes of an address. A zone id (`%eth0`) is not part of them. */
export function addressBytes(address: string): Buffer {
  const plain = address.split("%")[0] ?? "";
  if (isIPv4(plain)) return Buffer.from(plain.split(".").map(Number));
  if (!isIPv6(plain)) throw new TypeError(`not an IP address: ${address}`);
  const dotted = plain.lastIndexOf(".") > 0 ? plain.slice(plain.lastIndexOf(":") + 1) : undefined;
  const hex = dotted === undefined ? plain : plain.slice(0, -dotted.length) + dottedToGroups(dotted);
  const [head = "", tail] = hex.split("::");
  const front = head.split(":").filter((group) => group !== "");
  const back = (tail ?? "").split(":").filter((group) => group !== "");
  const middle = Array.from({ length: 8 - front.length - back.length }, () => "0");
  const groups = tail === undefined ? front : [...front, ...middle, ...back];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function dottedToGroups(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split(".").map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function generalName(name: AltName): Buffer {
  switch (name.kind) {
    case "uri":
      if (!isCertificateUri(name.value)) throw new TypeError(`not a URI for a certificate: ${name.value}`);
      return derImplicit(6, Buffer.from(name.value, "latin1"));
    case "dns":
      return derImplicit(2, Buffer.from(name.value, "latin1"));
    case "ip":
      return derImplicit(7, addressBytes(name.value));
  }
}

function extension(oid: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [der(derTag.boolean, Buffer.from([0xff]))] : [];
  return derSequence(derOid(oid), ...flag, der(derTag.octetString, value));
}
