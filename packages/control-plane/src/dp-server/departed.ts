import { collectGarbage } from "../collect-garbage.ts";

/** So many connections that ended hold some 10 MB. */
const MANY = 100;
/** Of those that are there: what a collection costs grows with all of them. */
const SHARE = 0.2;
/** More may end, and a proxy that comes back should not have to wait. */
const QUIET_MS = 500;
const LATEST_MS = 5_000;

/**
 * Gives back what connections held that have ended. Most of it are buffers of TLS and HTTP/2 outside of the heap, which go
 * when a collection finds the objects that own them; the heap grows too little by these for that to be soon. So when many have
 * ended, garbage is collected once, as soon as no more end.
 */
export class Departed {
  readonly #collect: () => void;
  #ended = 0;
  #timer: NodeJS.Timeout | undefined;
  #latest = 0;

  constructor(collect: () => void = collectGarbage) {
    this.#collect = collect;
  }

  /** A connection has ended. @param left how many there are still */
  ended(left: number): void {
    this.#ended += 1;
    if (this.#ended < MANY || this.#ended < left * SHARE) return;
    const now = performance.now();
    if (this.#timer === undefined) this.#latest = now + LATEST_MS;
    else if (now + QUIET_MS > this.#latest) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#now(), QUIET_MS).unref();
  }

  #now(): void {
    this.#timer = undefined;
    this.#ended = 0;
    this.#collect();
  }
}
