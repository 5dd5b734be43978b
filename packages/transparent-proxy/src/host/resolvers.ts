import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { Family } from "../config/network-address.ts";
import { SettingError } from "../config/setting-error.ts";

/**
 * Addresses of the DNS servers in a file like `/etc/resolv.conf`, by IP version.
 *
 * @throws SettingError when the file cannot be read.
 */
export function readResolvers(path: string): Readonly<Record<Family, readonly string[]>> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new SettingError(
      `DNS servers cannot be read from ${path}: ${error instanceof Error ? error.message : String(error)}; capture all DNS instead with --redirect-all-dns-traffic, or leave DNS alone`,
      { cause: error },
    );
  }
  const servers = text.split("\n").flatMap((line) => {
    const [keyword, address = ""] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    // The interface behind a % is where a link-local server is; rules tell it by its address.
    return keyword === "nameserver" ? [address.replace(/%.*/, "")] : [];
  });
  const of = (version: number): readonly string[] => [
    ...new Set(servers.filter((server) => isIP(server) === version)),
  ];
  return { ipv4: of(4), ipv6: of(6) };
}

/** Whether an address can only be reached from this machine. */
export function isLoopbackAddress(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || address.startsWith("::ffff:7f");
}
