import { PASSTHROUGH_ORIGIN } from "./conf.ts";
import { type Entry, mysqlPorts } from "./entries.ts";
import { covers, everything, type IpRange, rangeText } from "./ip-range.ts";

/** One filter chain of a passthrough listener: which connections it takes, and the entries by which they may leave. */
export interface ChainPlan {
  readonly name: string;
  /** Every port that no other chain names, where absent. */
  readonly port: number | undefined;
  /** Every address that no other chain of the port names, where absent. */
  readonly range: IpRange | undefined;
  /** How a connection must have been recognised; anyhow where absent. */
  readonly by: "raw" | "tls" | "http" | undefined;
  /** The SNI, for `tls`; any or none where absent. */
  readonly serverName?: string;
  /** One entry; for HTTP by name all that count there, each for its own hosts. */
  readonly entries: readonly Entry[];
}

type AddressEntry = Entry & { readonly destination: { readonly kind: "addresses" } };
type NameEntry = Entry & { readonly destination: { readonly kind: "name" } };

/**
 * The filter chains by which exactly those connections leave that some entry is about.
 *
 * Envoy goes down a tree without ever coming back: port, then the longest prefix of the address, then server name,
 * transport and application protocol. Where it enters a branch, nothing outside counts any more. So every branch gets
 * all that covers it: on each port that an entry names, those without port; in each range, those of wider ranges and
 * those by name. Where several are about a connection, the narrowest range decides, on the port itself before every
 * port, and addresses before names: who may go to an address need not say a name there.
 */
export function chainsOf(entries: readonly Entry[], family: 4 | 6): readonly ChainPlan[] {
  const mysql = mysqlPorts(entries, family);
  const addresses = entries
    .filter(isOfAddresses)
    .filter(({ destination }) => destination.range.family === family);
  const names = entries.filter(isOfName);
  const ports = new Set(
    [...addresses, ...names].map(({ port }) => port).filter((port) => port !== undefined),
  );
  return [...[...ports].sort((a, b) => b - a), undefined].flatMap((port) => {
    const isHere = (entry: Entry): boolean =>
      (entry.port === port || entry.port === undefined) &&
      (entry.recognition === "bytes" || port === undefined || !mysql.has(port));
    return chainsOfPort(port, family, addresses.filter(isHere), names.filter(isHere));
  });
}

function chainsOfPort(
  port: number | undefined,
  family: 4 | 6,
  addresses: readonly AddressEntry[],
  names: readonly NameEntry[],
): readonly ChainPlan[] {
  const all = everything(family);
  const ranges = new Map([all, ...addresses.map(rangeOf)].map((range) => [rangeText(range), range]));
  return [...ranges.values()]
    .sort((a, b) => b.length - a.length || (a.bits < b.bits ? -1 : 1))
    .flatMap((range) => {
      const here = addresses.filter((entry) => covers(rangeOf(entry), range));
      return chainsOfRange({ port, range: range.length === 0 ? undefined : range }, here, names);
    });
}

/** A branch of Envoy's tree: a port and the addresses of a range that are in no narrower one. */
interface Branch {
  readonly port: number | undefined;
  readonly range: IpRange | undefined;
}

function chainsOfRange(
  branch: Branch,
  addresses: readonly AddressEntry[],
  names: readonly NameEntry[],
): readonly ChainPlan[] {
  const bytes = narrowest(addresses, "bytes");
  const unlessBytes = (entry: AddressEntry | undefined): AddressEntry | undefined =>
    entry !== undefined && bytes !== undefined && compareNarrow(bytes, entry) < 0 ? undefined : entry;
  const http = unlessBytes(narrowest(addresses, "http"));
  const tls = unlessBytes(narrowest(addresses, "tls"));
  const chain = (by: ChainPlan["by"], entry: Entry, suffix = ""): ChainPlan => ({
    ...branch,
    name: `${chainName(entry, branch)}${suffix}`,
    by,
    entries: [entry],
  });
  const chains: ChainPlan[] = [];
  if (tls !== undefined) chains.push(chain("tls", tls));
  else if (bytes === undefined) chains.push(...chainsByServerName(branch, names));
  if (http !== undefined) chains.push(chain("http", http));
  else if (bytes === undefined) chains.push(...chainByHost(branch, names));
  if (bytes === undefined) return chains;
  if (chains.length === 0) return [chain(undefined, bytes)];
  // Once one chain asks how a connection was recognised, Envoy finds no chain that does not.
  if (tls === undefined) chains.push(chain("tls", bytes, "_tls"));
  chains.push(chain("raw", bytes));
  return chains;
}

