import { readFileSync } from "node:fs";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { HostFacts } from "./bootstrap-request.ts";

const CGROUP_LIMITS = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
/** cgroup v1 writes "no limit" as a number near 2^63. */
const UNLIMITED = 2 ** 60;

/** Looks at the machine. `maxMemoryBytes` given by the user wins over the cgroup's limit. */
export function readHostFacts(maxMemoryBytes: number | undefined): HostFacts {
  return {
    operatingSystem: process.platform,
    ipv6: Object.values(networkInterfaces()).some((addresses) =>
      addresses?.some((address) => address.family === "IPv6"),
    ),
    maxMemoryBytes: maxMemoryBytes ?? cgroupLimit(),
  };
}

/** The addresses under which applications of the machine reach what serves them only. */
export function loopbackAddresses(): readonly string[] {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return ["127.0.0.1", ...(own.some(({ address }) => address === "::1") ? ["::1"] : [])];
}

function cgroupLimit(): number {
  for (const file of CGROUP_LIMITS) {
    const limit = Number(readOptional(file));
    if (Number.isSafeInteger(limit) && limit > 0 && limit < UNLIMITED) return limit;
  }
  return 0;
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}

type InterfaceAddress = Pick<NetworkInterfaceInfo, "address" | "scopeid">;

/** The addresses of interfaces by name; `br+` stands for all that begin with `br`. */
export function addressesOfInterfaces(
  names: readonly string[],
  interfaces: Readonly<Record<string, readonly InterfaceAddress[] | undefined>> = networkInterfaces(),
): readonly string[] {
  const isMeant = (name: string): boolean =>
    names.some((each) => (each.endsWith("+") ? name.startsWith(each.slice(0, -1)) : name === each));
  return Object.entries(interfaces).flatMap(([name, addresses]) =>
    isMeant(name) ? (addresses ?? []).filter(({ scopeid }) => !scopeid).map(({ address }) => address) : [],
  );
}
