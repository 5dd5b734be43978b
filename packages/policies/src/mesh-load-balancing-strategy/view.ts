import { planOf } from "../definition.ts";
import type { PolicyResource } from "../engine/policy-resource.ts";
import type { EndpointsView, OtherZones } from "../plan/endpoints-plan.ts";
import type { PolicyPlans } from "../plan/origin.ts";
import { contributors } from "../plan/origin.ts";
import type { AffinityTag, CrossZone, Failover, MeshLoadBalancingStrategyConf } from "./conf.ts";
import { meshLoadBalancingStrategy } from "./policy.ts";

/** What counts of a caller when it is decided which instances are near to it. */
export interface ViewingCaller {
  readonly zone: string;
  /** Tags of its inbounds, in their order: of two that differ the first counts. */
  readonly tags: readonly Readonly<Record<string, string>>[];
  /** Count where no inbound has the tag. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Health below which traffic leaves a priority, in percent, where the user said nothing. */
const DEFAULT_THRESHOLD = 50;
/** Envoy multiplies in 32 bits; a threshold of less than a hundredth of a percent counts as that. */
const MAX_FACTOR = 1_000_000;

/**
 * How a caller sees the instances of a destination whose policies these are; `undefined` where they do not say: instances
 * of its zone first, all others after them.
 */
export function viewOf(policies: PolicyPlans, caller: ViewingCaller): EndpointsView | undefined {
  const plan = planOf(meshLoadBalancingStrategy, policies);
  const conf = plan?.conf.localityAwareness;
  if (plan === undefined || conf === undefined) return undefined;
  const { localZone, crossZone } = conf;
  const origins = Object.entries(plan.origins).filter(([field]) => field.startsWith("localityAwareness."));
  const base = { policies: contributors(origins.map(([, origin]) => origin)) };
  if (localZone === undefined && crossZone === undefined) {
    if (conf.disabled !== true) return undefined;
    return { ...base, affinity: [], isWeighted: false, otherZones: [everywhere(0)] };
  }
  const tags = localZone?.affinityTags ?? [];
  return {
    ...base,
    affinity: tags.flatMap((tag, i) => {
      const value = tagValue(tag.key, caller);
      return value === undefined ? [] : [{ key: tag.key, value, weight: weightOf(tag, i, tags.length) }];
    }),
    isWeighted: tags.length > 0,
    otherZones: otherZones(crossZone?.failover ?? [], caller.zone),
    overprovisioningFactor: overprovisioning(crossZone?.failoverThreshold),
  };
}

/** Keys of the tags that can count in views that these policies decide, sorted. */
export function viewingKeys(policies: readonly PolicyResource[]): readonly string[] {
  const keys = policies.flatMap(({ spec }) =>
    (spec.to ?? []).flatMap(({ default: conf }) =>
      (
        (conf as MeshLoadBalancingStrategyConf | undefined)?.localityAwareness?.localZone?.affinityTags ?? []
      ).map(({ key }) => key),
    ),
  );
  return [...new Set(keys)].sort();
}

/** What of a caller counts where these tags do. Callers of which it is the same see the same, whatever else they are. */
export function viewingPart(keys: readonly string[], caller: ViewingCaller): ViewingCaller {
  const labels: Record<string, string> = {};
  for (const key of keys) {
    const value = tagValue(key, caller);
    if (value !== undefined) labels[key] = value;
  }
  return { zone: caller.zone, tags: [], labels };
}

function everywhere(priority: number): OtherZones {
  return { priority, zones: [], except: true };
}

/** Each tag is worth nine times what comes after it: 90 %, 9 %, … and what is left for instances without any of them. */
function weightOf({ weight }: AffinityTag, index: number, count: number): number {
  return weight ?? 9 * 10 ** (count - 1 - index);
}

function tagValue(key: string, { tags, labels }: ViewingCaller): string | undefined {
  return tags.find((each) => each[key] !== undefined)?.[key] ?? labels[key];
}

/** A rule's place is its priority, whether or not the rules before it are about this zone. */
function otherZones(rules: readonly Failover[], zone: string): readonly OtherZones[] {
  return rules.flatMap(({ from, to }, i): readonly OtherZones[] => {
    if (from !== undefined && !from.zones.includes(zone)) return [];
    if (to.type === "None") return [];
    if (to.type === "Any") return [everywhere(i + 1)];
    return [{ priority: i + 1, zones: to.zones ?? [], except: to.type === "AnyExcept" }];
  });
}

function overprovisioning(threshold: CrossZone["failoverThreshold"]): number {
  const percentage = Number(threshold?.percentage ?? DEFAULT_THRESHOLD);
  return Math.min(Math.round((100 / percentage) * 100), MAX_FACTOR);
}
