import type { Origin } from "../plan/origin.ts";
import {
  DEFAULT_PROTOCOL,
  type MatchProtocol,
  type MeshPassthroughConf,
  type PassthroughMatch,
  type Recognition,
  recognition,
} from "./conf.ts";
import { type IpRange, ipRange, rangeText } from "./ip-range.ts";

/** An entry of `appendMatch`, read. */
export interface Entry {
  readonly value: string;
  readonly protocol: MatchProtocol;
  readonly recognition: Recognition;
  /** Every port where absent. */
  readonly port: number | undefined;
  readonly destination:
    | { readonly kind: "addresses"; readonly range: IpRange }
    /** In lower case; `*` alone is every name, and `*.` in front stands for one label or more. */
    | { readonly kind: "name"; readonly name: string };
}

/** What of the entries of a proxy cannot hold, and why. */
export interface EntryProblem {
  /** The entry that comes to nothing, or to less than it says: its place in the merged list. */
  readonly index: number;
  readonly message: string;
}

export interface Entries {
  readonly entries: readonly Entry[];
  readonly problems: readonly EntryProblem[];
}

/** Reads one entry; `undefined` where its value is not what its type says. */
export function entryOf({
  type,
  value,
  port,
  protocol = DEFAULT_PROTOCOL,
}: PassthroughMatch): Entry | undefined {
  const range = type === "Domain" ? undefined : ipRange(value);
  if (type !== "Domain" && range === undefined) return undefined;
  return {
    value,
    protocol,
    recognition: recognition(protocol),
    port,
    destination:
      range === undefined ? { kind: "name", name: value.toLowerCase() } : { kind: "addresses", range },
  };
}

/** The same for entries about the same connections, however they are written. */
export function entryKey({ destination, port, recognition }: Entry): string {
  const where = destination.kind === "name" ? destination.name : rangeText(destination.range);
  return `${recognition} ${where} ${port ?? "*"}`;
}

/**
 * The entries of a merged list, each group of connections once. Of two that speak differently of the same connections
 * the later one counts: it is of the policy with the higher precedence. `mysql` beside `tcp` counts in any order, since
 * all it adds is that nobody waits for the client's first bytes.
 */
export function readEntries({ appendMatch = [] }: MeshPassthroughConf): Entries {
  const byKey = new Map<string, { readonly entry: Entry; readonly index: number }>();
  const problems: EntryProblem[] = [];
  for (const [index, match] of appendMatch.entries()) {
    const entry = entryOf(match);
    if (entry === undefined) continue;
    const key = entryKey(entry);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { entry, index });
    else if (entry.recognition === "bytes") {
      if (entry.protocol === "mysql") byKey.set(key, { entry, index });
    } else if (entry.protocol !== known.entry.protocol) {
      problems.push({
        index: known.index,
        message: `${described(known.entry)} has no effect, because another entry says ${entry.protocol} of the same; they cannot be told apart`,
      });
      byKey.set(key, { entry, index });
    }
  }
  const kept = [...byKey.values()];
  return { entries: kept.map(({ entry }) => entry), problems: [...problems, ...behindMysql(kept)] };
}

/** Ports of a family on which nobody waits for the client's first bytes, since a server of MySQL speaks first. */
export function mysqlPorts(entries: readonly Entry[], family: 4 | 6): ReadonlySet<number> {
  return new Set(
    entries.flatMap(({ protocol, port, destination }) =>
      protocol === "mysql" && destination.kind === "addresses" && destination.range.family === family
        ? (port ?? [])
        : [],
    ),
  );
}

/** Where nobody looks at the first bytes, TLS and HTTP are not recognised. */
function behindMysql(
  kept: readonly { readonly entry: Entry; readonly index: number }[],
): readonly EntryProblem[] {
  const entries = kept.map(({ entry }) => entry);
  const mysql = { 4: mysqlPorts(entries, 4), 6: mysqlPorts(entries, 6) };
  return kept.flatMap(({ entry, index }) => {
    if (entry.recognition === "bytes") return [];
    const { destination } = entry;
    const families = destination.kind === "name" ? ([4, 6] as const) : [destination.range.family];
    const ports = new Set(families.flatMap((family) => [...mysql[family]]));
    const hidden = [...ports]
      .filter((port) => entry.port === undefined || entry.port === port)
      .sort((a, b) => a - b);
    if (hidden.length === 0) return [];
    const where = `${hidden.length === 1 ? "port" : "ports"} ${hidden.join(", ")}`;
    return [
      {
        index,
        message: `${described(entry)} does not hold on ${where}, where another entry says mysql: a server of MySQL speaks first, so the client's first bytes are not waited for`,
      },
    ];
  });
}

/** `http api.example.com on port 80`. */
function described({ protocol, value, port }: Entry): string {
  return `${protocol} ${value} on ${port === undefined ? "every port" : `port ${port}`}`;
}

/** The policy and the place in it that an entry of a merged list comes from. */
export function entryOrigin(origins: Readonly<Record<string, Origin>>, index: number): Origin | undefined {
  return origins[`appendMatch[${index}]`];
}
