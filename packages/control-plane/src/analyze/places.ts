import type { Merged, Origin, PolicyDefinition, PolicyResource } from "@skein/policies";
import { policyKri } from "@skein/policies";
import { inboundRules, meshRules, outboundRules } from "@skein/policies/engine/rules";
import { type GatewayPart, gatewayParts } from "../plan/gateways/parts.ts";
import { calledParts } from "../plan/serving.ts";
import type { PolicySet } from "../view/policy-set.ts";
import { TO_GATEWAYS } from "../warnings/gateway-policy.ts";
import type { Scope } from "./scope.ts";

/** One rule that is about a place, whether or not anything of it is left there. */
export interface Candidate {
  readonly policy: PolicyResource;
  readonly conf: unknown;
  readonly origin: Origin;
  /** Who it is for, as text: rules for different callers do not compete. */
  readonly matches: string;
}

/** One inbound or destination for which policies of one kind were merged. */
export interface Place {
  readonly definition: PolicyDefinition;
  /** For messages. */
  readonly name: string;
  readonly candidates: readonly Candidate[];
  /** What came of them; absent where nothing did. */
  readonly entry: Merged<unknown> | undefined;
}

/** Every place at which policies are merged; alike inbounds and callers count once. */
export function* placesOf(scope: Scope): Generator<undefined, readonly Place[]> {
  const places = new Map<string, Place>();
  const byKri = new Map(
    scope.policies.flatMap((policy) => {
      const short = scope.definitions.get(policy.type)?.kind.shortName ?? "";
      return [[policyKri(policy, short), policy] as const];
    }),
  );
  const add = (
    key: string,
    definition: PolicyDefinition,
    name: string,
    rulesOf: () => readonly { readonly conf: unknown; readonly origin: Origin; readonly matches?: unknown }[],
    entry: unknown,
  ): void => {
    if (places.has(key)) return;
    const candidates = rulesOf().flatMap(({ conf, origin, matches }): readonly Candidate[] => {
      const policy = byKri.get(origin.policy);
      return policy === undefined ? [] : [{ policy, conf, origin, matches: JSON.stringify(matches ?? []) }];
    });
    places.set(key, { definition, name, candidates, entry: entry as Merged<unknown> | undefined });
  };
  /** A listener of a gateway, and each destination that its routes lead to alone. */
  const addGateway = (
    definition: PolicyDefinition,
    { host }: GatewayPart,
    { id }: PolicySet,
    own: readonly PolicyResource[],
    name: string,
  ): void => {
    const { type, shortName = "" } = definition.kind;
    if (definition.planGateway !== undefined) {
      add(
        `${type} at ${id} ${host.connections === undefined}`,
        definition,
        `listener ${host.section} of ${name}`,
        () => (TO_GATEWAYS.has(type) ? meshRules(own, shortName) : inboundRules(own, shortName, true)),
        host.policies[type],
      );
    }
    if (TO_GATEWAYS.has(type) || definition.kind.policy?.hasTo !== true) return;
    for (const backend of Object.values(host.backends)) {
      if (backend.kind !== "resolved") continue;
      const { destination } = backend;
      const plans = host.calls.byDestination[destination.kri];
      if (plans === undefined) continue;
      add(
        `${type} to ${id} ${destination.kri}`,
        definition,
        `${name} calling ${destination.name}:${destination.port}`,
        () => outboundRules(own, destination, shortName),
        plans[type],
      );
    }
  };
  for (const [name, plan] of scope.plans) {
    yield;
    const sets = scope.mesh.index.policies.at(name).get();
    for (const definition of scope.definitions.values()) {
      const { type, shortName = "" } = definition.kind;
      // Rules of routes stand side by side; what hides them is another check's question.
      if (definition.backendRefs !== undefined) continue;
      for (const called of calledParts(plan)) {
        const set = sets.inbound.get(called.section);
        const own = set?.byKind.get(type);
        if (set === undefined || own === undefined) continue;
        const identified = plan.identity !== undefined;
        add(
          `${type} in ${set.id} ${called.shared.protocol} ${identified}`,
          definition,
          `${called.name} of ${name}`,
          () => inboundRules(own, shortName, true),
          called.shared.policies[type],
        );
      }
      for (const part of gatewayParts(plan)) {
        const set = sets.gateway.get(part.host.section);
        const list = set?.byKind.get(type);
        if (set === undefined || list === undefined) continue;
        addGateway(definition, part, set, list, name);
      }
      const own = sets.outbound.byKind.get(type);
      if (own === undefined || definition.kind.policy?.hasTo !== true) continue;
      for (const { target, upstream } of plan.outbounds) {
        add(
          `${type} to ${sets.outbound.id} ${target}`,
          definition,
          `${name} calling ${upstream.destination.name}:${upstream.destination.port}`,
          () => outboundRules(own, upstream.destination, shortName),
          upstream.policies[type],
        );
      }
    }
  }
  return [...places.values()].filter(({ candidates }) => candidates.length > 0);
}

/** The rules of which something is left at a place. */
export function contributing({ definition, entry }: Place): ReadonlySet<string> {
  if (entry === undefined) return new Set();
  return new Set(Array.from(definition.origins(entry), ruleKey));
}

/** A rule as one text. */
export function ruleKey({ policy, rule }: Origin): string {
  return `${policy} ${rule}`;
}