function chainsByServerName(branch: Branch, names: readonly NameEntry[]): readonly ChainPlan[] {
  return effective(names, "tls").map((entry) => ({
    ...branch,
    name: chainName(entry, branch),
    by: "tls" as const,
    ...(nameOf(entry) === "*" ? {} : { serverName: nameOf(entry) }),
    entries: [entry],
  }));
}

function chainByHost(branch: Branch, names: readonly NameEntry[]): readonly ChainPlan[] {
  const entries = effective(names, "http");
  const [first] = entries;
  if (first === undefined) return [];
  const isAlike = entries.every(({ protocol }) => protocol === first.protocol);
  const name = `${PASSTHROUGH_ORIGIN}_${isAlike ? first.protocol : "http"}_${branch.port ?? "*"}${inRange(branch.range)}`;
  return [{ ...branch, name, by: "http", entries }];
}

/** One entry for each name, the one of the port itself where there is another without port; more labels first. */
function effective(names: readonly NameEntry[], recognition: Entry["recognition"]): readonly NameEntry[] {
  const byName = new Map<string, NameEntry>();
  for (const entry of names) {
    if (entry.recognition !== recognition) continue;
    const known = byName.get(nameOf(entry));
    if (known === undefined || known.port === undefined) byName.set(nameOf(entry), entry);
  }
  return [...byName.values()].sort(compareNames);
}

function compareNames(a: NameEntry, b: NameEntry): number {
  const [aName, bName] = [nameOf(a), nameOf(b)];
  return (
    Number(aName.startsWith("*")) - Number(bName.startsWith("*")) ||
    bName.split(".").length - aName.split(".").length ||
    (aName < bName ? -1 : 1)
  );
}

function narrowest(
  addresses: readonly AddressEntry[],
  recognition: Entry["recognition"],
): AddressEntry | undefined {
  return addresses.filter((entry) => entry.recognition === recognition).sort(compareNarrow)[0];
}

/** The narrower range first, then the port itself before every port. */
function compareNarrow(a: AddressEntry, b: AddressEntry): number {
  return rangeOf(b).length - rangeOf(a).length || Number(a.port === undefined) - Number(b.port === undefined);
}

function chainName(entry: Entry, { port, range }: Branch): string {
  const { destination, protocol, value } = entry;
  const isHome =
    destination.kind === "name"
      ? range === undefined
      : rangeText(destination.range) === (range ? rangeText(range) : ALL[destination.range.family]);
  return `${PASSTHROUGH_ORIGIN}_${protocol}_${value}_${port ?? "*"}${isHome ? "" : inRange(range)}`;
}

const ALL = { 4: rangeText(everything(4)), 6: rangeText(everything(6)) } as const;

function inRange(range: IpRange | undefined): string {
  return range === undefined ? "" : `_in_${rangeText(range)}`;
}

function rangeOf({ destination }: AddressEntry): IpRange {
  return destination.range;
}

function nameOf({ destination }: NameEntry): string {
  return destination.name;
}

function isOfAddresses(entry: Entry): entry is AddressEntry {
  return entry.destination.kind === "addresses";
}

function isOfName(entry: Entry): entry is NameEntry {
  return entry.destination.kind === "name";
}
