import type { PolicyDefinition, PolicyResource } from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";

/** What policies say of proxies as a whole, once for all proxies that have the same policies of a kind. */
export class ProxyEntries {
  readonly #mesh: string;
  readonly #made = new WeakMap<readonly PolicyResource[], Map<PolicyDefinition, unknown>>();

  constructor(mesh: string) {
    this.#mesh = mesh;
  }

  /** @param policies as of `policyList`, or none */
  of(definition: PolicyDefinition, policies: readonly PolicyResource[] = NONE): unknown {
    if (definition.planProxy === undefined) return undefined;
    const made = getOrMake(this.#made, policies, () => new Map());
    if (!made.has(definition)) {
      made.set(definition, definition.planProxy({ policies, mesh: this.#mesh }));
    }
    return made.get(definition);
  }
}

const NONE: readonly PolicyResource[] = [];
