import type { ChangeItem, ChangeStatus, ChangeTracker, RejectedResource } from "../api/ports.ts";
import type { Fragment, FragmentName } from "../xds/fragment.ts";

/** One proxy's part in a change. */
interface Item {
  readonly mesh: string;
  readonly name: string;
  state: ChangeItem["state"];
  afterMs: number | undefined;
  /** Resources that are new, different or gone. Not the fragments: those would keep every superseded byte. */
  readonly resources: readonly FragmentName[];
  rejected: readonly RejectedResource[];
}

interface Change {
  readonly id: number;
  /** Milliseconds since the epoch, and of the monotonic clock. */
  readonly time: number;
  readonly began: number;
  planned: boolean;
  /** Follow-up work that belongs to this change is still to come. */
  holds: number;
  items: Map<string, Item> | undefined;
  readonly counts: { affected: number; acknowledged: number; behind: number; rejected: number; gone: number };
  lastAcknowledged: number | undefined;
  waiting: (() => void)[];
}

export interface ChangeLogOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** Changes remembered. */
  readonly capacity?: number;
  /** Items remembered over all changes: the oldest settled changes lose theirs first. */
  readonly itemCapacity?: number;
}

/** Follows every write until the last proxy it concerns has answered. */
export class ChangeLog implements ChangeTracker {
  readonly #options: ChangeLogOptions;
  readonly #capacity: number;
  readonly #itemCapacity: number;
  readonly #changes = new Map<number, Change>();
  /** Those that have items, the oldest first. */
  readonly #withItems = new Set<Change>();
  /** By mesh and change: how many holds there are. */
  readonly #held = new Map<string, Map<number, number>>();
  readonly #unplanned = new Set<number>();
  readonly #ends = new WeakMap<Promise<readonly number[]>, Promise<void>>();
  #items = 0;

  constructor(options: ChangeLogOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? 10_000;
    this.#itemCapacity = options.itemCapacity ?? 10_000;
  }

