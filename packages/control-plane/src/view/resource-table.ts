import type { Resource } from "@skein/model";
import type { Graph, Input, InputFamily, Readable } from "./graph.ts";
import { sameItems } from "./same-items.ts";

/** The resources of one kind, by name. */
export class ResourceTable<R extends Resource> {
  /** Sorted. */
  readonly names: Input<readonly string[]>;
  readonly #resources: InputFamily<string, R | undefined>;
  readonly #names = new Set<string>();

  constructor(graph: Graph) {
    this.#resources = graph.inputs<string, R | undefined>(undefined);
    this.names = graph.input<readonly string[]>([], sameItems);
  }

  at(name: string): Readable<R | undefined> {
    return this.#resources.at(name);
  }

  /** Takes in a change of one of them. */
  change(before: Resource | undefined, after: Resource | undefined): void {
    const name = (after ?? before)?.name ?? "";
    this.#resources.set(name, after as R | undefined);
    if (this.#names.has(name) === (after !== undefined)) return;
    if (after === undefined) this.#names.delete(name);
    else this.#names.add(name);
    this.names.set([...this.#names].sort());
  }
}
