/** What became of one item. */
export type Outcome<R> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly error: unknown };

export interface InOrderOptions<T, R> {
  /** Actions at a time. */
  readonly width: number;
  readonly action: (item: T) => Promise<R>;
  readonly waitsFor: (later: T, earlier: T) => boolean;
  /** Called in the order of the items, as soon as an item and all before it are done. */
  readonly done: (outcome: Outcome<R>) => void;
}

/**
 * Acts on items, several at a time, and begins with them in their order: with none before those that it waits for are
 * done, and with none more once one has failed. Resolves when all that began are done.
 */
export async function actInOrder<T, R>(items: readonly T[], options: InOrderOptions<T, R>): Promise<void> {
  const { width, action, waitsFor, done } = options;
  const running = new Map<number, Promise<void>>();
  const outcomes = new Map<number, Outcome<R>>();
  let reported = 0;
  let failed = false;

  function finish(index: number, outcome: Outcome<R>): void {
    running.delete(index);
    outcomes.set(index, outcome);
    failed ||= !outcome.ok;
    for (let next = outcomes.get(reported); next !== undefined; next = outcomes.get(reported)) {
      outcomes.delete(reported);
      reported += 1;
      done(next);
    }
  }

  for (const [index, item] of items.entries()) {
    const isHeldUp = (): boolean =>
      running.size >= width || [...running.keys()].some((other) => waitsFor(item, items[other] as T));
    while (!failed && isHeldUp()) await Promise.race(running.values());
    if (failed) break;
    const acting = action(item).then(
      (value) => finish(index, { ok: true, value }),
      (error: unknown) => finish(index, { ok: false, error }),
    );
    running.set(index, acting);
  }
  await Promise.all(running.values());
}
