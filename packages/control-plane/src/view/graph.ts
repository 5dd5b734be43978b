/**
 * Incremental evaluation: inputs that are set, and values derived from them by pure functions whose reads are recorded.
 *
 * A change marks what it can reach as stale (push) and recomputes only what somebody asks for (pull). A derived value
 * that comes out equal stops the change there: nothing behind it is recomputed. Because dependencies are recorded and
 * never declared, a result cannot miss an input; `incremental == from scratch` holds by construction.
 */
export interface Readable<T> {
  /** Reads the value; inside a derivation, records the dependency. */
  get(): T;
}

export interface Input<T> extends Readable<T> {
  set(value: T): void;
}

export interface Family<K extends string, T> {
  at(key: K): Readable<T>;
  /** Number of values held; for memory tests. */
  readonly size: number;
}

export interface Keyed<K extends string, T> {
  at(key: K, compute: () => T): Readable<T>;
  /** Number of values held; for memory tests. */
  readonly size: number;
}

export interface InputFamily<K extends string, T> {
  at(key: K): Readable<T>;
  set(key: K, value: T): void;
  /** What has been set, by key. */
  entries(): Iterable<readonly [K, T]>;
}

type Equal<T> = (a: T, b: T) => boolean;

const FRESH = 0;
/** Something upstream changed; whether it matters is not known yet. */
const CHECK = 1;
const STALE = 2;

class Node<T> implements Input<T> {
  readonly graph: Graph;
  readonly compute: (() => T) | undefined;
  readonly equal: Equal<T>;
  readonly onUnused: (() => void) | undefined;
  value: T;
  state: number;
  /** Graph clock when the value last changed. */
  changedAt = 0;
  computedAt = -1;
  sources: Node<unknown>[] = [];
  /** One by itself, because most nodes have one and a set weighs more than all the rest of a node. */
  observers: Node<unknown> | Set<Node<unknown>> | undefined;
  /** The last recomputation that found this node among what was read. */
  seenBy = 0;
  /** Set for observed nodes: told once when the node turns stale. */
  onStale: (() => void) | undefined;

  constructor(
    graph: Graph,
    initial: T,
    compute: (() => T) | undefined,
    equal: Equal<T>,
    onUnused: (() => void) | undefined,
  ) {
    this.graph = graph;
    this.value = initial;
    this.compute = compute;
    this.equal = equal;
    this.onUnused = onUnused;
    this.state = compute === undefined ? FRESH : STALE;
  }

  get(): T {
    const { reads } = this.graph;
    if (reads !== undefined) reads.push(this as Node<unknown>);
    else if (this.isUnused()) this.graph.unused.add(this as Node<unknown>);
    this.refresh();
    return this.value;
  }

  set(value: T): void {
    if (this.equal(this.value, value)) return;
    this.value = value;
    this.changedAt = ++this.graph.clock;
    this.tell(STALE);
  }

  mark(state: number): void {
    if (this.state >= state) return;
    const first = this.state === FRESH;
    this.state = state;
    if (!first) return;
    this.tell(CHECK);
    this.onStale?.();
  }

  refresh(): void {
    if (this.state === FRESH) return;
    if (this.state === CHECK) {
      for (const source of this.sources) {
        source.refresh();
        if (source.changedAt > this.computedAt) {
          this.state = STALE;
          break;
        }
      }
    }
    if (this.state === STALE) this.recompute();
    this.state = FRESH;
  }

  private recompute(): void {
    const { compute } = this;
    if (compute === undefined) return;
    const outer = this.graph.reads;
    const reads: Node<unknown>[] = [];
    this.graph.reads = reads;
    let value: T;
    try {
      value = compute();
    } finally {
      this.graph.reads = outer;
      this.readFrom(reads);
    }
    const first = this.computedAt < 0;
    this.computedAt = this.graph.clock;
    if (first || !this.equal(this.value, value)) {
      this.value = value;
      this.changedAt = this.graph.clock;
      if (!first) this.tell(STALE);
    }
  }

  /** Depends on these from now on, in the order in which they were read first. */
  private readFrom(reads: readonly Node<unknown>[]): void {
    const mark = ++this.graph.recomputations;
    const sources: Node<unknown>[] = [];
    for (const source of reads) {
      if (source.seenBy === mark) continue;
      source.seenBy = mark;
      sources.push(source);
      source.observe(this as Node<unknown>);
    }
    for (const source of this.sources) if (source.seenBy !== mark) source.release(this as Node<unknown>);
    this.sources = sources;
  }

