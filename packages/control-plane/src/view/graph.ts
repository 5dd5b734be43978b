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
  /** @param compute kept for as long as the value is, and told the key */
  at(key: K, compute: (key: K) => T): Readable<T>;
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

/** What nodes of one kind have in common; each has only what is its own, because there are tens for every proxy. */
interface Home<T> {
  readonly graph: Graph;
  readonly equal: Equal<T>;
  /** Where nodes are found that nobody may need any more. */
  readonly nodes: Map<string, Node<T>> | undefined;
  /** Whether a node may go although nobody can compute it again. */
  readonly isForgettable: (value: T) => boolean;
}

const NONE: readonly Node<unknown>[] = [];
/** From so many observers on a set finds them sooner than a list. */
const MOST_LISTED = 8;

class Node<T> implements Input<T> {
  readonly home: Home<T>;
  readonly key: string;
  readonly compute: ((key: string) => T) | undefined;
  value: T;
  state: number;
  /** Graph clock when the value last changed. */
  changedAt = 0;
  computedAt = -1;
  /** In the order in which they are read first. */
  sources = NONE;
  /** One by itself and a few in a list, because most nodes have few and a set weighs more than all the rest of a node. */
  observers: Node<unknown> | readonly Node<unknown>[] | Set<Node<unknown>> | undefined;
  /** The last recomputation that found this node among what was read. */
  seenBy = 0;
  /** Set for observed nodes: told once when the node turns stale. */
  onStale: (() => void) | undefined;

  constructor(home: Home<T>, key: string, initial: T, compute: ((key: string) => T) | undefined) {
    this.home = home;
    this.key = key;
    this.value = initial;
    this.compute = compute;
    this.state = compute === undefined ? FRESH : STALE;
  }

  get(): T {
    const { graph } = this.home;
    if (graph.depth > 0) graph.reads[graph.top++] = this as Node<unknown>;
    else if (this.isUnused()) graph.unused.add(this as Node<unknown>);
    this.refresh();
    return this.value;
  }

  set(value: T): void {
    if (this.home.equal(this.value, value)) return;
    this.value = value;
    this.changedAt = ++this.home.graph.clock;
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
    const { graph, equal } = this.home;
    const base = graph.top;
    graph.depth += 1;
    let value: T;
    try {
      value = compute(this.key);
    } finally {
      graph.depth -= 1;
      this.readFrom(base);
      graph.top = base;
    }
    const first = this.computedAt < 0;
    this.computedAt = graph.clock;
    if (first || !equal(this.value, value)) {
      this.value = value;
      this.changedAt = graph.clock;
      if (!first) this.tell(STALE);
    }
  }

  /** Depends from now on on what has been read since then. */
  private readFrom(base: number): void {
    const { graph } = this.home;
    const { reads, top } = graph;
    const mark = ++graph.recomputations;
    let count = 0;
    let isSame = true;
    for (let at = base; at < top; at++) {
      const source = reads[at] as Node<unknown>;
      if (source.seenBy === mark) continue;
      source.seenBy = mark;
      reads[base + count] = source;
      isSame &&= this.sources[count] === source;
      count += 1;
    }
    if (isSame && count === this.sources.length) return;
    const sources = count === 0 ? NONE : reads.slice(base, base + count);
    for (const source of sources) source.observe(this as Node<unknown>);
    for (const source of this.sources) if (source.seenBy !== mark) source.release(this as Node<unknown>);
    this.sources = sources;
  }

  private observe(observer: Node<unknown>): void {
    const { observers } = this;
    if (observers === undefined) this.observers = observer;
    else if (observers instanceof Set) observers.add(observer);
    else if (observers instanceof Node) {
      if (observers !== observer) this.observers = [observers, observer];
    } else if (!observers.includes(observer)) {
      this.observers =
        observers.length < MOST_LISTED ? observers.concat(observer) : new Set(observers).add(observer);
    }
  }

  private tell(state: number): void {
    const { observers } = this;
    if (observers instanceof Node) observers.mark(state);
    else for (const observer of observers ?? NONE) observer.mark(state);
  }

  isUnused(): boolean {
    return this.observers === undefined && this.onStale === undefined;
  }

  release(observer: Node<unknown>): void {
    const { observers } = this;
    if (observers === observer) this.observers = undefined;
    else if (observers instanceof Set) {
      observers.delete(observer);
      if (observers.size === 0) this.observers = undefined;
    } else if (observers !== undefined && !(observers instanceof Node)) {
      const rest = observers.filter((each) => each !== observer);
      this.observers = rest.length > 1 ? rest : rest[0];
    }
    if (this.isUnused()) this.home.graph.unused.add(this as Node<unknown>);
  }

  drop(): void {
    if (!this.isUnused()) return;
    for (const source of this.sources) source.release(this as Node<unknown>);
    this.sources = NONE;
    if (this.compute !== undefined) this.state = STALE;
    const { nodes, isForgettable } = this.home;
    if (nodes?.get(this.key) === this && isForgettable(this.value)) nodes.delete(this.key);
  }
}

/** One world of inputs and derived values. */
export class Graph {
  clock = 0;
  recomputations = 0;
  /** How many derivations run, each for the one before it. */
  depth = 0;
  /** What they have read so far, one after the other, up to `top`. */
  readonly reads: Node<unknown>[] = [];
  top = 0;
  readonly unused = new Set<Node<unknown>>();

  /** An input; `equal` decides whether setting it changes anything (identity by default). */
  input<T>(initial: T, equal: Equal<T> = Object.is): Input<T> {
    return new Node<T>(this.#alone(equal), "", initial, undefined);
  }

  /** Inputs by key; a key never set reads as `absent`. */
  inputs<K extends string, T>(absent: T, equal: Equal<T> = Object.is): InputFamily<K, T> {
    const nodes = new Map<string, Node<T>>();
    const home: Home<T> = { graph: this, equal, nodes, isForgettable: (value) => equal(value, absent) };
    const at = (key: K): Node<T> => {
      let node = nodes.get(key);
      if (node === undefined) {
        node = new Node<T>(home, key, absent, undefined);
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
        for (const [key, { value }] of nodes) if (!equal(value, absent)) yield [key as K, value];
      },
    };
  }

  /** A value computed from others. */
  derived<T>(compute: () => T, equal: Equal<T> = Object.is): Readable<T> {
    return new Node<T>(this.#alone(equal), "", undefined as T, compute);
  }

  /** Values computed per key, each kept while something depends on it. */
  family<K extends string, T>(compute: (key: K) => T, equal: Equal<T> = Object.is): Family<K, T> {
    const values = this.keyed<K, T>(equal);
    return {
      at: (key) => values.at(key, compute),
      get size() {
        return values.size;
      },
    };
  }

  /** The same where whoever asks knows how to compute the value: equal keys must mean equal computations. */
  keyed<K extends string, T>(equal: Equal<T> = Object.is): Keyed<K, T> {
    const nodes = new Map<string, Node<T>>();
    const home: Home<T> = { graph: this, equal, nodes, isForgettable: () => true };
    return {
      at: (key, compute) => {
        let node = nodes.get(key);
        if (node === undefined) {
          node = new Node<T>(home, key, undefined as T, compute as (key: string) => T);
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
    this.reads.length = 0;
    for (const node of this.unused) {
      this.unused.delete(node);
      node.drop();
    }
  }

  #alone<T>(equal: Equal<T>): Home<T> {
    return { graph: this, equal, nodes: undefined, isForgettable: () => false };
  }
}
