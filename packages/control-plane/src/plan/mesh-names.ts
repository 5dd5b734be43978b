import type { ServiceAddress } from "@skein/model";
import type { DnsRecord } from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { Family, Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { sameItems } from "../view/same-items.ts";
import { Interned } from "./interned.ts";

/** What naming gave to a service: hostnames, and addresses of the mesh. */
interface NamedStatus {
  readonly addresses?: readonly ServiceAddress[] | undefined;
  readonly vips?: readonly { readonly ip?: string | undefined }[] | undefined;
  /** The only one of a MeshExternalService. */
  readonly vip?: { readonly ip?: string | undefined } | undefined;
}

/** Services of one kind: their keys, sorted, and the records of each. */
interface NamedServices {
  readonly keys: Readable<readonly string[]>;
  readonly at: Family<string, readonly DnsRecord[]>["at"];
}

/**
 * The names of a mesh's services. Proxies that reach the same addresses know the same names: their lists are one object,
 * made once, so what is made of it is made once.
 */
export class MeshNames {
  readonly #all: Readable<readonly DnsRecord[]>;
  readonly #lists = new Interned<readonly DnsRecord[]>();
  /** By all names, then by the list of outbounds, as long as both are the same. */
  readonly #made = new WeakMap<readonly DnsRecord[], WeakMap<readonly object[], readonly DnsRecord[]>>();

  constructor(graph: Graph, view: MeshView) {
    const named = (keys: NamedServices["keys"], status: (key: string) => NamedStatus | undefined) => {
      const { at } = graph.family<string, readonly DnsRecord[]>(
        (key) => statusRecords(status(key) ?? {}),
        sameJson,
      );
      return { keys, at };
    };
    const { serviceNames, externalServices, multiZoneServices, taggedServices } = view;
    const kinds: readonly NamedServices[] = [
      named(serviceNames, (key) => view.service.at(key).get()?.status),
      named(externalServices.names, (key) => externalServices.at(key).get()?.status),
      named(multiZoneServices.names, (key) => multiZoneServices.at(key).get()?.status),
      named(taggedServices.names, (key) => taggedServices.at(key).get()?.status),
    ];
    this.#all = graph.derived(
      () => kinds.flatMap(({ keys, at }) => keys.get().flatMap((key) => at(key).get())),
      sameItems,
    );
  }

  /** The names that lead to the addresses of these outbounds. Many proxies may pass one list. */
  of(outbounds: readonly { readonly address: string }[]): readonly DnsRecord[] {
    const all = this.#all.get();
    const made = getOrMake(this.#made, all, () => new WeakMap());
    let records = made.get(outbounds);
    if (records === undefined) {
      const found = dnsRecords(all, new Set(outbounds.map(({ address }) => address)));
      records = this.#lists.get(JSON.stringify(found), () => found);
      made.set(outbounds, records);
    }
    return records;
  }
}

/**
 * The records that one proxy should know, sorted by name: those whose addresses it has an outbound for. A name that two
 * services have is the first one's.
 */
export function dnsRecords(all: readonly DnsRecord[], reached: ReadonlySet<string>): readonly DnsRecord[] {
  const found = new Map<string, DnsRecord>();
  for (const record of all) {
    if (found.has(record.name)) continue;
    const ips = record.ips.filter((ip) => reached.has(ip));
    if (ips.length > 0)
      found.set(record.name, ips.length === record.ips.length ? record : { ...record, ips });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The records of one service, by its status. */
export function statusRecords({ addresses = [], vips = [], vip }: NamedStatus): readonly DnsRecord[] {
  const ips = [...vips, ...(vip === undefined ? [] : [vip])].flatMap(({ ip }) => (ip ? [ip] : []));
  if (ips.length === 0) return [];
  return addresses.flatMap(({ hostname }) => (hostname ? [{ name: hostname.toLowerCase(), ips }] : []));
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
