import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Family } from "../config/network-address.ts";
import { findExecutable, runCommand } from "./command.ts";

const PASSTHROUGH_IPV6 = "::6/128";
/** The same as the kernel lists it. */
const LISTED = "00000000000000000000000000000006";
/** `IFA_F_DEPRECATED` (linux/if_addr.h). */
const DEPRECATED = 0x20;

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

/** Whose `::6` on this machine is, if it is there. */
export type PassthroughAddress = "none" | "ours" | "others";

/**
 * Looks for `::6`. Ours is _deprecated_ (RFC 4862): nothing takes it as its source by itself, which is right for it and
 * rare enough to tell it by. Unlike a note elsewhere it cannot outlive the address, or be lost in a crash.
 */
export function passthroughAddress(): PassthroughAddress {
  const line = readListed().find((candidate) => candidate.startsWith(LISTED));
  if (line === undefined) return "none";
  const flags = Number.parseInt(line.split(/\s+/)[4] ?? "0", 16);
  return (flags & DEPRECATED) === 0 ? "others" : "ours";
}

function readListed(): readonly string[] {
  try {
    return readFileSync("/proc/net/if_inet6", "utf8").split("\n");
  } catch {
    return [];
  }
}

/**
 * Puts `::6` on loopback where it is missing: the proxy calls the application from there, which in IPv4 it may do from
 * any address of 127.0.0.0/8. Answers whether it was missing.
 *
 * @throws Error with what `ip` said.
 */
export async function providePassthroughAddress(loopback: string): Promise<boolean> {
  if (passthroughAddress() !== "none") return false;
  await ip("add", loopback, ["valid_lft", "forever", "preferred_lft", "0"]);
  return true;
}

/** Takes `::6` off loopback if it is ours, and answers whether it was. @throws Error with what `ip` said. */
export async function removePassthroughAddress(loopback: string): Promise<boolean> {
  if (passthroughAddress() !== "ours") return false;
  await ip("del", loopback);
  return true;
}

async function ip(verb: string, loopback: string, more: readonly string[] = []): Promise<void> {
  const path = findExecutable("ip");
  if (path === undefined) {
    throw new Error(
      `the command ip is needed to put ${PASSTHROUGH_IPV6} on ${loopback}, and it is missing: install iproute2, or capture IPv4 only with --ip-family-mode=ipv4`,
    );
  }
  const { code, stderr } = await runCommand(path, [
    "-6",
    "address",
    verb,
    PASSTHROUGH_IPV6,
    "dev",
    loopback,
    ...more,
  ]);
  if (code !== 0)
    throw new Error(`ip -6 address ${verb} ${PASSTHROUGH_IPV6} dev ${loopback}: ${stderr.trim()}`);
}
