import { LABEL, type Resource } from "@skein/model";
import type { Derived } from "./meshservice-generator.ts";

/**
 * What is to become of a resource that nothing stands behind any more: it stays for a while, whose start is in a label,
 * and goes then. Who returns meanwhile takes the label off.
 */
export function withGracePeriod<R extends Resource>(
  existing: R | undefined,
  now: number,
  gracePeriodMs: number,
): Derived<R> {
  if (existing === undefined) return { draft: undefined, problems: [] };
  const started = Date.parse(existing.labels[LABEL.deletionGracePeriodStartedAt] ?? "");
  if (started <= now) {
    const end = started + gracePeriodMs;
    if (now >= end) return { draft: undefined, problems: [] };
    return { draft: existing, problems: [], lookAgainAt: end };
  }
  if (gracePeriodMs <= 0) return { draft: undefined, problems: [] };
  const start = `${new Date(now).toISOString().slice(0, 19)}Z`;
  const labels = { ...existing.labels, [LABEL.deletionGracePeriodStartedAt]: start };
  return { draft: { ...existing, labels }, problems: [], lookAgainAt: Date.parse(start) + gracePeriodMs };
}
