import { type InboundPlan, meshTrafficPermission, type ProxyPlan, planOf, verdict } from "@skein/policies";
import { type Judgement, told } from "./judgement.ts";
import { judgeLeaving } from "./leaving.ts";
import type { Called, Caller } from "./parties.ts";

/** What a caller may do. */
export function judge(caller: Caller, called: Called): Judgement {
  return called.kind === "inbound" ? judgeInbound(caller.plan, called.inbound) : judgeLeaving(caller, called);
}

function judgeInbound(source: ProxyPlan, inbound: InboundPlan): Judgement {
  const { tls } = inbound.shared;
  if (tls === undefined || tls.mode === "off") {
    return {
      verdict: "plaintext",
      policy: null,
      reason: "the destination has no identity: anybody may call it",
    };
  }
  const permission = planOf(meshTrafficPermission, inbound.shared.policies);
  if (source.identity === undefined) {
    return tls.mode === "permissive"
      ? { verdict: "plaintext", policy: null, reason: "the caller has no identity and plaintext is let in" }
      : { verdict: "deny", policy: null, reason: "the caller has no identity and plaintext is refused" };
  }
  if (permission === undefined)
    return { verdict: "allow", policy: null, reason: "nothing restricts the destination" };
  return told(verdict(permission, { uris: source.identity.uris, sni: undefined }));
}
