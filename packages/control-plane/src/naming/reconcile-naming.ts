import { keyString, type Resource } from "@skein/model";
import type { Write } from "../store/store.ts";
import type { NamingProblem } from "./problem.ts";
import type { NamingWorld } from "./settings.ts";
import { WATCHED_TYPES, ZoneNaming } from "./zone-naming.ts";

/** What a whole store should be told. */
export interface NamingOutcome {
  readonly writes: readonly Write[];
  readonly problems: readonly NamingProblem[];
}

/**
 * Derives everything from the contents of a store at once: what `startNaming` comes to, change by change. The pools
 * should be new; they learn the addresses that services have, the oldest service first.
 */
export function reconcileNaming(
  resources: readonly Resource[],
  world: NamingWorld,
  now: number,
): NamingOutcome {
  const zone = new ZoneNaming(world);
  zone.apply(asChanges(resources));
  const writes = new Map<string, Write | undefined>();
  while (zone.isDirty) {
    for (const key of zone.takeDirty()) writes.set(keyString(key), zone.reconcile(key, now).write);
  }
  return { writes: [...writes.values()].filter((write) => write !== undefined), problems: zone.problems() };
}

/**
 * The contents of a store as if all had just been created: kinds in a useful order, and within a kind the oldest
 * first, so that the oldest service keeps an address that two have.
 */
export function asChanges(
  resources: readonly Resource[],
): readonly { readonly before: undefined; readonly after: Resource }[] {
  const byType = Map.groupBy(resources, ({ type }) => type);
  return WATCHED_TYPES.flatMap((type) =>
    (byType.get(type) ?? [])
      .toSorted((a, b) => (a.creationTime < b.creationTime ? -1 : a.creationTime > b.creationTime ? 1 : 0))
      .map((after) => ({ before: undefined, after })),
  );
}
