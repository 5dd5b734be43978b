import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ProxyStatus } from "../api/ports.ts";
import type { HealthMetrics } from "../hds/health-server.ts";
import type { Store } from "../store/store.ts";

export interface MetricsSources {
  readonly version: string;
  readonly instanceId: string;
  readonly zone: string;
  readonly store: Store;
  readonly types: readonly string[];
  readonly streams: () => number;
  readonly healthStreams: () => number;
  readonly proxies: () => Iterable<Pick<ProxyStatus, "state" | "conditions">>;
  /** Problems of derived services and workloads. */
  readonly namingProblems: () => number;
}

/** The control plane's own metrics, under the names that Kuma's dashboards read, and what happens is counted with. */
export interface ControlPlaneMetrics {
  readonly registry: Registry;
  sent(): void;
  answered(rejected: boolean): void;
  /** Milliseconds from a new configuration to its acknowledgement. */
  delivered(ms: number): void;
  planned(ms: number): void;
  planningFailed(): void;
  certificate(failed: boolean): void;
  /** A write of a resource of this type was answered with warnings. */
  warned(type: string, warnings: number): void;
  readonly health: HealthMetrics;
}

const MILLISECONDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** Makes the registry; gauges are read when somebody scrapes. */
export function controlPlaneMetrics(sources: MetricsSources): ControlPlaneMetrics {
  const registry = new Registry();
  const registers = [registry];
  // By default the event loop is looked at every 10 ms, which alone costs half a percent of a core.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1000 });
  new Gauge({
    name: "cp_info",
    help: "The control plane that answers.",
    labelNames: ["version", "instance_id", "zone", "product"],
    registers,
  }).set(
    { version: sources.version, instance_id: sources.instanceId, zone: sources.zone, product: "Skein" },
    1,
  );
  new Gauge({ name: "leader", help: "1 on the instance that leads.", registers }).set(1);
  new Gauge({
    name: "xds_streams_active",
    help: "Open xDS streams.",
    registers,
    collect() {
      this.set(sources.streams());
    },
  });
  new Gauge({
    name: "resources_count",
    help: "Stored resources by type.",
    labelNames: ["resource_type", "zone"],
    registers,
    collect() {
      for (const type of sources.types) {
        this.set({ resource_type: type, zone: sources.zone }, sources.store.list({ type }).length);
      }
    },
  });
  new Gauge({
    name: "skein_store_revision",
    help: "Revision of the newest write.",
    registers,
    collect() {
      this.set(sources.store.revision);
    },
  });
  new Gauge({
    name: "skein_naming_problems",
    help: "Derived services and workloads that are not what their dataplanes ask for.",
    registers,
    collect() {
      this.set(sources.namingProblems());
    },
  });
  new Gauge({
    name: "skein_proxy_conditions",
    help: "Things about proxies that somebody should know, by type.",
    labelNames: ["type"],
    registers,
    collect() {
      this.reset();
      for (const { conditions } of sources.proxies()) {
        for (const { type } of conditions) this.inc({ type });
      }
    },
  });
  new Gauge({
    name: "skein_proxies",
    help: "Proxies by how what they hold compares with what they should hold.",
    labelNames: ["state"],
    registers,
    collect() {
      const counts = { "in-sync": 0, behind: 0, rejected: 0, offline: 0 };
      for (const { state } of sources.proxies()) counts[state] += 1;
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
    },
  });
  const warnings = new Counter({
    name: "skein_write_warnings",
    help: "Warnings with which writes and deletions were answered.",
    labelNames: ["resource_type"],
    registers,
  });
  const responses = new Counter({ name: "xds_responses_sent", help: "xDS responses sent.", registers });
  const requests = new Counter({
    name: "xds_requests_received",
    help: "Answers of proxies to xDS responses.",
    labelNames: ["confirmation"],
    registers,
  });
  const delivery = new Histogram({
    name: "xds_delivery",
    help: "Milliseconds from a new configuration to its acknowledgement.",
    buckets: MILLISECONDS,
    registers,
  });
  const generation = new Histogram({
    name: "xds_generation",
    help: "Milliseconds to plan and translate for one proxy.",
    buckets: [0.1, 0.2, 0.5, ...MILLISECONDS],
    registers,
  });
  const failures = new Counter({
    name: "xds_generation_errors",
    help: "Proxies whose planning failed.",
    registers,
  });
  const certificates = new Counter({
    name: "cert_generation",
    help: "Workload certificates issued.",
    registers,
  });
  const certificateFailures = new Counter({
    name: "cert_generation_failure",
    help: "Workload certificates that could not be issued.",
    registers,
  });
  new Gauge({
    name: "hds_streams_active",
    help: "Open health discovery streams.",
    registers,
    collect() {
      this.set(sources.healthStreams());
    },
  });
  const healthRequests = new Counter({
    name: "hds_requests_received",
    help: "Requests and reports of proxies on health discovery streams.",
    registers,
  });
  const healthResponses = new Counter({
    name: "hds_responses_sent",
    help: "Specifiers of health checks sent.",
    registers,
  });
  const healthGeneration = new Histogram({
    name: "hds_generation",
    help: "Milliseconds to find out what a proxy should check.",
    buckets: [0.1, 0.2, 0.5, ...MILLISECONDS],
    registers,
  });
  const healthFailures = new Counter({
    name: "hds_generation_errors",
    help: "Proxies for which it could not be found out what they should check.",
    registers,
  });
  return {
    registry,
    health: {
      received: () => healthRequests.inc(),
      sent: () => healthResponses.inc(),
      generated: (ms) => healthGeneration.observe(ms),
      generationFailed: () => healthFailures.inc(),
    },
    sent: () => responses.inc(),
    answered: (rejected) => requests.inc({ confirmation: rejected ? "NACK" : "ACK" }),
    delivered: (ms) => delivery.observe(ms),
    planned: (ms) => generation.observe(ms),
    planningFailed: () => failures.inc(),
    warned: (type, count) => warnings.inc({ resource_type: type }, count),
    certificate: (failed) => (failed ? certificateFailures : certificates).inc(),
  };
}
