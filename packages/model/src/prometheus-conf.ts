import * as z from "zod";
import { isHostName, isIp } from "./address.ts";
import { optionalPort, stringMap } from "./fields.ts";
import type { Violation } from "./violation.ts";

/** How a proxy exposes metrics to Prometheus; part of Mesh and, as an override, of Dataplane. */
export const prometheusConfSchema = z.object({
  port: optionalPort(),
  path: z.string().optional(),
  tags: stringMap().optional(),
  skipMTLS: z.boolean().optional(),
  aggregate: z
    .array(
      z.object({
        name: z.string().optional(),
        path: z.string().optional(),
        port: optionalPort(),
        enabled: z.boolean().optional(),
        address: z.string().optional(),
      }),
    )
    .optional(),
  envoy: z.object({ filterRegex: z.string().optional(), usedOnly: z.boolean().optional() }).optional(),
  tls: z.object({ mode: z.enum(["activeMTLSBackend", "disabled", "providedTLS"]).optional() }).optional(),
});

/** Settings of one Prometheus metrics backend. */
export type PrometheusConf = z.infer<typeof prometheusConfSchema>;

/** Names and addresses of the aggregated applications. */
export function validatePrometheusConf(
  conf: PrometheusConf | undefined,
  field: string,
): readonly Violation[] {
  return (conf?.aggregate ?? []).flatMap((app, index) => {
    const at = `${field}.aggregate[${index}]`;
    const violations: Violation[] = [];
    if ((app.name ?? "") === "") violations.push({ field: `${at}.name`, reason: "cannot be empty" });
    if (app.address !== undefined && app.address !== "" && !isIp(app.address) && !isHostName(app.address)) {
      violations.push({ field: `${at}.address`, reason: "must be a valid IP address or domain name" });
    }
    return violations;
  });
}
