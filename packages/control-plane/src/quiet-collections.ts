import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { collectGarbage } from "./collect-garbage.ts";

/** How long nothing must have been going on, nearly. */
const QUIET_MS = 50;
/** The share of it in which something was, all the same. */
const BUSY = 0.2;
/** What a collection has to give back, as a share of what stays: less than V8 waits for, or it would begin in the next change. */
const WORTH = 1 / 6;
/**
 * Bytes that may be in use. A collection takes nearly a millisecond for each megabyte that stays, in which nothing else happens;
 * beyond this it is V8's, which goes about it in steps.
 */
const MOST = 256 * 2 ** 20;

/** What is known of the process. */
export interface Engine {
  /** Bytes in use by JavaScript objects and their buffers, what is garbage included. */
  inUse(): number;
  collect(): void;
  /** Begins to watch the event loop. @returns what tells the share of the time since then in which it was busy */
  watch(): () => number;
}

const NODE: Engine = {
  inUse() {
    const { used_heap_size, external_memory } = getHeapStatistics();
    return used_heap_size + external_memory;
  },
  collect: collectGarbage,
  watch() {
    const before = performance.eventLoopUtilization();
    return () => performance.eventLoopUtilization(before).utilization;
  },
};

/**
 * Collects garbage when a change is over and nothing else goes on. Left to itself V8 begins when the heap has grown enough, which is
 * in the middle of a change: then it marks beside the work, on threads that want the same cores, and keeps both what the
 * change replaces and what it puts in its place.
 */
export class QuietCollections {
  readonly #engine: Engine;
  /** What stayed the last time, as far as is known. */
  #stays: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(engine: Engine = NODE) {
    this.#engine = engine;
    this.#stays = engine.inUse();
  }

  /** Something was done that leaves garbage. */
  worked(): void {
    if (this.#timer === undefined) this.#wait();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(): void {
    const busy = this.#engine.watch();
    this.#timer = setTimeout(() => {
      if (busy() > BUSY) this.#wait();
      else this.#quiet();
    }, QUIET_MS).unref();
  }

  #quiet(): void {
    this.#timer = undefined;
    const inUse = this.#engine.inUse();
    // V8 may have collected meanwhile.
    this.#stays = Math.min(this.#stays, inUse);
    if (inUse > MOST || inUse < this.#stays * (1 + WORTH)) return;
    this.#engine.collect();
    this.#stays = this.#engine.inUse();
  }
}
