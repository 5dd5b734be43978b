import { type DataplaneResource, type Labels, labelKeyProblems, labelValueProblems } from "@skein/model";
import type { NamingSettings } from "./settings.ts";

const RESERVED = /^([^/]*\.)?(kuma\.io|k8s\.io|kubernetes\.io)\//;

/**
 * The labels that a generated service takes over from its dataplanes: for each key the value that most of them have,
 * the first in order where two are as frequent. Tags of the service's inbounds count as labels; a label of the
 * dataplane itself comes first.
 */
export function propagatedLabels(
  dataplanes: readonly DataplaneResource[],
  settings: NamingSettings["labelPropagation"],
): Labels {
  if (settings?.enabled !== true) return {};
  const votes = new Map<string, Map<string, number>>();
  for (const dataplane of dataplanes) {
    for (const [key, value] of Object.entries(contribution(dataplane))) {
      if (!mayPropagate(key, settings.allowedLabelKeys) || labelValueProblems(value).length > 0) continue;
      const values = votes.get(key) ?? new Map<string, number>();
      values.set(value, (values.get(value) ?? 0) + 1);
      votes.set(key, values);
    }
  }
  const labels: Record<string, string> = {};
  for (const [key, values] of [...votes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [winner] = [...values].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    if (winner !== undefined) labels[key] = winner[0];
  }
  return labels;
}

/** Whether a key may be copied from dataplanes to services. */
export function mayPropagate(key: string, allowed: readonly string[]): boolean {
  if (RESERVED.test(key) || labelKeyProblems(key).length > 0) return false;
  return allowed.length === 0 || allowed.includes(key);
}

function contribution(dataplane: DataplaneResource): Labels {
  const tags = new Map<string, string | undefined>();
  for (const inbound of dataplane.spec.networking?.inbound ?? []) {
    for (const [key, value] of Object.entries(inbound.tags ?? {})) {
      tags.set(key, tags.has(key) && tags.get(key) !== value ? undefined : value);
    }
  }
  const agreed = [...tags].flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  return { ...Object.fromEntries(agreed), ...dataplane.labels };
}
