import type { PolicyDefinition } from "@skein/policies";

/** Policies that stand alone, and those that must be heard together; each in their order. */
export interface Standing {
  readonly alone: readonly PolicyDefinition[];
  readonly together: readonly PolicyDefinition[];
}

export function byStanding(definitions: readonly PolicyDefinition[]): Standing {
  return {
    alone: definitions.filter(({ standsAlone }) => standsAlone === true),
    together: definitions.filter(({ standsAlone }) => standsAlone !== true),
  };
}
