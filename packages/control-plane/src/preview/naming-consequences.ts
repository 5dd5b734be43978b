import type { Resource } from "@skein/model";
import { vipsOf } from "../naming/addressed.ts";
import { asChanges } from "../naming/reconcile-naming.ts";
import type { DataplaneFacts, NamingSettings } from "../naming/settings.ts";
import { parseVipRanges, type VipCidrs, VipPools } from "../naming/vip-pools.ts";
import { VIP_TURNS } from "../naming/vip-turns.ts";
import { type DerivedKey, ZoneNaming } from "../naming/zone-naming.ts";
import type { Slices } from "../pipeline/slices.ts";
import type { Change, Store, Write } from "../store/store.ts";
import { chunks } from "./chunks.ts";

/** What the zone's derivation of services and names is set to, and what it knows besides the store. */
export interface NamingEnvironment {
  readonly settings: NamingSettings;
  readonly vipCidrs: VipCidrs;
  readonly connected: DataplaneFacts["connected"];
}

/** One mesh, with a change that has been made to the draft. */
export interface NamedMesh {
  readonly mesh: string;
  /** The documents of the mesh before the change. */
  readonly documents: readonly Resource[];
  readonly changes: readonly Change[];
  /** Takes what follows, too. */
  readonly draft: Store;
  /** About the mesh as it is after the change. */
  readonly facts: DataplaneFacts;
  /** The facts may be others than those that the stored services come from. */
  readonly haveFactsChanged: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What follows. */
export interface Derivation {
  readonly changes: readonly Change[];
  /** What has to be known about it. */
  readonly notes: readonly string[];
}

/** More than any chain of consequences has: services, what stands for them, and names that are free then. */
const MOST_ROUNDS = 20;
const PER_TRANSACTION = 64;
const APPLIED_AT_ONCE = 50;

/**
 * What naming does in consequence of a change: the same derivation, made over a draft until nothing is left to do. Its
 * pools are its own. They start from the addresses and the turns that are stored, as the live ones did or would after a
 * restart, so they give out what those would. What naming owes to earlier changes is not taken for a consequence.
 */
export class NamingConsequences {
  readonly #settings: NamingSettings;
  readonly #pools: VipPools;
  readonly #generators: readonly Resource[];
  /**
   * Whose turn it is in each range. It is stored with the first address that is given out; before that, the live pools
   * may know of addresses that have come and gone since the control plane started.
   */
  readonly areTurnsKnown: boolean;

  /** @param stored all documents of the store before the change that naming reads, of all meshes */
  constructor({ settings, vipCidrs }: NamingEnvironment, stored: readonly Resource[]) {
    this.#settings = settings;
    this.#pools = new VipPools(parseVipRanges(vipCidrs));
    this.#generators = stored.filter(({ type }) => type === "HostnameGenerator");
    const held = stored.filter((each) => each.type === VIP_TURNS || vipsOf(each).length > 0);
    this.areTurnsKnown = held.length === 0 || held.some(({ type }) => type === VIP_TURNS);
    new ZoneNaming({ settings, pools: this.#pools, facts: NOBODY }).apply(asChanges(held));
  }

  /** Derives what follows in one mesh, and says what keeps it from being what it should be. */
  async derive(change: NamedMesh, slices: Slices, signal: AbortSignal): Promise<Derivation> {
    const { mesh, documents, draft, facts, now } = change;
    const zone = new ZoneNaming({ settings: this.#settings, pools: this.#pools, facts });
    const known = asChanges([...this.#generators, ...documents]);
    await slices.each(chunks(known, APPLIED_AT_ONCE), signal, (batch) => zone.apply(batch));
    for (const owed of zone.takeDirty()) if (isWaitingForAddress(draft, owed)) zone.mark(owed);
    zone.apply(change.changes);
    if (change.haveFactsChanged) zone.wake(mesh);
    const derived: Change[] = [];
    for (let round = 0; round < MOST_ROUNDS && zone.isDirty; round++) {
      const writes: Write[] = [];
      await slices.each(zone.takeDirty(), signal, (key) => {
        const { write, isCountsOnly } = zone.reconcile(key, now);
        if (write !== undefined && !isCountsOnly) writes.push(write);
      });
      for (const some of chunks(writes, PER_TRANSACTION)) {
        const { changes } = await draft.write(some);
        await slices.each([changes], signal, (list) => {
          zone.apply(list);
          derived.push(...list);
        });
      }
    }
    const notes = zone.problems().map(({ message }) => message);
    if (zone.isDirty) {
      notes.push(`names of mesh "${mesh}" have not come to rest: they may end as others than these`);
    }
    return { changes: derived, notes };
  }
}

/** Whether an address that comes free may be for a service. */
function isWaitingForAddress(draft: Store, key: DerivedKey): boolean {
  const stored = key.type === "Workload" ? undefined : draft.get(key);
  return stored !== undefined && vipsOf(stored).length === 0;
}

const NOBODY: DataplaneFacts = { connected: () => false, identitiesOf: () => [], acceptsTls: () => false };
