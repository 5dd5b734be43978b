import { isRecord, records } from "../json.ts";
import { addressBytes, isMapped, reverseName } from "./ip-address.ts";
import { encodeName, encodeRecord, type Records, TYPE } from "./message.ts";

/** What a name has, encoded. A family without records is one that the name does not have. */
export interface NameEntry {
  readonly a: Records;
  readonly aaaa: Records;
  readonly ptr: Records;
  /** What goes with "the name has none of these": how long that may be remembered. */
  readonly soa: Records;
}

/** Names of the mesh by their keys, as `readQuestion` makes them. */
export interface NameTable {
  readonly names: ReadonlyMap<string, NameEntry>;
  /** Where the mesh has its names, as keys: `mesh.local` where it has `api.svc.mesh.local`, `mesh` with `api.mesh`. */
  readonly domains: ReadonlySet<string>;
  /** Entries of the document that are none, in words. */
  readonly problems: readonly string[];
}

export const EMPTY_TABLE: NameTable = { names: new Map(), domains: new Set(), problems: [] };

const DEFAULT_TTL = 30;

interface Draft {
  readonly a: Map<string, Buffer>;
  readonly aaaa: Map<string, Buffer>;
  ptr: Buffer | undefined;
}

/**
 * The table of a document `{"records": [{"name", "ips"}], "ttl"}`, as the control plane gives it. An address of IPv4 in
 * IPv6's clothes is passed over: it is the same address once more, and no socket for IPv6 only can connect to it.
 * Throws where the text is no such document; what is wrong with one entry costs that entry.
 */
export function readNameTable(text: string): NameTable {
  const document: unknown = JSON.parse(text);
  if (!isRecord(document) || !Array.isArray(document.records))
    throw new TypeError("it has no list of records");
  const ttl = typeof document.ttl === "number" && document.ttl >= 0 ? Math.floor(document.ttl) : DEFAULT_TTL;
  const drafts = new Map<string, Draft>();
  const problems: string[] = [];
  const domains = new Set<string>();
  const draft = (name: Buffer): Draft => {
    const key = name.toString("latin1").toLowerCase();
    const found = drafts.get(key) ?? { a: new Map(), aaaa: new Map(), ptr: undefined };
    drafts.set(key, found);
    return found;
  };
  for (const { name, ips } of records(document.records)) {
    const wire = typeof name === "string" ? encodeName(name) : undefined;
    if (wire === undefined) {
      problems.push(`${JSON.stringify(name)} is not a name`);
      continue;
    }
    const entry = draft(wire);
    for (const domain of endings(wire.toString("latin1").toLowerCase()).slice(-1)) domains.add(domain);
    for (const ip of Array.isArray(ips) ? ips : []) {
      const bytes = typeof ip === "string" ? addressBytes(ip) : undefined;
      if (bytes === undefined) problems.push(`${name}: ${JSON.stringify(ip)} is not an IP address`);
      else if (!isMapped(bytes)) {
        (bytes.length === 4 ? entry.a : entry.aaaa).set(bytes.toString("hex"), bytes);
        const reverse = encodeName(reverseName(bytes));
        // An address that several names lead to goes back to the first of them.
        if (reverse !== undefined) draft(reverse).ptr ??= wire;
      }
    }
  }
  const names = new Map([...drafts].map(([key, each]) => [key, encodeEntry(each, ttl)]));
  return { names, domains, problems };
}

/** Whether a name, by its key, is where the mesh has names: it may be one that has just come. */
export function isInDomain({ domains }: NameTable, key: string): boolean {
  return endings(key).some((ending) => domains.has(ending));
}

/** The last label of a name and its last two, as keys, as far as there is something before them. */
function endings(key: string): readonly string[] {
  const starts: number[] = [];
  for (let at = 0; key.charCodeAt(at) > 0; at += key.charCodeAt(at) + 1) starts.push(at);
  return [starts.at(-1), starts.at(-2)].slice(0, starts.length - 1).map((start) => key.slice(start));
}

function encodeEntry({ a, aaaa, ptr }: Draft, ttl: number): NameEntry {
  return {
    a: encodeAll(TYPE.a, ttl, [...a.values()]),
    aaaa: encodeAll(TYPE.aaaa, ttl, [...aaaa.values()]),
    ptr: encodeAll(TYPE.ptr, ttl, ptr === undefined ? [] : [ptr]),
    soa: encodeAll(TYPE.soa, ttl, [startOfAuthority(ttl)]),
  };
}

function encodeAll(type: number, ttl: number, data: readonly Buffer[]): Records {
  return { count: data.length, bytes: Buffer.concat(data.map((each) => encodeRecord(type, ttl, each))) };
}

/** Every name is a zone of its own, so that clients may remember what it does not have (RFC 2308). */
function startOfAuthority(ttl: number): Buffer {
  const numbers = Buffer.alloc(20);
  const [serial, refresh, retry, expire] = [1, 3600, 600, 86_400];
  for (const [index, value] of [serial, refresh, retry, expire, ttl].entries()) {
    numbers.writeUInt32BE(value, index * 4);
  }
  // The question's name is its server, and the name behind "hostmaster".
  return Buffer.concat([QUESTION, Buffer.from("\x0ahostmaster", "latin1"), QUESTION, numbers]);
}

const QUESTION = Buffer.from([0xc0, 0x0c]);
