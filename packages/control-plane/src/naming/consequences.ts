import type { Change } from "../store/store.ts";
import { ADDRESSED_TYPES } from "./addressed.ts";

/**
 * Which writes follow from which: those of a pass from all that came before it. What follows from these is theirs, so
 * that who waits for all of it comes to an end however much else is written meanwhile.
 */
export class Consequences {
  #resolve: (revisions: readonly number[]) => void = () => undefined;
  /** Of writes that the next pass is about; absent while there are none. */
  #next: Promise<readonly number[]> | undefined;
  #current: ((revisions: readonly number[]) => void) | undefined;
  readonly #revisions = new Set<number>();

  /** Tells of writes that the next pass is about. */
  follow(
    changes: readonly Change[],
    tell: (revision: number, consequences: Promise<readonly number[]>) => void,
  ): void {
    this.#next ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const written = changes.filter(({ before, after }) => !(after ?? before)?.type.endsWith("Insight"));
    for (const revision of new Set(written.map((change) => change.revision))) tell(revision, this.#next);
  }

  /** A pass begins. */
  begin(): void {
    this.#current = this.#next && this.#resolve;
    this.#next = undefined;
    this.#revisions.clear();
  }

  /** Something was written: in a pass it is what follows. Counts and turns concern no proxy. */
  written(changes: readonly Change[]): void {
    if (this.#current === undefined) return;
    for (const { revision, before, after } of changes) {
      if (ADDRESSED_TYPES.some((type) => type === (after ?? before)?.type)) this.#revisions.add(revision);
    }
  }

  /** The pass is over; `isMoreToCome` where another will be. */
  end(isMoreToCome: boolean): void {
    this.#current?.([...this.#revisions]);
    this.#current = undefined;
    if (isMoreToCome || this.#next === undefined) return;
    this.#resolve([]);
    this.#next = undefined;
  }
}
