import type { DataplaneInsightSpec, Resource, ResourceKey } from "@skein/model";
import { type Store, StoreError } from "../store/store.ts";
import { isOnline } from "./status.ts";

export interface CleanupOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds after which a proxy that was connected once does not come back. */
  readonly ageMs: number;
  /** Whether a proxy has a stream, which its insight may not say yet. */
  readonly isConnected: (mesh: string, name: string) => boolean;
}

/** So many Dataplanes go in one transaction. */
const BATCH = 256;

/**
 * Removes the Dataplanes of proxies that have been offline for too long, however they were made. A Dataplane whose proxy
 * has never been connected stays: it may still be waiting for it.
 *
 * @returns what it removed
 * @throws StoreError where the store cannot be written to
 */
export async function removeLongGone(store: Store, options: CleanupOptions): Promise<readonly ResourceKey[]> {
  const gone = store
    .list<Resource<DataplaneInsightSpec>>({ type: "DataplaneInsight" })
    .filter(({ mesh, name, spec }) => isLongGone(spec, options) && !options.isConnected(mesh, name))
    .flatMap(({ mesh, name }) => store.get({ type: "Dataplane", mesh, name }) ?? []);
  const removed: ResourceKey[] = [];
  for (let at = 0; at < gone.length; at += BATCH) {
    const batch = gone.slice(at, at + BATCH);
    try {
      await store.write(
        batch.map(({ type, mesh, name, revision }) => ({
          op: "delete",
          key: { type, mesh, name },
          ifRevision: revision,
        })),
      );
      removed.push(...batch.map(({ type, mesh, name }) => ({ type, mesh, name })));
    } catch (error) {
      // Somebody changed one of them meanwhile: all of them can wait until the next time.
      if (error instanceof StoreError && (error.code === "conflict" || error.code === "not-found")) continue;
      throw error;
    }
  }
  return removed;
}

function isLongGone(insight: DataplaneInsightSpec, { now, ageMs }: CleanupOptions): boolean {
  if (isOnline(insight)) return false;
  const ends = (insight.subscriptions ?? []).map(({ disconnectTime }) => Date.parse(disconnectTime ?? ""));
  return ends.length > 0 && ends.every((end) => end + ageMs < now);
}
