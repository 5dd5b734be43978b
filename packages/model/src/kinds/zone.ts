import * as z from "zod";
import { defineKind, type ResourceOf } from "../kind.ts";

const specSchema = z.object({ enabled: z.boolean().optional() });

/** The fields of a Zone beside `type` and `name`. An absent `enabled` means enabled. */
export type ZoneSpec = z.infer<typeof specSchema>;
/** A stored Zone. */
export type ZoneResource = ResourceOf<typeof zoneKind>;

/** A place where proxies run, with a control plane of its own. */
export const zoneKind = defineKind({
  type: "Zone",
  path: "zones",
  shortName: "z",
  scope: "Global",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: true, zone: true },
  includeInFederation: false,
  insight: { type: "ZoneInsight", key: "zoneInsight", overviewType: "ZoneOverview" },
  cli: { singular: "zone", plural: "zones" },
  displayName: { singular: "Zone", plural: "Zones" },
  description:
    "A place where proxies run, such as a cluster or a data centre, with a control plane of its own.",
  spec: specSchema,
});
