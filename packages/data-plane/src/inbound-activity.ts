import type { CallAdmin } from "./envoy-admin.ts";
import { type Json, record, records } from "./json.ts";

/** Names of the counters that tell whether inbound work is going on. */
export interface InboundScopes {
  readonly http: ReadonlySet<string>;
  readonly tcp: ReadonlySet<string>;
}

const DUMP = "/config_dump?resource=dynamic_listeners";
const STATS = `/stats?filter=${encodeURIComponent("^(http|tcp)\\..*\\.downstream_(rq|cx)_active$")}`;

/**
 * Which statistics belong to inbound listeners, from their configuration and not from their names: names are the
 * control plane's affair.
 */
export function inboundScopes(configDump: string): InboundScopes {
  const http = new Set<string>();
  const tcp = new Set<string>();
  const dump: unknown = JSON.parse(configDump);
  for (const entry of records(record(dump).configs)) {
    for (const state of ["active_state", "draining_state"]) {
      const listener = record(record(entry[state]).listener);
      if (listener.traffic_direction !== "INBOUND") continue;
      for (const filter of filtersOf(listener)) {
        const config = record(filter.typed_config);
        const type = typeof config["@type"] === "string" ? config["@type"] : "";
        if (typeof config.stat_prefix !== "string") continue;
        if (type.endsWith(".HttpConnectionManager")) http.add(statName(config.stat_prefix));
        if (type.endsWith(".TcpProxy")) tcp.add(statName(config.stat_prefix));
      }
    }
  }
  return { http, tcp };
}

/** HTTP requests and TCP connections that are still being served. */
export function countActive(scopes: InboundScopes, stats: string): number {
  let active = 0;
  for (const line of stats.split("\n")) {
    const [, kind, scope, counter, value] =
      /^(http|tcp)\.(.+)\.downstream_(rq|cx)_active: (\d+)$/.exec(line) ?? [];
    if (scope === undefined) continue;
    if (kind === "http" && counter === "rq" && scopes.http.has(statName(scope))) active += Number(value);
    if (kind === "tcp" && counter === "cx" && scopes.tcp.has(statName(scope))) active += Number(value);
  }
  return active;
}

/** Asks a running Envoy how much inbound work it still does. */
export async function activeInbound(admin: CallAdmin): Promise<number> {
  const scopes = inboundScopes((await admin("GET", DUMP)).body);
  return countActive(scopes, (await admin("GET", STATS)).body);
}

function filtersOf(listener: Json): Json[] {
  const chains = [...records(listener.filter_chains), record(listener.default_filter_chain)];
  return chains.flatMap((chain) => records(chain.filters));
}

/** Envoy writes `:` as `_` in names of statistics. */
function statName(text: string): string {
  return text.replaceAll(":", "_");
}
