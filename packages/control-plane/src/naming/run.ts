import type { Resource } from "@skein/model";
import type { Clock } from "../identity/clock.ts";
import type { Store } from "../store/store.ts";
import { Consequences } from "./consequences.ts";
import { Pace } from "./pace.ts";
import type { NamingProblem } from "./problem.ts";
import { asChanges } from "./reconcile-naming.ts";
import type { DataplaneFacts, NamingSettings } from "./settings.ts";
import { parseVipRanges, type VipCidrs, VipPools } from "./vip-pools.ts";
import { type NamingLog, Writer } from "./writer.ts";
import { WATCHED_TYPES, ZoneNaming } from "./zone-naming.ts";

/** What `startNaming` needs. */
export interface NamingOptions extends DataplaneFacts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: NamingLog;
  readonly settings: NamingSettings;
  /** `ipam` and `dnsServer.CIDR`: the IPv4 range of the addresses of each kind. */
  readonly vipCidrs: VipCidrs;
  /** Hears of each write from which others may follow, with the revisions of those that did. */
  readonly follow?: (revision: number, consequences: Promise<readonly number[]>) => void;
  /** How long to wait for further changes before acting on one; more under load. Default 5. */
  readonly batchMs?: number;
  /** Changes that are only counts of proxies are written at most this often. Default 1000. */
  readonly countsMs?: number;
}

/** The derivation of services and Workloads, running. */
export interface Naming {
  /** Stops. What is being written is written; nothing else is. Several instances on one store do not harm
   * each other, but do the same work. */
  stop(): Promise<void>;
  /**
   * Resolves when everything that follows from what the store holds is written, counts included. Does not wait for
   * what the store has refused and is tried again later (see `problems`), nor for grace periods.
   */
  idle(): Promise<void>;
  /** What keeps derived resources from being what they should be. */
  problems(): readonly NamingProblem[];
  /** Says that `connected`, `identitiesOf` or `acceptsTls` answer differently for a dataplane, or for any of a mesh. */
  wake(mesh: string, dataplane?: string): void;
}

const SLICE = 256;

/**
 * Keeps MeshServices and Workloads as their dataplanes say: creates, names, addresses, counts and in time deletes
 * them. Names and addresses the other kinds of services, too. Acts on changes only; a mesh at rest costs nothing. One document is written once for all that has changed about
 * it.
 *
 * @throws Error when one of `vipCidrs` is not an IPv4 range, or two of them overlap that should not
 */
export function startNaming(options: NamingOptions): Naming {
  const { store, clock, log, settings, batchMs = 5, countsMs = 1000 } = options;
  const pools = new VipPools(parseVipRanges(options.vipCidrs));
  const zone = new ZoneNaming({ facts: options, settings, pools });
  const writer = new Writer({ store, clock, log, zone, countsMs, onRetry: request });
  const pace = new Pace(clock, batchMs);
  const followed = new Consequences();
  let isStopped = false;
  let running: Promise<void> | undefined;
  let cancelPass: (() => void) | undefined;
  let cancelDue: (() => void) | undefined;

  function request(): void {
    if (isStopped || running !== undefined || cancelPass !== undefined) return;
    cancelPass = clock.schedule(pace.delayMs, () => {
      cancelPass = undefined;
      void pass();
    });
  }

  function pass(): Promise<void> {
    running = reconcileDirty().finally(() => {
      running = undefined;
      followed.end(zone.isDirty);
      if (isStopped) return;
      watchDue();
      if (zone.isDirty || writer.isDue) request();
    });
    return running;
  }

  async function reconcileDirty(): Promise<void> {
    pace.begin();
    writer.begin();
    followed.begin();
    const keys = zone.takeDirty();
    for (let start = 0; start < keys.length && !isStopped; start += SLICE) {
      if (start > 0) await new Promise((resolve) => setImmediate(resolve));
      const began = clock.now();
      for (const key of keys.slice(start, start + SLICE)) writer.reconcile(key);
      pace.add(clock.now() - began);
      await writer.flush();
    }
  }

  function watchDue(): void {
    cancelDue?.();
    const due = zone.nextDue;
    cancelDue =
      due === undefined
        ? undefined
        : clock.schedule(Math.min(Math.max(due - clock.now(), 0), MAX_TIMER_MS), () => {
            zone.markDue(clock.now());
            if (zone.isDirty) request();
            else watchDue();
          });
  }

  const unwatch = store.watch((changes) => {
    zone.apply(changes);
    followed.written(changes);
    if (!zone.isDirty) return;
    if (options.follow !== undefined) followed.follow(changes, options.follow);
    request();
  });
  zone.apply(asChanges(WATCHED_TYPES.flatMap((type): readonly Resource[] => store.list({ type }))));
  request();

  return {
    async stop() {
      isStopped = true;
      unwatch();
      cancelPass?.();
      cancelDue?.();
      writer.stop();
      await running;
    },
    async idle() {
      while (!isStopped) {
        writer.expediteCounts();
        if (running !== undefined) await running;
        else if (zone.isDirty || writer.isDue) {
          cancelPass?.();
          cancelPass = undefined;
          await pass();
        } else return;
      }
    },
    problems: () => [...zone.problems(), ...writer.problems()],
    wake(mesh, dataplane) {
      zone.wake(mesh, dataplane);
      if (zone.isDirty) request();
    },
  };
}

const MAX_TIMER_MS = 2 ** 31 - 1;
