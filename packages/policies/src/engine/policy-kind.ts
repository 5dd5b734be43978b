import {
  defineKind,
  type KindDefinition,
  matchSchema,
  type NewResource,
  type TargetRef,
  type TargetRefKind,
  targetRefSchema,
  type Violation,
  validateMatch,
  validateTargetRef,
} from "@skein/model";
import * as z from "zod";
import type { PolicySpec } from "./policy-resource.ts";

/** What sets one targetRef policy apart from the others. */
export interface PolicyKindOptions<Conf, RuleConf = Conf> {
  readonly type: string;
  readonly path: string;
  readonly shortName: string;
  readonly cli: { readonly singular: string; readonly plural: string };
  readonly displayName: { readonly singular: string; readonly plural: string };
  readonly description: string;
  readonly conf: z.ZodType<Conf>;
  /** `default` of `rules` entries where it differs from the others'. */
  readonly ruleConf?: z.ZodType<RuleConf>;
  readonly topKinds: readonly TargetRefKind[];
  /** The policy has one `default` for all that it selects, instead of `to`, `from` and `rules`. */
  readonly single?: boolean;
  /** The configuration of a `to` entry stands under this name, not under `default`. */
  readonly toField?: string;
  /** What a `to` entry has besides its target and its configuration. */
  readonly toFields?: z.ZodRawShape;
  /** Whether a MeshGateway at the top may be narrowed by listener tags; it may where nothing is said. */
  readonly gatewayTags?: boolean;
  readonly toKinds?: readonly TargetRefKind[];
  /** Kinds in `to` under a MeshGateway or MeshHTTPRoute at the top, where they differ; `from` has no place there. */
  readonly toKindsOfGateway?: readonly TargetRefKind[];
  readonly fromKinds?: readonly TargetRefKind[];
  /** Absent: no `rules`. `matches` says whether a rule may be about some callers only. */
  readonly rules?: { readonly matches: boolean; readonly excludesTo: boolean };
  /** One of to, from and rules must be there. */
  readonly needsBlock: boolean;
  readonly deprecatedFrom?: string;
  readonly validateConf: (conf: Conf, path: string, context: ConfContext) => readonly Violation[];
  readonly validateRuleConf?: (conf: RuleConf, path: string, context: ConfContext) => readonly Violation[];
  /** What no single entry can tell. */
  readonly validateSpec?: (spec: PolicySpec) => readonly Violation[];
  /** Deprecation warnings beyond those of the targets. */
  readonly deprecations?: (spec: PolicySpec) => readonly string[];
}

export interface ConfContext {
  readonly block: "to" | "from" | "rules" | "default";
  readonly topKind: TargetRefKind;
  /** The target of the `to` or `from` entry. */
  readonly target?: TargetRef;
  /** The rule is about callers with certain SPIFFE ids. */
  readonly bySpiffeId: boolean;
}

const DEPRECATED_TOP: readonly TargetRefKind[] = ["MeshSubset", "MeshService", "MeshServiceSubset"];

/** A targetRef policy's kind: the shared grammar with the policy's own configuration in it. */
export function policyKind<Conf, RuleConf = Conf>(
  options: PolicyKindOptions<Conf, RuleConf>,
): KindDefinition {
  const targeted = z.object({ targetRef: targetRefSchema, default: options.conf.optional() });
  const to = z.object({
    targetRef: targetRefSchema,
    ...options.toFields,
    [options.toField ?? "default"]: options.conf.optional(),
  });
  const rule = z.object({
    ...(options.rules?.matches === true ? { matches: z.array(matchSchema).optional() } : {}),
    default: (options.ruleConf ?? options.conf) as z.ZodType<Conf | RuleConf>,
  });
  const spec = z.object({
    targetRef: targetRefSchema.optional(),
    ...(options.single === true ? { default: options.conf.optional() } : {}),
    ...(options.toKinds === undefined ? {} : { to: z.array(to).optional() }),
    ...(options.fromKinds === undefined ? {} : { from: z.array(targeted).optional() }),
    ...(options.rules === undefined ? {} : { rules: z.array(rule).optional() }),
  }) as unknown as z.ZodType<PolicySpec>;
  const kind = defineKind<PolicySpec>({
    type: options.type,
    path: options.path,
    shortName: options.shortName,
    scope: "Mesh",
    shape: "spec",
    hasStatus: false,
    writableOn: { global: true, zone: true },
    includeInFederation: true,
    cli: options.cli,
    displayName: options.displayName,
    policy: {
      isTargetRef: true,
      hasTo: options.toKinds !== undefined,
      hasFrom: options.fromKinds !== undefined,
      hasRules: options.rules !== undefined,
      isFromAsRules: options.fromKinds?.length === 1 && options.rules !== undefined,
    },
    description: options.description,
    spec,
    validate: (resource) => validate(options, resource),
    deprecations: ({ spec: value }) => deprecations(options, value),
  });
  return kind as unknown as KindDefinition;
}

