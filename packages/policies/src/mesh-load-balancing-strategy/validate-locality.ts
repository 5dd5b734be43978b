import type { TargetRef, Violation } from "@skein/model";
import type { AffinityTag, Failover, LocalityAwareness } from "./conf.ts";

/** Weights of one locality level are added up in 32 bits. */
const MAX_SUM = 4_294_967_295;
/** Beyond these many tags the weights that we would choose do not fit. */
const MAX_WITHOUT_WEIGHTS = 9;

/** Violations of what a document says about near and far instances. */
export function validateLocality(
  value: LocalityAwareness | undefined,
  path: string,
  target: TargetRef | undefined,
): readonly Violation[] {
  const { localZone, crossZone } = value ?? {};
  const isReal = target?.kind === "MeshService" && (target.sectionName ?? target.labels) !== undefined;
  return [
    ...validateAffinityTags(localZone?.affinityTags ?? [], `${path}.localZone.affinityTags`),
    ...(isReal && crossZone !== undefined
      ? [{ field: `${path}.crossZone`, reason: "must not be set: MeshService traffic is local" }]
      : []),
    ...(crossZone?.failover ?? []).flatMap((rule, i) =>
      validateFailover(rule, `${path}.crossZone.failover[${i}]`),
    ),
    ...validateThreshold(
      crossZone?.failoverThreshold?.percentage,
      `${path}.crossZone.failoverThreshold.percentage`,
    ),
  ];
}

function validateAffinityTags(tags: readonly AffinityTag[], path: string): readonly Violation[] {
  const weights = tags.flatMap(({ weight }) => weight ?? []);
  const violations: Violation[] = tags.flatMap(({ key, weight }, i) => [
    ...(key === "" ? [{ field: `${path}[${i}].key`, reason: "must not be empty" }] : []),
    ...(weight === 0 ? [{ field: `${path}[${i}].weight`, reason: "must be greater than 0" }] : []),
  ]);
  if (weights.length > 0 && weights.length < tags.length) {
    violations.push({ field: path, reason: "all or none affinity tags should have weight" });
  }
  if (weights.length === 0 && tags.length > MAX_WITHOUT_WEIGHTS) {
    violations.push({
      field: path,
      reason: `give the tags weights: without, there can be at most ${MAX_WITHOUT_WEIGHTS}`,
    });
  }
  if (weights.reduce((sum, weight) => sum + weight, 1) > MAX_SUM) {
    violations.push({ field: path, reason: `the weights must add up to less than ${MAX_SUM}` });
  }
  return violations;
}

function validateFailover({ from, to }: Failover, path: string): readonly Violation[] {
  const needsZones = to.type === "Only" || to.type === "AnyExcept";
  const zones = to.zones ?? [];
  return [
    ...(from === undefined ? [] : validateZones(from.zones, `${path}.from.zones`)),
    ...(needsZones && zones.length === 0
      ? [{ field: `${path}.to.zones`, reason: `must not be empty when type is ${to.type}` }]
      : []),
    ...(!needsZones && zones.length > 0
      ? [{ field: `${path}.to.zones`, reason: `must be empty when type is ${to.type}` }]
      : []),
    ...(needsZones && zones.length > 0 ? validateZones(zones, `${path}.to.zones`) : []),
  ];
}

function validateZones(zones: readonly string[], path: string): readonly Violation[] {
  if (zones.length === 0) return [{ field: path, reason: "must not be empty" }];
  return zones.flatMap((zone, i) =>
    zone === "" ? [{ field: `${path}[${i}]`, reason: "must not be empty" }] : [],
  );
}

function validateThreshold(percentage: number | string | undefined, field: string): readonly Violation[] {
  if (percentage === undefined) return [];
  const number = Number(percentage);
  if (number > 0 && number <= 100) return [];
  return [
    { field, reason: number === 0 ? "must be greater than 0" : "must be in inclusive range [0.0, 100.0]" },
  ];
}
