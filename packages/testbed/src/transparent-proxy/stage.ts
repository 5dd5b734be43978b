import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createNetwork, type Network } from "../net/network.ts";
import type { NetworkHost, RunAs } from "../net/network-host.ts";
import { until } from "../poll.ts";
import type { Child } from "../process/child.ts";
import type { Output } from "../process/run.ts";

const NODE = process.execPath;
/** The command line, for Node. */
export const CTL = join(import.meta.dirname, "../../../cli/bin/skeinctl.js");
const WITNESS_SOURCE = join(import.meta.dirname, "witness.py");

/** A way to program the packet filter that a test can insist on. */
export type Filter = "iptables-nft" | "iptables-legacy" | "nftables";
export const FILTERS: readonly Filter[] = ["iptables-nft", "iptables-legacy", "nftables"];

/** Who the proxy runs as, and an application. */
export const PROXY: RunAs = { uid: 5678 };
export const APP: RunAs = { uid: 1234 };

/** Two hosts: `here`, whose traffic is redirected, and `there`, which is what the world is to it. */
export interface Stage extends AsyncDisposable {
  readonly network: Network;
  readonly here: NetworkHost;
  readonly there: NetworkHost;
  /** Runs `skeinctl` in `here`, on one packet filter, or on whichever it chooses. */
  ctl(args: readonly string[], filter?: Filter, as?: RunAs): Promise<Output>;
  /** The same; throws when it fails. */
  check(args: readonly string[], filter?: Filter): Promise<Output>;
  /** Starts a server of that name in a host; it answers as witness.py says. */
  serve(host: NetworkHost, name: string, ports: readonly (number | string)[], as?: RunAs): Promise<void>;
  /** Starts `skeinctl` in `here`, as a process that can be signalled. */
  start(args: readonly string[]): Promise<Child>;
  /** What a call answers, in the words of witness.py. */
  call(
    from: NetworkHost,
    to: string,
    port: number,
    options?: { readonly as?: RunAs; readonly udp?: boolean; readonly source?: string },
  ): Promise<string>;
  /** Everything in the packet filters of `here` that is in force: tables that exist but are empty do not count. */
  filterState(): Promise<string>;
}

/** Makes the two hosts. `there` serves 53, 80, 9001 and 9002; `here` serves 8080 and 8081, and has the proxy where `proxy` says. */
export async function createStage(options: { readonly proxy: boolean }): Promise<Stage> {
  const network = await createNetwork({ hosts: ["here", "there"] });
  try {
    // Every user must be able to read it, wherever this checkout is.
    const witness = join(network.dir, "witness.py");
    writeFileSync(witness, readFileSync(WITNESS_SOURCE), { mode: 0o644 });
    const [here, there] = [network.host("here"), network.host("there")];
    here.users([{ name: "kuma-dp", uid: PROXY.uid }]);
    here.resolvers([there.ipv4, there.ipv6]);
    const startWitness = async (
      host: NetworkHost,
      name: string,
      args: readonly string[],
      as?: RunAs,
    ): Promise<void> => {
      const child = await host.start(name, ["python3", witness, ...args], as === undefined ? {} : { as });
      await until(`${child.name} listens`, () => child.tail().includes("listening"), { timeoutMs: 30_000 });
    };
    const serve: Stage["serve"] = (host, name, ports, as) =>
      startWitness(host, name, ["serve", name, ...ports.map(String)], as);
    await serve(there, "there", [53, 80, 9001, 9002]);
    await serve(here, "app", [8080, 8081], APP);
    if (options.proxy) await startWitness(here, "proxy", ["proxy"], PROXY);
    const ctl: Stage["ctl"] = (args, filter, as) => {
      const words = [NODE, CTL, ...args];
      return here.run([...insist(network, filter), ...words], {
        ...(as === undefined ? {} : { as }),
        env: { HOME: network.dir },
      });
    };
    return {
      network,
      here,
      there,
      ctl,
      serve,
      check: async (args, filter) => {
        const output = await ctl(args, filter);
        if (output.code !== 0)
          throw new Error(`skeinctl ${args.join(" ")}: ${output.code}\n${output.stderr}${output.stdout}`);
        return output;
      },
      start: (args) => here.start("skeinctl", [NODE, CTL, ...args], { env: { HOME: network.dir } }),
      call: async (from, to, port, { as, udp = false, source } = {}) => {
        const words = [
          "python3",
          witness,
          "call",
          udp ? "udp" : "tcp",
          to,
          String(port),
          ...(source === undefined ? [] : [source]),
        ];
        return (await from.check(words, as === undefined ? {} : { as })).trim();
      },
      filterState: () => filterState(here),
      [Symbol.asyncDispose]: () => network[Symbol.asyncDispose](),
    };
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}

/** Hides the programs of the other packet filters from a command, in a mount namespace of its own. */
function insist(network: Network, filter: Filter | undefined): readonly string[] {
  if (filter === undefined) return [];
  const hidden = {
    "iptables-nft": ["xtables-legacy-multi", "nft"],
    "iptables-legacy": ["xtables-nft-multi", "nft"],
    nftables: ["xtables-nft-multi", "xtables-legacy-multi"],
  }[filter];
  const script = join(network.dir, `only-${filter}`);
  const lines = hidden.map((name) => `mount --bind /dev/null "$(command -v ${name})"`);
  writeFileSync(script, `#!/bin/sh -e\n${lines.join("\n")}\nexec "$@"\n`);
  chmodSync(script, 0o755);
  return ["unshare", "--mount", "--propagation=private", script];
}

async function filterState(host: NetworkHost): Promise<string> {
  const states: string[] = [];
  for (const tool of [
    "iptables-nft-save",
    "ip6tables-nft-save",
    "iptables-legacy-save",
    "ip6tables-legacy-save",
  ]) {
    states.push(`${tool}\n${withoutEmptyTables(await host.check([tool]))}`);
  }
  const tables = (await host.check(["nft", "list", "ruleset"])).split(/^(?=table )/m);
  states.push(
    ...tables
      .filter((table) => /^table /.test(table) && !/^table ip6? (raw|mangle|nat|filter) /.test(table))
      .toSorted(),
  );
  states.push(await host.check(["ip", "-6", "address", "show", "dev", "lo"]));
  return states.join("\n");
}

/** Counters and dates differ from one moment to the next. */
function withoutEmptyTables(saved: string): string {
  return saved
    .split(/^(?=\*)/m)
    .map((table) => table.replace(/^#.*\n/gm, "").replace(/ \[\d+:\d+\]$/gm, ""))
    .filter((table) => /^-A|^:\S+ (?!ACCEPT)/m.test(table))
    .join("");
}
