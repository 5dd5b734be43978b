import { isIPv4 } from "node:net";

/** What a request tells about its sender, before anything is verified. */
export interface RequestOrigin {
  /** Of the TCP peer. */
  readonly remoteAddress: string | undefined;
  /** Lower-case names, as `node:http` gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Whether the request came over TLS: decides the default port. */
  readonly encrypted: boolean;
}

const proxyHeaders = ["forwarded", "x-forwarded-for", "x-real-ip"];

/**
 * Whether a request comes from this machine, and from a person or program on it that meant to send it: not relayed by
 * a proxy, not by a name that merely resolves here (DNS rebinding), and not from another site's page in a browser.
 */
export function isLocalRequest({ remoteAddress, headers, encrypted }: RequestOrigin): boolean {
  if (remoteAddress === undefined || !isLoopbackAddress(remoteAddress)) return false;
  if (proxyHeaders.some((name) => headers[name] !== undefined)) return false;
  const host = parseAuthority(single(headers.host), encrypted ? "https:" : "http:");
  if (host === undefined || !(host.name === "localhost" || isLoopbackAddress(host.name))) return false;
  if (!["", "same-origin", "none"].includes(single(headers["sec-fetch-site"]) ?? "")) return false;
  const origin = headers.origin;
  return origin === undefined || isSameOrigin(single(origin), host);
}

/** 127.0.0.0/8, ::1, and the former as IPv4-mapped IPv6. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  const mapped = plain.startsWith("::ffff:") ? plain.slice("::ffff:".length) : plain;
  return plain === "::1" || (isIPv4(mapped) && mapped.startsWith("127."));
}

interface Authority {
  readonly name: string;
  readonly port: string;
}

function isSameOrigin(origin: string | undefined, host: Authority): boolean {
  const [scheme = "", authority] = (origin ?? "").toLowerCase().split("//");
  if (scheme !== "http:" && scheme !== "https:") return false;
  const parsed = parseAuthority(authority, scheme);
  return parsed !== undefined && parsed.name === host.name && parsed.port === host.port;
}

function parseAuthority(text: string | undefined, scheme: "http:" | "https:"): Authority | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?$/.exec((text ?? "").toLowerCase());
  if (match === null) return undefined;
  return { name: match[1] ?? "", port: match[2] ?? (scheme === "https:" ? "443" : "80") };
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(",");
}
