import assert from "node:assert/strict";
import { BlockList } from "node:net";

/** JSON of a message; only looked into by field name. */
type Json = Readonly<Record<string, unknown>>;

/** A redirected connection, and what its client says first. */
export interface Connection {
  readonly address: string;
  readonly port: number;
  readonly says:
    | { readonly kind: "bytes" }
    /** The client waits for the server. */
    | { readonly kind: "nothing" }
    | { readonly kind: "tls"; readonly sni?: string; readonly alpn: readonly string[] }
    | { readonly kind: "http"; readonly host: string; readonly version: "http/1.0" | "http/1.1" | "h2c" };
}

export interface Passage {
  /** The cluster that gets it; `undefined` where it is refused. */
  readonly cluster: string | undefined;
  /** It had to wait for the inspectors to give up. */
  readonly hasWaited: boolean;
}

/** Sends a connection through the JSON of a listener as Envoy documents it: one way down a tree, and never back. */
export function passage(listener: unknown, connection: Connection): Passage {
  const { says, port } = connection;
  const filters = list(object(listener).listenerFilters);
  const sees = (inspector: string): boolean =>
    filters.some((each) => isNamed(each, inspector) && runs(object(each), port));
  const [tls, http] = [sees("tls_inspector"), sees("http_inspector")];
  const hasWaited = says.kind === "nothing" && (tls || http);
  if (hasWaited && object(listener).continueOnListenerFiltersTimeout !== true) {
    return { cluster: undefined, hasWaited };
  }
  const isTls = says.kind === "tls" && tls;
  const seen = {
    ...connection,
    sni: isTls ? (says.sni ?? "") : "",
    transport: isTls ? "tls" : "raw_buffer",
    protocols: isTls ? says.alpn : says.kind === "http" && http ? [says.version] : [],
  };
  const chain = choose(list(object(listener).filterChains).map(object), seen);
  return { cluster: chain && clusterFor(chain, says), hasWaited };
}

interface Seen extends Connection {
  readonly sni: string;
  readonly transport: string;
  readonly protocols: readonly string[];
}

function choose(chains: readonly Json[], seen: Seen): Json | undefined {
  const match = (chain: Json): Json => object(chain.filterChainMatch ?? {});
  let left = narrowed(chains, (chain) => number(match(chain).destinationPort), [seen.port, undefined]);
  const prefixes = left
    .flatMap((chain) => prefixesOf(match(chain)))
    .filter((each) => each.holds(seen.address));
  const longest = Math.max(...prefixes.map(({ length }) => length));
  left = left.filter((chain) =>
    prefixesOf(match(chain)).some((each) => each.length === longest && each.holds(seen.address)),
  );
  left = narrowed(left, (chain) => list(match(chain).serverNames)[0], [...serverNames(seen.sni), undefined]);
  left = narrowed(left, (chain) => match(chain).transportProtocol, [seen.transport, undefined]);
  const speaks = left.filter((chain) =>
    list(match(chain).applicationProtocols).some((each) => seen.protocols.includes(each as string)),
  );
  left =
    speaks.length > 0 ? speaks : left.filter((chain) => list(match(chain).applicationProtocols).length === 0);
  assert.ok(left.length < 2, `these chains overlap: ${left.map(({ name }) => name).join(", ")}`);
  return left[0];
}

/** The chains that ask for the first of some values that any chain asks for. */
function narrowed(
  chains: readonly Json[],
  asks: (chain: Json) => unknown,
  values: readonly unknown[],
): Json[] {
  for (const value of values) {
    const found = chains.filter((chain) => asks(chain) === value);
    if (found.length > 0) return found;
  }
  return [];
}

function serverNames(sni: string): readonly string[] {
  if (sni === "") return [];
  const labels = sni.split(".");
  return [sni, ...labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join(".")}`)];
}

function prefixesOf(match: Json): readonly { readonly length: number; holds(address: string): boolean }[] {
  const ranges = list(match.prefixRanges).map(object);
  if (ranges.length === 0) return [{ length: 0, holds: () => true }];
  return ranges.map(({ addressPrefix, prefixLen }) => {
    const family = String(addressPrefix).includes(":") ? "ipv6" : "ipv4";
    const block = new BlockList();
    block.addSubnet(String(addressPrefix), Number(prefixLen), family);
    return {
      length: Number(prefixLen),
      holds: (address) => block.check(address, address.includes(":") ? "ipv6" : "ipv4"),
    };
  });
}

function clusterFor(chain: Json, says: Connection["says"]): string | undefined {
  const [filter] = list(chain.filters).map(object);
  const { cluster, routeConfig } = object(filter?.typedConfig);
  if (typeof cluster === "string") return cluster;
  assert.equal(says.kind, "http", "only HTTP gets to a connection manager");
  if (says.kind !== "http") return undefined;
  const host = says.host.toLowerCase();
  const hosts = list(object(routeConfig).virtualHosts).map(object);
  const found = hostForms(host)
    .map((form) => hosts.find(({ domains }) => list(domains).includes(form)))
    .find((each) => each !== undefined);
  const [route] = list(found?.routes).map(object);
  const to = object(route?.route ?? {}).cluster;
  return typeof to === "string" ? to : undefined;
}

/** What Envoy looks for: the host itself, the longest `*…`, the longest `…*`, then `*`. */
function hostForms(host: string): readonly string[] {
  const suffixes = Array.from(host, (_, i) => `*${host.slice(i + 1)}`).slice(0, -1);
  const prefixes = Array.from(host, (_, i) => `${host.slice(0, host.length - i - 1)}*`).slice(0, -1);
  return [host, ...suffixes, ...prefixes, "*"];
}

function runs(filter: Json, port: number): boolean {
  return filter.filterDisabled === undefined || !holds(object(filter.filterDisabled), port);
}

function holds(predicate: Json, port: number): boolean {
  const [[kind, value] = ["", undefined]] = Object.entries(predicate);
  switch (kind) {
    case "destinationPortRange": {
      const { start, end } = object(value);
      return port >= Number(start) && port < Number(end);
    }
    case "notMatch":
      return !holds(object(value), port);
    case "orMatch":
      return list(object(value).rules).some((rule) => holds(object(rule), port));
    default:
      return assert.fail(`unknown predicate ${kind}`);
  }
}

function isNamed(filter: unknown, name: string): boolean {
  return object(filter).name === `envoy.filters.listener.${name}`;
}

function object(value: unknown): Json {
  assert.ok(typeof value === "object" && value !== null, `not an object: ${JSON.stringify(value)}`);
  return value as Json;
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  assert.ok(Array.isArray(value));
  return value;
}

function number(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}
