import * as z from "zod";
import { conditionSchema, dataplaneProxiesSchema } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { isDns1035Label } from "../names.ts";

const specSchema = z.object({});

const statusSchema = z.object({
  dataplaneProxies: dataplaneProxiesSchema.optional(),
  conditions: z.array(conditionSchema).optional(),
});

/** A Workload has no content of its own: its name is the content. */
export type WorkloadSpec = z.infer<typeof specSchema>;
/** How many proxies carry the label `kuma.io/workload` with this name. */
export type WorkloadStatus = z.infer<typeof statusSchema>;
/** A stored Workload. */
export type WorkloadResource = ResourceOf<typeof workloadKind>;

/** The proxies that share one identity: those whose label `kuma.io/workload` is its name. */
export const workloadKind = defineKind({
  type: "Workload",
  path: "workloads",
  shortName: "wl",
  scope: "Mesh",
  shape: "spec",
  hasStatus: true,
  writableOn: { global: false, zone: true },
  includeInFederation: false,
  cli: { singular: "workload", plural: "workloads" },
  displayName: { singular: "Workload", plural: "Workloads" },
  description: "The proxies that share one identity: those whose label kuma.io/workload is its name.",
  spec: specSchema,
  status: statusSchema,
  validate: ({ name }) =>
    isDns1035Label(name)
      ? []
      : [
          {
            field: "name",
            reason:
              "must be a DNS-1035 label: at most 63 lower case alphanumeric characters or '-', starting with a letter",
          },
        ],
});