function validate<Conf, RuleConf>(
  options: PolicyKindOptions<Conf, RuleConf>,
  { spec }: NewResource<PolicySpec>,
): readonly Violation[] {
  const top = (spec.targetRef ?? { kind: "Mesh" }) as TargetRef;
  const [to, from, rules] = [spec.to ?? [], spec.from ?? [], spec.rules ?? []];
  const violations: Violation[] = [
    ...validateTargetRef(top, {
      path: "spec.targetRef",
      kinds: options.topKinds,
      dataplaneSection: from.length > 0 || rules.length > 0,
      gatewayTags: options.gatewayTags ?? true,
    }),
    ...validateBlocks(options, to.length, from.length, rules.length),
  ];
  const context = (block: ConfContext["block"], bySpiffeId: boolean, target?: TargetRef): ConfContext => ({
    block,
    topKind: top.kind,
    bySpiffeId,
    ...(target === undefined ? {} : { target }),
  });
  if (options.single === true) {
    if (spec.default === undefined) violations.push({ field: "spec.default", reason: "must be defined" });
    else {
      violations.push(
        ...options.validateConf(spec.default as Conf, "spec.default", context("default", false)),
      );
    }
  }
  const isGateway = top.kind === "MeshGateway" || top.kind === "MeshHTTPRoute";
  if (isGateway && options.toKindsOfGateway !== undefined && from.length > 0) {
    violations.push({
      field: "spec.from",
      reason: `must not be defined when spec.targetRef.kind is ${top.kind}`,
    });
  }
  const targeted = [
    {
      block: "to" as const,
      entries: to,
      kinds: (isGateway ? options.toKindsOfGateway : undefined) ?? options.toKinds ?? [],
    },
    { block: "from" as const, entries: from, kinds: options.fromKinds ?? [] },
  ];
  for (const { block, entries, kinds } of targeted) {
    for (const [i, entry] of entries.entries()) {
      const path = `spec.${block}[${i}]`;
      const target = entry.targetRef as TargetRef;
      violations.push(...validateTargetRef(target, { path: `${path}.targetRef`, kinds }));
      const field = block === "to" ? (options.toField ?? "default") : "default";
      const conf: unknown = Reflect.get(entry, field);
      if (conf === undefined) violations.push({ field: `${path}.${field}`, reason: "must be defined" });
      else {
        violations.push(
          ...options.validateConf(conf as Conf, `${path}.${field}`, context(block, false, target)),
        );
      }
    }
  }
  for (const [i, rule] of rules.entries()) {
    const path = `spec.rules[${i}]`;
    const matches = rule.matches ?? [];
    violations.push(...matches.flatMap((match, j) => validateMatch(match, `${path}.matches[${j}]`)));
    const ruleContext = context(
      "rules",
      matches.some(({ spiffeID }) => spiffeID !== undefined),
    );
    violations.push(
      ...(options.validateRuleConf === undefined
        ? options.validateConf(rule.default as Conf, `${path}.default`, ruleContext)
        : options.validateRuleConf(rule.default as RuleConf, `${path}.default`, ruleContext)),
    );
  }
  return [...violations, ...(options.validateSpec?.(spec) ?? [])];
}

function validateBlocks<Conf, RuleConf>(
  options: PolicyKindOptions<Conf, RuleConf>,
  to: number,
  from: number,
  rules: number,
): readonly Violation[] {
  if (rules > 0 && options.rules?.excludesTo === true && (to > 0 || from > 0)) {
    return [{ field: "spec", reason: "fields 'to' and 'from' must be empty when 'rules' is defined" }];
  }
  if (rules > 0 && from > 0)
    return [{ field: "spec", reason: "field 'from' must be empty when 'rules' is defined" }];
  if (!options.needsBlock || to + from + rules > 0) return [];
  const names = [
    ...(options.fromKinds === undefined ? [] : ["'from'"]),
    ...(options.toKinds === undefined ? [] : ["'to'"]),
    ...(options.rules === undefined ? [] : ["'rules'"]),
  ];
  const list = names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  return [{ field: "spec", reason: `at least one of ${list} has to be defined` }];
}

function deprecations<Conf, RuleConf>(
  options: PolicyKindOptions<Conf, RuleConf>,
  spec: PolicySpec,
): readonly string[] {
  const warnings: string[] = [];
  const top = spec.targetRef?.kind as TargetRefKind | undefined;
  if (top !== undefined && DEPRECATED_TOP.includes(top)) {
    warnings.push(
      `spec.targetRef.kind: ${top} is deprecated; select proxies with kind Dataplane and labels instead`,
    );
  }
  if (top === "MeshHTTPRoute") {
    warnings.push(
      "spec.targetRef.kind: MeshHTTPRoute is deprecated; name the route in spec.to[].targetRef instead",
    );
  }
  if ((spec.from?.length ?? 0) > 0 && options.deprecatedFrom !== undefined) {
    warnings.push(`spec.from is deprecated; ${options.deprecatedFrom}`);
  }
  warnings.push(...(options.deprecations?.(spec) ?? []));
  return warnings;
}
