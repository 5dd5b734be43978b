import { messageOf } from "../launch-error.ts";
import type { LaunchPlan } from "../launch-plan.ts";
import type { Logger } from "../log.ts";
import { DnsServer } from "./dns-server.ts";
import { randomNumbers } from "./random-numbers.ts";
import { RecordsFeed } from "./records-feed.ts";
import { ResolvConfFile } from "./resolv-conf.ts";

/** DNS of a running sidecar. */
export interface RunningDns {
  /** There are names, or have been waited for long enough that the proxy should not wait any more. */
  settled(): boolean;
  /** Counters, as Prometheus reads them. */
  metrics(): string;
  close(): void;
}

/** A proxy without names is better than no proxy: a control plane may have none to give. */
const WAIT_FOR_NAMES_MS = 15_000;

/**
 * Serves DNS for a sidecar, before its Envoy runs and after. `undefined`, having said why, where it cannot.
 * @param now in ms
 */
export async function runDns(
  plan: NonNullable<LaunchPlan["dns"]>,
  log: Logger,
  now: () => number = () => performance.now(),
): Promise<RunningDns | undefined> {
  const resolvConf = new ResolvConfFile(plan.resolvConf, now);
  const stopping = new AbortController();
  let hasTable = false;
  const feed = new RecordsFeed({
    socketPath: plan.configSocket,
    log,
    signal: stopping.signal,
    now,
    onTable: (table) => {
      hasTable = true;
      server.use(table);
    },
  });
  const server = new DnsServer({
    addresses: plan.addresses,
    port: plan.port,
    resolvConf: () => resolvConf.current(),
    log,
    random: randomNumbers(),
    now,
    news: () => feed.news(),
  });
  const where = plan.addresses
    .map((address) => (address.includes(":") ? `[${address}]` : address))
    .join(", ");
  try {
    await server.listen();
  } catch (error) {
    log.error(
      `DNS cannot be served on port ${plan.port} of ${where}; end what uses it, or choose another --dns-proxy-port for this proxy and for the redirection`,
      { reason: messageOf(error) },
    );
    return undefined;
  }
  log.info("serving DNS", { addresses: plan.addresses, port: plan.port });
  const started = now();
  void feed.run();
  return {
    settled: () => hasTable || now() - started >= WAIT_FOR_NAMES_MS,
    metrics: () => server.metrics(),
    close: () => {
      stopping.abort();
      server.close();
    },
  };
}
