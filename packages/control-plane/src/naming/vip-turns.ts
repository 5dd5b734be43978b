import type { NewResource, Resource } from "@skein/model";
import type { Write } from "../store/store.ts";
import { ADDRESSED_TYPES, type AddressedType } from "./addressed.ts";
import type { VipPools } from "./vip-pools.ts";

/**
 * The kind of the one document that every transaction that gives out an address changes: it says whose turn is next in
 * each range. Two that give out addresses at the same time cannot both succeed, and a freed address is not given to
 * somebody else soon, not even after a restart. The control plane's own; the API does not show it.
 */
export const VIP_TURNS = "VipTurns";

const KEY = { type: VIP_TURNS, mesh: "", name: "zone" } as const;

/** By kind: the address whose turn is next. */
export interface VipTurnsSpec {
  readonly next: Readonly<Partial<Record<AddressedType, string>>>;
  /** Revision of the document that this one replaced, so that no two are alike and each write makes a revision. */
  readonly after: number;
}

/** Has the pools go on where the stored document says. */
export function resumeTurns(pools: VipPools, stored: Resource): void {
  const { next } = stored.spec as VipTurnsSpec;
  for (const type of ADDRESSED_TYPES) pools.of(type).resume(next[type] ?? "");
}

/** The write that goes with giving out addresses; it holds only if the document still has this revision. */
export function turnsWrite(pools: VipPools, revision: number | undefined): Write {
  const next = Object.fromEntries(ADDRESSED_TYPES.map((type) => [type, pools.of(type).turn]));
  const resource: NewResource<VipTurnsSpec> = { ...KEY, labels: {}, spec: { next, after: revision ?? 0 } };
  return revision === undefined
    ? { op: "create", resource }
    : { op: "update", resource, ifRevision: revision };
}
