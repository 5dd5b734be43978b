import type { Resource } from "@skein/model";
import type { Write } from "../store/store.ts";
import { differInCountsOnly, writeOf } from "./draft.ts";
import type { NamingProblem } from "./problem.ts";

/** What came of looking at one derived resource. */
export interface Reconciled {
  /** Absent where the store has what it should. */
  readonly write?: Write;
  /** The write changes counts of proxies only, so it may wait. */
  readonly isCountsOnly: boolean;
  /** The write gives the resource an address of a pool that the stored one has not. */
  readonly takesAddress: boolean;
  readonly problems: readonly NamingProblem[];
  /** Milliseconds since the epoch at which to look again. */
  readonly lookAgainAt?: number;
}

/** Nothing to write and nothing to say. */
export const NOTHING: Reconciled = { isCountsOnly: false, takesAddress: false, problems: [] };

/** What takes the store from one document to the other, where it has to be taken there. */
export function reconciled(
  existing: Resource | undefined,
  draft: Parameters<typeof writeOf>[1],
  {
    problems,
    lookAgainAt,
    takesAddress = false,
  }: Pick<Reconciled, "problems" | "lookAgainAt"> & { readonly takesAddress?: boolean },
): Reconciled {
  const write = writeOf(existing, draft);
  return {
    ...(write === undefined ? {} : { write }),
    isCountsOnly: write !== undefined && differInCountsOnly(existing, draft),
    takesAddress,
    problems,
    ...(lookAgainAt === undefined ? {} : { lookAgainAt }),
  };
}
