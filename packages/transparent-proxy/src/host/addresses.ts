import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Family } from "../config/network-address.ts";
import { findExecutable, runCommand } from "./command.ts";

const PASSTHROUGH_IPV6 = "::6/128";
/** The same as the kernel lists it. */
const LISTED = "00000000000000000000000000000006";

/** Name of the loopback interface. */
export function loopbackName(): string {
  const internal = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some((a) => a.internal),
  );
  return internal?.[0] ?? "lo";
}

/** An address of this machine by which others reach it, not a link-local one; `undefined` where there is none. */
export function ownAddress(family: Family): string | undefined {
  const version = family === "ipv4" ? "IPv4" : "IPv6";
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((a) => a.family === version && !a.internal && !a.address.startsWith("fe80:"))?.address;
}

/** Whether anything of IPv6 but loopback is set up; a link-local address counts. */
export function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some((a) => a.family === "IPv6" && !a.internal),
  );
}

/** Whether `::6` is an address of this machine. */
export function hasPassthroughAddress(): boolean {
  try {
    return readFileSync("/proc/net/if_inet6", "utf8")
      .split("\n")
      .some((line) => line.startsWith(LISTED));
  } catch {
    return false;
  }
}

/**
 * Puts `::6` on loopback: the proxy calls the application from there, which in IPv4 it may do from any 127.0.0.0/8.
 *
 * @throws Error with what `ip` said.
 */
export async function addPassthroughAddress(loopback: string): Promise<void> {
  await ip("add", loopback);
}

/** Takes `::6` off loopback. @throws Error with what `ip` said. */
export async function removePassthroughAddress(loopback: string): Promise<void> {
  if (hasPassthroughAddress()) await ip("del", loopback);
}

async function ip(verb: string, loopback: string): Promise<void> {
  const path = findExecutable("ip");
  if (path === undefined) {
    throw new Error(
      `the command ip is needed to put ${PASSTHROUGH_IPV6} on ${loopback}, and it is missing: install iproute2, or capture IPv4 only with --ip-family-mode=ipv4`,
    );
  }
  const { code, stderr } = await runCommand(path, ["-6", "address", verb, PASSTHROUGH_IPV6, "dev", loopback]);
  if (code !== 0)
    throw new Error(`ip -6 address ${verb} ${PASSTHROUGH_IPV6} dev ${loopback}: ${stderr.trim()}`);
}
