import type { Backend } from "./backend.ts";
import type { Config } from "./config/config.ts";
import type { Family } from "./config/network-address.ts";
import { findExecutable } from "./host/command.ts";
import { iptablesBackend } from "./iptables/iptables-backend.ts";
import { findTools, type Mode, namedTools, type Tools } from "./iptables/tools.ts";
import { nftBackend } from "./nftables/nft-backend.ts";

/** The packet filters of this machine. */
export interface Backends {
  /** The one to install in. */
  readonly chosen: Backend;
  /** The others, in which an earlier install may have left rules. */
  readonly others: readonly Backend[];
}

/**
 * Finds what programs this machine's packet filter. What the user named; else iptables on nftables; legacy iptables where
 * that is missing or only legacy iptables has rules, for rules of both generations do not see each other; else nftables.
 *
 * @throws Error when there is nothing, or nothing works.
 */
export async function chooseBackend(config: Pick<Config, "executables" | "patience">): Promise<Backends> {
  const named = await namedBackend(config);
  const found: { readonly backend: Backend; readonly kind: Mode | "native"; readonly foreign: boolean }[] =
    [];
  const troubles: string[] = [];
  for (const [kind, backend] of await candidates(config)) {
    try {
      found.push({ backend, kind, foreign: (await backend.read()).foreign });
    } catch (error) {
      troubles.push(error instanceof Error ? error.message : String(error));
    }
  }
  const of = (kind: Mode | "native") => found.find((candidate) => candidate.kind === kind);
  const [nft, legacy] = [of("nft"), of("legacy")];
  const best = legacy?.foreign === true && nft?.foreign !== true ? legacy : (nft ?? legacy ?? of("native"));
  const chosen = named ?? best?.backend;
  if (chosen === undefined) {
    throw new Error(
      troubles.length === 0
        ? "this machine has neither iptables nor nft: install the package iptables or nftables"
        : `no packet filter can be used here; the kernel may lack it, or the capabilities NET_ADMIN and NET_RAW are missing: ${troubles.join("; ")}`,
    );
  }
  return {
    chosen,
    others: found
      .map(({ backend }) => backend)
      .filter((backend) => backend !== chosen && backend.name !== chosen.name),
  };
}

async function namedBackend({
  executables,
  patience,
}: Pick<Config, "executables" | "patience">): Promise<Backend | undefined> {
  if (Object.keys(executables).length === 0) return undefined;
  const ipv4 = await namedTools("ipv4", executables);
  const ipv6 = await namedTools("ipv6", executables);
  const mode = ipv4?.mode ?? ipv6?.mode;
  if (mode === undefined) return undefined;
  if (ipv4 !== undefined && ipv6 !== undefined && ipv4.mode !== ipv6.mode) {
    throw new Error(
      `--iptables-executables: ${ipv4.iptables} is iptables (${ipv4.mode}) and ${ipv6.iptables} is (${ipv6.mode}); both must be of one kind`,
    );
  }
  return iptablesBackend(mode, await toolsOf(mode, { ipv4, ipv6 }), patience);
}

async function candidates({
  patience,
}: Pick<Config, "patience">): Promise<readonly (readonly [Mode | "native", Backend])[]> {
  const made: (readonly [Mode | "native", Backend])[] = [];
  for (const mode of ["nft", "legacy"] as const) {
    const tools = await toolsOf(mode, {});
    if (tools.has("ipv4")) made.push([mode, iptablesBackend(mode, tools, patience)]);
  }
  const nft = findExecutable("nft");
  if (nft !== undefined) made.push(["native", nftBackend(nft)]);
  return made;
}

async function toolsOf(
  mode: Mode,
  given: Readonly<Partial<Record<Family, Tools | undefined>>>,
): Promise<ReadonlyMap<Family, Tools>> {
  const tools = new Map<Family, Tools>();
  for (const family of ["ipv4", "ipv6"] as const) {
    const found = given[family] ?? (await findTools(family, mode));
    if (found !== undefined) tools.set(family, found);
  }
  return tools;
}