  private observe(observer: Node<unknown>): void {
    const { observers } = this;
    if (observers === observer) return;
    if (observers === undefined) this.observers = observer;
    else if (observers instanceof Set) observers.add(observer);
    else this.observers = new Set([observers, observer]);
  }

  private tell(state: number): void {
    const { observers } = this;
    if (observers instanceof Set) for (const observer of observers) observer.mark(state);
    else observers?.mark(state);
  }

  isUnused(): boolean {
    return this.observers === undefined && this.onStale === undefined;
  }

  release(observer: Node<unknown>): void {
    const { observers } = this;
    if (observers === observer) this.observers = undefined;
    else if (observers instanceof Set && observers.delete(observer) && observers.size === 0)
      this.observers = undefined;
    if (this.isUnused()) this.graph.unused.add(this as Node<unknown>);
  }

  drop(): void {
    if (!this.isUnused()) return;
    for (const source of this.sources) source.release(this as Node<unknown>);
    this.sources = [];
    if (this.compute !== undefined) this.state = STALE;
    this.onUnused?.();
  }
}

/** One world of inputs and derived values. */
export class Graph {
  clock = 0;
  recomputations = 0;
  /** What the derivation that runs has read so far. */
  reads: Node<unknown>[] | undefined;
  readonly unused = new Set<Node<unknown>>();

  /** An input; `equal` decides whether setting it changes anything (identity by default). */
  input<T>(initial: T, equal: Equal<T> = Object.is): Input<T> {
    return new Node<T>(this, initial, undefined, equal, undefined);
  }

  /** Inputs by key; a key never set reads as `absent`. */
  inputs<K extends string, T>(absent: T, equal: Equal<T> = Object.is): InputFamily<K, T> {
    const nodes = new Map<K, Node<T>>();
    const at = (key: K): Node<T> => {
      let node = nodes.get(key);
      if (node === undefined) {
        const made: Node<T> = new Node<T>(this, absent, undefined, equal, () => {
          if (nodes.get(key) === made && equal(made.value, absent)) nodes.delete(key);
        });
        node = made;
        nodes.set(key, node);
      }
      return node;
    };
    return {
      at,
      set: (key, value) => {
        const node = at(key);
        node.set(value);
        if (node.observers === undefined && equal(value, absent)) nodes.delete(key);
      },
      *entries() {
        for (const [key, { value }] of nodes) if (!equal(value, absent)) yield [key, value];
      },
    };
  }

  /** A value computed from others. */
  derived<T>(compute: () => T, equal: Equal<T> = Object.is): Readable<T> {
    return new Node<T>(this, undefined as T, compute, equal, undefined);
  }

  /** Values computed per key, each kept while something depends on it. */
  family<K extends string, T>(compute: (key: K) => T, equal: Equal<T> = Object.is): Family<K, T> {
    const values = this.keyed<K, T>(equal);
    return {
      at: (key) => values.at(key, () => compute(key)),
      get size() {
        return values.size;
      },
    };
  }

  /** The same where whoever asks knows how to compute the value: equal keys must mean equal computations. */
  keyed<K extends string, T>(equal: Equal<T> = Object.is): Keyed<K, T> {
    const nodes = new Map<K, Node<T>>();
    return {
      at: (key, compute) => {
        let node = nodes.get(key);
        if (node === undefined) {
          const made: Node<T> = new Node<T>(this, undefined as T, compute, equal, () => {
            if (nodes.get(key) === made) nodes.delete(key);
          });
          node = made;
          nodes.set(key, node);
        }
        return node;
      },
      get size() {
        return nodes.size;
      },
    };
  }

  /**
   * Keeps a value alive and says once, each time it may have changed; reading it arms the next call.
   * Returns the function that ends it.
   */
  observe<T>(readable: Readable<T>, onStale: () => void): () => void {
    if (!(readable instanceof Node)) throw new TypeError("only values of a graph can be observed");
    readable.onStale = onStale;
    return () => {
      readable.onStale = undefined;
      if (readable.isUnused()) this.unused.add(readable);
    };
  }

  /** Lets go of derived values that nothing depends on any more. Call it between batches, not inside a derivation. */
  sweep(): void {
    for (const node of this.unused) {
      this.unused.delete(node);
      node.drop();
    }
  }
}