  /** A write was committed. */
  begin(id: number): void {
    if (this.#changes.has(id)) return;
    this.#changes.set(id, {
      id,
      time: this.#options.now(),
      began: this.#options.monotonic(),
      planned: false,
      holds: 0,
      items: undefined,
      counts: { affected: 0, acknowledged: 0, behind: 0, rejected: 0, gone: 0 },
      lastAcknowledged: undefined,
      waiting: [],
    });
    this.#unplanned.add(id);
    this.#forget();
  }

  /** Changes whose effects are not evaluated yet. */
  unplanned(): readonly number[] {
    return [...this.#unplanned];
  }

  /** Changes of a mesh with follow-up work to come: what is planned meanwhile belongs to them too. */
  held(mesh: string): readonly number[] {
    return [...(this.#held.get(mesh)?.keys() ?? [])];
  }

  /** More changes of a mesh will follow from this write; call the returned function when they are through. */
  hold(id: number, mesh: string): () => void {
    this.begin(id);
    const held = this.#held.get(mesh) ?? new Map<number, number>();
    this.#held.set(mesh, held);
    held.set(id, (held.get(id) ?? 0) + 1);
    const change = this.#changes.get(id);
    if (change === undefined) return () => undefined;
    change.holds += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = (held.get(id) ?? 1) - 1;
      if (left > 0) held.set(id, left);
      else held.delete(id);
      change.holds -= 1;
      this.#settle(change);
    };
  }

  /**
   * From a write follow others, with changes of their own: it is not settled before they are. Unlike with `hold`, what they
   * do to proxies is told of them only. Many writes may share one promise, and cost one wait.
   */
  async follow(id: number, consequences: Promise<readonly number[]>): Promise<void> {
    const change = this.#changes.get(id);
    if (change === undefined) return;
    change.holds += 1;
    const end = this.#ends.get(consequences) ?? this.#allSettled(consequences);
    this.#ends.set(consequences, end);
    await end;
    change.holds -= 1;
    this.#settle(change);
  }

  async #allSettled(ids: Promise<readonly number[]>): Promise<void> {
    for (const id of await ids) await this.settled(id, new AbortController().signal);
  }

  /** These changes altered what a proxy should hold. */
  affected(ids: Iterable<number>, mesh: string, name: string, fragments: readonly Fragment[]): void {
    const resources = fragments.map(nameOf);
    for (const id of ids) {
      const change = this.#changes.get(id);
      if (change === undefined) continue;
      change.items ??= new Map();
      const key = `${mesh}/${name}`;
      const known = change.items.get(key);
      if (known === undefined) {
        change.items.set(key, { mesh, name, state: "behind", afterMs: undefined, resources, rejected: [] });
        this.#withItems.add(change);
        this.#items += 1;
        change.counts.affected += 1;
        change.counts.behind += 1;
      } else {
        change.items.set(key, { ...known, resources: [...known.resources, ...resources] });
        this.#move(change, change.items.get(key), "behind");
      }
    }
  }

  /** Everything that these changes affect has been found. */
  planned(ids: Iterable<number>): void {
    for (const id of ids) {
      const change = this.#changes.get(id);
      if (change === undefined) continue;
      change.planned = true;
      this.#unplanned.delete(id);
      this.#settle(change);
    }
  }

  /** A proxy's answer to these changes. */
  answered(
    ids: Iterable<number>,
    mesh: string,
    name: string,
    state: "acknowledged" | "rejected" | "gone",
    rejected: readonly RejectedResource[] = [],
  ): void {
    for (const id of ids) {
      const change = this.#changes.get(id);
      const item = change?.items?.get(`${mesh}/${name}`);
      if (change === undefined || item === undefined || item.state === state) continue;
      item.rejected = rejected;
      item.afterMs = this.#options.monotonic() - change.began;
      if (state === "acknowledged") change.lastAcknowledged = item.afterMs;
      this.#move(change, item, state);
      this.#settle(change);
    }
  }

  status(id: number): ChangeStatus | undefined {
    const change = this.#changes.get(id);
    if (change === undefined) return undefined;
    return {
      id,
      time: new Date(change.time).toISOString(),
      state: isSettled(change) ? "settled" : change.planned ? "pending" : "planning",
      proxies: { ...change.counts },
      ...(change.lastAcknowledged === undefined
        ? {}
        : { lastAcknowledgedAfterMs: Math.round(change.lastAcknowledged * 10) / 10 }),
      items: Array.from(change.items?.values() ?? [], itemStatus),
    };
  }

  settled(id: number, signal: AbortSignal): Promise<void> {
    const change = this.#changes.get(id);
    if (change === undefined || isSettled(change) || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      change.waiting.push(done);
    });
  }

  #move(change: Change, item: Item | undefined, state: Item["state"]): void {
    if (item === undefined || item.state === state) return;
    change.counts[item.state] -= 1;
    item.state = state;
    change.counts[state] += 1;
  }

  #settle(change: Change): void {
    if (!isSettled(change)) return;
    // No later write may come for long, and what a storm of them left would stay.
    this.#forgetItems(change);
    if (change.waiting.length === 0) return;
    const waiting = change.waiting;
    change.waiting = [];
    for (const resolve of waiting) resolve();
  }

  #forget(): void {
    this.#forgetItems();
    if (this.#changes.size <= this.#capacity) return;
    for (const [id, change] of this.#changes) {
      if (this.#changes.size <= this.#capacity) return;
      if (!isSettled(change)) continue;
      this.#dropItems(change);
      this.#changes.delete(id);
    }
  }

  /** @param except whoever waited for it may ask for its items next */
  #forgetItems(except?: Change): void {
    if (this.#items <= this.#itemCapacity) return;
    for (const change of this.#withItems) {
      if (this.#items <= this.#itemCapacity) return;
      if (change !== except && isSettled(change)) this.#dropItems(change);
    }
  }

  #dropItems(change: Change): void {
    this.#items -= change.items?.size ?? 0;
    change.items = undefined;
    this.#withItems.delete(change);
  }
}

/** The same object for all proxies that are sent the fragment. */
function nameOf({ notes, type, name }: Fragment): FragmentName {
  notes.name ??= { type, name };
  return notes.name;
}

function isSettled(change: Change): boolean {
  return change.planned && change.holds === 0 && change.counts.behind === 0;
}

function itemStatus(item: Item): ChangeItem {
  const resources = new Map(item.resources.map(({ type, name }) => [`${type} ${name}`, { type, name }]));
  return {
    mesh: item.mesh,
    name: item.name,
    state: item.state,
    ...(item.afterMs === undefined ? {} : { afterMs: Math.round(item.afterMs * 10) / 10 }),
    resources: [...resources.values()],
    ...(item.rejected.length === 0 ? {} : { rejected: item.rejected }),
  };
}
