import { createSecureContext } from "node:tls";
import type { JsonObject } from "@bufbuild/protobuf";
import { encodeNode } from "./messages.ts";
import { type AckRecord, createSimulatedProxy, type SimulatedProxy } from "./proxy.ts";
import type { References } from "./references.ts";

export type { AckRecord, SimulatedProxy } from "./proxy.ts";

/** The node of one simulated proxy, as a launcher describes it. */
export interface SimulatedNode {
  /** `<mesh>.<name>`. */
  readonly id: string;
  readonly cluster: string;
  /** Node metadata, such as `dataplane.resource`, `features`, `version`; `launcherMetadata` makes it. */
  readonly metadata: JsonObject;
}

/** Options of `startFleet`. */
export interface FleetOptions {
  readonly count: number;
  /** `https://host:port` of the control plane's xDS port. */
  readonly target: string;
  /** PEM of the CA that the control plane's certificate is checked against. */
  readonly caPem: string;
  readonly nodeFor: (index: number) => SimulatedNode;
  readonly token: (index: number) => string;
  readonly onAck?: (ack: AckRecord) => void;
  /** A stream ended; the reason is its gRPC status and message. */
  readonly onClose?: (proxy: number, reason: string) => void;
  /** Milliseconds over which the connections are opened. */
  readonly rampMs?: number;
  /** Handshakes at a time. */
  readonly concurrency?: number;
  /** Size of the stand-in for Envoy's list of extensions in the first request. */
  readonly extensionBytes?: number;
}

/** Simulated proxies that have been started. */
export interface SimulatedFleet {
  readonly proxies: readonly SimulatedProxy[];
  /** Sums over all proxies. */
  totals(): {
    readonly responses: number;
    readonly acks: number;
    readonly resources: number;
    readonly bytes: number;
  };
  /** Resolves when `condition` holds; looked at after each ACK. @throws after the deadline */
  until(condition: () => boolean, deadlineMs: number): Promise<void>;
  /** Drops every connection and connects again, all at once or `concurrency` at a time. */
  reconnectAll(concurrency?: number): Promise<void>;
  close(): void;
}

/** Connects `count` simulated proxies and resolves when all have their first listeners. */
export async function startFleet(options: FleetOptions, readyDeadlineMs = 120_000): Promise<SimulatedFleet> {
  const context = createSecureContext({ ca: options.caPem });
  const references = new Map<string, References>();
  const waiting = new Set<() => void>();
  const onAck = (ack: AckRecord): void => {
    options.onAck?.(ack);
    for (const check of waiting) check();
  };
  const proxies = Array.from({ length: options.count }, (_, index) => {
    const { id, cluster, metadata } = options.nodeFor(index);
    return createSimulatedProxy({
      index,
      url: options.target,
      context,
      node: encodeNode(id, cluster, metadata, options.extensionBytes ?? 57_000),
      token: options.token(index),
      onAck,
      references,
      ...(options.onClose === undefined ? {} : { onClose: options.onClose }),
    });
  });

  const fleet: SimulatedFleet = {
    proxies,
    totals() {
      const sum = { responses: 0, acks: 0, resources: 0, bytes: 0 };
      for (const { counts } of proxies) {
        sum.responses += counts.responses;
        sum.acks += counts.acks;
        sum.resources += counts.resources;
        sum.bytes += counts.bytes;
      }
      return sum;
    },
    until: (condition, deadlineMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`not reached within ${deadlineMs} ms`));
        }, deadlineMs);
        const check = (): void => {
          if (!condition()) return;
          waiting.delete(check);
          clearTimeout(timer);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    reconnectAll: (concurrency = proxies.length) => connectAll(proxies, concurrency, 0),
    close() {
      for (const proxy of proxies) proxy.close();
    },
  };
  await connectAll(proxies, options.concurrency ?? 16, options.rampMs ?? 0);
  let firstUnready = 0;
  await fleet.until(() => {
    while (proxies[firstUnready]?.ready === true) firstUnready += 1;
    return firstUnready === proxies.length;
  }, readyDeadlineMs);
  return fleet;
}

/** Node metadata as a launcher of this system sends it. */
export function launcherMetadata(dataplane: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    "dataplane.resource": JSON.stringify(dataplane),
    "dataplane.proxyType": "dataplane",
    "dataplane.admin.port": "9901",
    "dataplane.readinessReporter.port": "9902",
    "dataplane.dns.port": "15054",
    features: [
      "feature-tcp-accesslog-via-named-pipe",
      "feature-strict-inbound-ports",
      "feature-reuse-port",
      "feature-delta-grpc",
      "feature-unified-resource-naming",
    ],
    version: { envoy: { version: "1.40.0", build: "simulated", kumaDpCompatible: true } },
    workdir: "/tmp",
    ipv6Enabled: true,
    ...more,
  };
}

async function connectAll(
  proxies: readonly SimulatedProxy[],
  concurrency: number,
  rampMs: number,
): Promise<void> {
  const start = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let proxy = proxies[next++]; proxy !== undefined; proxy = proxies[next++]) {
      const due = start + (rampMs * proxy.index) / proxies.length;
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      await proxy.connect();
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, proxies.length) }, worker));
}
