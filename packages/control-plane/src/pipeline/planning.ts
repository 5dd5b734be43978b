import type { ProxyPlan } from "@skein/policies";
import type { Store } from "../store/store.ts";
import type { ControlPlaneMetrics } from "../telemetry/metrics.ts";
import type { ChangeLog } from "./change-log.ts";
import type { ConnectedProxy } from "./proxies.ts";
import { Scheduler } from "./scheduler.ts";
import type { World } from "./world.ts";

export interface PlanningOptions {
  readonly world: World;
  readonly store: Store;
  readonly changes: ChangeLog;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly batchMs: number;
  readonly batchMaxMs: number;
  readonly metrics: Pick<ControlPlaneMetrics, "planned" | "planningFailed">;
  readonly log: { error(details: object, message: string): void };
  readonly proxyOf: (id: string) => ConnectedProxy | undefined;
  /** The plan of a connected proxy changed. */
  readonly onPlanned: (proxy: ConnectedProxy, plan: ProxyPlan | undefined) => void;
  /** A planning cycle ended. */
  readonly onEnd: () => void;
}

/** Plans connected proxies in cycles, gives them what is new, and tells the change log what it is about. */
export class Planning {
  readonly #options: PlanningOptions;
  readonly #scheduler: Scheduler;
  /** Changes that the current planning cycle is about. */
  #changes: readonly number[] = [];
  #generation = 0;

  constructor(options: PlanningOptions) {
    this.#options = options;
    const { changes } = options;
    let cycle: readonly number[] = [];
    this.#scheduler = new Scheduler({
      now: options.monotonic,
      batchMs: options.batchMs,
      batchMaxMs: options.batchMaxMs,
      sliceMs: 8,
      plan: (id) => this.#plan(id),
      onBegin: () => {
        cycle = changes.unplanned();
        this.#changes = cycle;
      },
      onEnd: () => {
        changes.planned(cycle);
        options.world.graph.sweep();
        options.onEnd();
      },
    });
  }

  get isIdle(): boolean {
    return this.#scheduler.isIdle;
  }

  whenIdle(): Promise<void> {
    return this.#scheduler.whenIdle();
  }

  /** What a proxy should hold may have changed. */
  mark(id: string): void {
    this.#scheduler.mark(id);
  }

  /** Resources changed: what they affect is planned soon. */
  changed(revision: number): void {
    this.#options.changes.begin(revision);
    this.#changes = [...this.#changes, revision];
    this.#scheduler.request();
  }

  /** Something other than a resource changed what proxies should hold. */
  replan(): void {
    this.#scheduler.request();
  }

  #plan(id: string): void {
    const proxy = this.#options.proxyOf(id);
    if (proxy === undefined) return;
    const { world, store, log, metrics, monotonic } = this.#options;
    const mesh = world.mesh(proxy.mesh);
    const began = monotonic();
    try {
      const config = mesh.config.at(proxy.name).get();
      this.#options.onPlanned(proxy, mesh.planner.plan.at(proxy.name).get());
      // Listeners and clusters whose certificate is still being issued would be live and refuse everybody.
      proxy.waitsFor = config?.missing ?? [];
      if (config === undefined || config === proxy.config || config.missing.length > 0) return;
      this.#generation += 1;
      proxy.push(config, this.#generation, store.revision, this.#causes(proxy.mesh));
      proxy.pushedAt = monotonic();
      metrics.planned(proxy.pushedAt - began);
    } catch (error) {
      metrics.planningFailed();
      log.error({ err: error, proxy: id }, "planning a proxy failed; it keeps what it has");
    }
  }

  /** The changes that a new configuration of a mesh's proxy belongs to. */
  #causes(mesh: string): readonly number[] {
    const held = this.#options.changes.held(mesh);
    return held.length === 0 ? this.#changes : [...new Set([...this.#changes, ...held])];
  }
}
