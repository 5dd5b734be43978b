import * as z from "zod";
import { uint64 } from "./fields.ts";

/** Counters of one xDS type; protobuf JSON writes them as strings and leaves zeros out. */
export const discoveryCountersSchema = z.object({
  responsesSent: uint64().optional(),
  responsesAcknowledged: uint64().optional(),
  responsesRejected: uint64().optional(),
});

/** How many xDS responses were sent, acknowledged and rejected. */
export type DiscoveryCounters = z.infer<typeof discoveryCountersSchema>;

/** A component's version, as far as all components share it. */
export const buildVersionFields = {
  version: z.string().optional(),
  gitTag: z.string().optional(),
  gitCommit: z.string().optional(),
  buildDate: z.string().optional(),
};

/** A subscription is open, its client online, while it has a connect time and no disconnect time. */
export function isOnline(
  subscriptions:
    | readonly { readonly connectTime?: string | undefined; readonly disconnectTime?: string | undefined }[]
    | undefined,
): boolean {
  return (subscriptions ?? []).some(
    ({ connectTime, disconnectTime }) => connectTime !== undefined && disconnectTime === undefined,
  );
}
