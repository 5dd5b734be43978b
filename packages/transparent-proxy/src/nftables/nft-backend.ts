import { createHash } from "node:crypto";
import type { Backend, Snapshot, Step } from "../backend.ts";
import type { Family } from "../config/network-address.ts";
import { runCommand } from "../host/command.ts";
import { CHAIN_PREFIX, type RuleSet } from "../rules/rule.ts";
import { printTable, TABLE_NAME } from "./print.ts";

const WORDS: Readonly<Record<Family, string>> = { ipv4: "ip", ipv6: "ip6" };
const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];

/** A chain without rules whose name says what its table was made of; nft lists rules in words of its own. */
const DIGEST_PREFIX = `${CHAIN_PREFIX}DIGEST_`;

interface Listing {
  /** As `nft list` prints it, which nft reads again. */
  readonly text: string;
  readonly chains: readonly string[];
  readonly rules: number;
}

/** nftables without iptables in between. One step for everything: nft applies a file as a whole or not at all. */
export function nftBackend(nft: string): Backend {
  const states = new WeakMap<Snapshot, ReadonlyMap<Family, Listing>>();

  async function read(): Promise<Snapshot> {
    const listings = new Map<Family, Listing>();
    const tables = await output(nft, ["list", "tables"]);
    for (const family of FAMILIES) {
      if (!tables.split("\n").includes(`table ${WORDS[family]} ${TABLE_NAME}`)) continue;
      listings.set(family, parseListing(await output(nft, ["list", "table", WORDS[family], TABLE_NAME])));
    }
    const snapshot: Snapshot = {
      own: new Set(listings.keys()),
      dockerDns: new Set(),
      foreign: false,
    };
    states.set(snapshot, listings);
    return snapshot;
  }

  function stateOf(snapshot: Snapshot): ReadonlyMap<Family, Listing> {
    const state = states.get(snapshot);
    if (state === undefined) throw new Error("the snapshot is of another packet filter");
    return state;
  }

  async function steps(now: Snapshot, goal: readonly RuleSet[] | Snapshot): Promise<readonly Step[]> {
    const there = stateOf(now);
    const text = FAMILIES.map((family) => {
      const listing = there.get(family);
      const wanted = isSnapshot(goal)
        ? stateOf(goal).get(family)?.text
        : printMarked(goal.find((set) => set.family === family));
      if (isSo(listing, wanted)) return "";
      // Deleting what is not there is an error, declaring what is there is none.
      const cleared = listing === undefined ? "" : `delete table ${WORDS[family]} ${TABLE_NAME}\n`;
      return `${cleared}${wanted ?? ""}`;
    }).join("");
    if (text === "") return [];
    const args = ["-f", "-"];
    return [
      {
        title: "nftables",
        text,
        command: [nft, ...args].join(" "),
        apply: async () => void (await output(nft, args, text)),
      },
    ];
  }

  return { name: "nftables", requireFamily: () => {}, read, steps };
}

function isSnapshot(goal: readonly RuleSet[] | Snapshot): goal is Snapshot {
  return !Array.isArray(goal);
}

function printMarked(set: RuleSet | undefined): string | undefined {
  if (set === undefined) return undefined;
  const digest = createHash("sha256").update(printTable(set)).digest("hex").slice(0, 16);
  return printTable({
    ...set,
    chains: [...set.chains, { table: "nat", name: `${DIGEST_PREFIX}${digest}`, rules: [] }],
  });
}

/** The same digest, the same chains, as many rules: nobody has changed it since. */
function isSo(there: Listing | undefined, wanted: string | undefined): boolean {
  if (there === undefined || wanted === undefined) return there === undefined && wanted === undefined;
  if (there.text === wanted) return true;
  const other = parseListing(wanted);
  return (
    there.rules === other.rules && there.chains.toSorted().join(" ") === other.chains.toSorted().join(" ")
  );
}

function parseListing(text: string): Listing {
  const lines = text.split("\n").map((line) => line.trim());
  const chains = lines.flatMap((line) => /^chain (\S+) \{$/.exec(line)?.[1] ?? []);
  const rules = lines.filter(
    (line) => line !== "" && line !== "}" && !/^(?:chain|table|type) /.test(line),
  ).length;
  return { text, chains, rules };
}

async function output(nft: string, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(nft, args, stdin);
  if (code !== 0) throw new Error(`${[nft, ...args].join(" ")} ended with ${code}: ${stderr.trim()}`);
  return stdout;
}
