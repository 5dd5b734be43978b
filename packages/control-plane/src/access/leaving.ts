import { type EgressChainPlan, meshTrafficPermission, planOf, verdict } from "@skein/policies";
import { type Judgement, told } from "./judgement.ts";
import type { CalledOutside, Caller } from "./parties.ts";

/**
 * What a caller may do with a service outside the mesh. Through egresses the permissions there decide; past them those of
 * the caller's own proxy where the mesh forbids everything outside by default, and else nobody.
 */
export function judgeLeaving(caller: Caller, called: CalledOutside): Judgement {
  if (called.problem !== undefined) return unreachable(called.problem);
  return called.egresses === undefined
    ? directly(caller, called)
    : throughEgresses(caller, called, called.egresses);
}

function directly({ plan, leaving, wayTo }: Caller, { target, sni }: CalledOutside): Judgement {
  const decision =
    leaving === undefined
      ? undefined
      : leaving.permissions === undefined
        ? FORBIDDEN
        : told(verdict(leaving.permissions, { uris: plan.identity?.uris ?? [], sni }));
  if (decision?.verdict === "deny") return decision.policy === null ? FORBIDDEN : decision;
  const outbound = wayTo(target);
  if (outbound === undefined) return unreachable("the caller's proxy has no outbound for it");
  const { external } = outbound.upstream;
  if (external?.problem !== undefined) return unreachable(external.problem);
  return decision ?? UNCHECKED;
}

function throughEgresses(
  { plan: { identity } }: Caller,
  { sni }: CalledOutside,
  egresses: NonNullable<CalledOutside["egresses"]>,
): Judgement {
  if (identity === undefined) return ANONYMOUS;
  const judged = egresses.map(({ proxy, chain }) => ({ proxy, ...atEgress(identity.uris, sni, chain) }));
  const [first] = judged;
  if (first === undefined) return unreachable("no zone egress takes calls to it now");
  const { proxy: _, ...judgement } = first;
  if (judged.every(({ verdict: each }) => each === first.verdict)) return judgement;
  const reason = judged
    .map(
      (each) =>
        `${each.proxy}: ${each.verdict}, ${each.reason}${each.policy === null ? "" : ` of ${each.policy}`}`,
    )
    .join("; ");
  return { verdict: "differs", policy: null, reason };
}

function atEgress(uris: readonly string[], sni: string, { policies, external }: EgressChainPlan): Judgement {
  const permission = planOf(meshTrafficPermission, policies);
  const decision: Judgement =
    permission === undefined
      ? { verdict: "allow", policy: null, reason: "nothing restricts the zone egress" }
      : told(verdict(permission, { uris, sni }));
  return decision.verdict === "allow" && external.problem !== undefined
    ? unreachable(external.problem)
    : decision;
}

function unreachable(reason: string): Judgement {
  return { verdict: "unreachable", policy: null, reason };
}

const FORBIDDEN: Judgement = {
  verdict: "deny",
  policy: null,
  reason: "the mesh forbids external services by default, and no MeshTrafficPermission allows this one",
};

const ANONYMOUS: Judgement = {
  verdict: "deny",
  policy: null,
  reason: "the caller has no identity, and a zone egress takes mesh TLS only",
};

const UNCHECKED: Judgement = {
  verdict: "unchecked",
  policy: null,
  reason: "the caller's own proxy calls it, and no permission is asked",
};
