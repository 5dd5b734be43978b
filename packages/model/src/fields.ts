import * as z from "zod";
import { isHostName, isIp } from "./address.ts";
import type { Violation } from "./violation.ts";

/** Labels or tags: a map from string to string. */
export function stringMap() {
  return z.record(z.string(), z.string());
}

/** A TCP or UDP port, 1 to 65535. */
export function port() {
  return z.int("must be a whole number").min(1, PORT_RANGE).max(65535, PORT_RANGE);
}

/** A port of a flat kind, where protobuf's zero stands for "not set". */
export function optionalPort() {
  return z.int("must be a whole number").min(0, PORT_RANGE).max(65535, PORT_RANGE).optional();
}

const PORT_RANGE = "port must be in the range [1, 65535]";

/** A number that protobuf JSON writes as a string (64-bit); both spellings are read, the string is kept. */
export function uint64() {
  return z.union([z.string().regex(/^[0-9]+$/, "must be a whole number"), z.int().min(0)]);
}

/** An RFC 3339 time. */
export function timestamp() {
  return z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/, {
    message: "must be a time such as 2025-01-31T12:00:00Z",
  });
}

/** A status condition, as Kubernetes writes it but without the transition time. */
export const conditionSchema = z.object({
  type: z.string().min(1),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string().min(1),
  message: z.string(),
});

/** One observed condition of a resource. */
export type Condition = z.infer<typeof conditionSchema>;

/** How many proxies stand behind a resource. */
export const dataplaneProxiesSchema = z.object({
  connected: z.int().min(0).default(0),
  healthy: z.int().min(0).default(0),
  total: z.int().min(0).default(0),
});

/** Counts of proxies: connected to a control plane, of these healthy, and all. */
export type DataplaneProxies = z.infer<typeof dataplaneProxiesSchema>;

/** A violation when `value` is neither an IP address nor a DNS name. */
export function validateHost(value: string, field: string): readonly Violation[] {
  return isIp(value) || isHostName(value)
    ? []
    : [{ field, reason: "address has to be valid IP address or domain name" }];
}

/** A violation when `value` is not an IP address. */
export function validateIp(value: string, field: string): readonly Violation[] {
  return isIp(value) ? [] : [{ field, reason: "must be a valid IP address" }];
}

/** Violations for every repeated key of a list; `keyOf` gives `undefined` for entries that do not count. */
export function validateUnique<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
  fieldOf: (index: number) => string,
  reason: (key: string) => string,
): readonly Violation[] {
  const seen = new Set<string>();
  const violations: Violation[] = [];
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    if (key === undefined) continue;
    if (seen.has(key)) violations.push({ field: fieldOf(index), reason: reason(key) });
    seen.add(key);
  }
  return violations;
}
