import type { NewResource, Resource } from "@skein/model";
import type { Store, Write } from "../store/store.ts";
import type { ProxyConfig } from "../xds/fragment.ts";
import type { Effects } from "./report.ts";

/** A copy of what is stored, for writes that are never made. */
export interface Draft {
  readonly store: Store;
  readonly warnings: (written: Resource) => readonly string[];
  readonly onMeshWritten: (mesh: NewResource, before: NewResource | undefined) => Promise<readonly Write[]>;
}

/** Answers what would be. */
export interface Previews {
  /**
   * What the writes of `change` would do. They are made to a draft, with the rules of the real store.
   * @throws PreviewsBusy
   */
  preview<T>(
    change: (draft: Draft) => Promise<T>,
    signal: AbortSignal,
  ): Promise<{ readonly result: T; readonly effects: Effects }>;
  /**
   * What a proxy would hold if shadow policies were in force, and what it would hold now; absent where there is no such
   * proxy.
   * @throws PreviewsBusy
   */
  shadow(
    mesh: string,
    dataplane: string,
    signal: AbortSignal,
  ): Promise<{ readonly current: ProxyConfig; readonly shadow: ProxyConfig } | undefined>;
}

/** Too many wait already. */
export class PreviewsBusy extends Error {
  override readonly name = "PreviewsBusy";
}
