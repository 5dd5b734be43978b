import type { EndpointPlan, EndpointsPlan, EndpointsView, LocalityPlan } from "../plan/endpoints-plan.ts";

/** What instances get that have none of the caller's affinity tags. */
const REST_WEIGHT = 1;

/**
 * The instances of a destination as a caller in `zone` sees them, from how they are grouped by zone. A priority without
 * instances is left as a gap, which Envoy takes: nobody moves when the instances before it come and go.
 */
export function seenThrough(view: EndpointsView, instances: EndpointsPlan, zone: string): EndpointsPlan {
  const localities = instances.localities.flatMap((locality) =>
    locality.zone === zone ? near(view, locality) : far(view, locality),
  );
  return {
    localities: localities.sort((a, b) => a.priority - b.priority),
    ...(view.overprovisioningFactor === undefined
      ? {}
      : { overprovisioningFactor: view.overprovisioningFactor }),
    policies: view.policies,
  };
}

function near(view: EndpointsView, { zone, endpoints }: LocalityPlan): readonly LocalityPlan[] {
  if (!view.isWeighted) return [{ zone, priority: 0, endpoints }];
  const groups = Map.groupBy(endpoints, (endpoint) =>
    view.affinity.find(({ key, value }) => tagValue(endpoint, key) === value),
  );
  const preferred = view.affinity.flatMap((tag): readonly LocalityPlan[] => {
    const members = groups.get(tag);
    const { key, value, weight } = tag;
    return members === undefined
      ? []
      : [{ zone, subZone: `${key}=${value}`, weight, priority: 0, endpoints: members }];
  });
  const rest = groups.get(undefined);
  return rest === undefined
    ? preferred
    : [...preferred, { zone, weight: REST_WEIGHT, priority: 0, endpoints: rest }];
}

function far(view: EndpointsView, { zone, endpoints }: LocalityPlan): readonly LocalityPlan[] {
  const rule = view.otherZones.find(({ zones, except }) => zones.includes(zone) !== except);
  if (rule === undefined) return [];
  // Without a weight a locality would get nothing where weights count; this one has zones share by their size.
  const weight = view.isWeighted ? { weight: endpoints.length } : {};
  return [{ zone, ...weight, priority: rule.priority, endpoints }];
}

function tagValue({ tags, labels }: EndpointPlan, key: string): string | undefined {
  return tags[key] ?? labels[key];
}
