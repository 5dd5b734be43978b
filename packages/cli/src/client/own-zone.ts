import { textAt } from "../read.ts";
import type { ApiClient } from "./api-client.ts";

/** The zone of the control plane that was asked. */
export interface OwnZone {
  readonly name: string;
  /** Of the control plane. */
  readonly version: string;
  readonly storeType: string;
}

/**
 * What a zone's control plane says of itself. Nothing reports on the zone of one that has no global control plane, so no
 * insight tells that it is there. `undefined` for a global one, and for one that does not show its configuration.
 */
export async function ownZone(client: ApiClient): Promise<OwnZone | undefined> {
  const [index, config] = await Promise.all([client.get("/"), client.get("/config").catch(() => undefined)]);
  if (textAt(config, "mode") !== "zone") return undefined;
  return {
    name: textAt(config, "multizone", "zone", "name"),
    version: textAt(index, "version"),
    storeType: textAt(config, "store", "type"),
  };
}
