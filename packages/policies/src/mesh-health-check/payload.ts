const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The text of a TCP check in the form in which Envoy takes bytes. The text is what goes over the wire. */
export function payloadHex(text: string): string {
  return Buffer.from(text, "utf8").toString("hex");
}

/**
 * Whether a text is probably meant to be decoded, as Kuma's reference says it would be and Kuma does not: it is base64
 * of printable characters. Commands such as `PING` are valid base64 of bytes that nobody would send.
 */
export function looksEncoded(text: string): boolean {
  return BASE64.test(text) && /^[\x20-\x7e\r\n\t]+$/.test(Buffer.from(text, "base64").toString("latin1"));
}
