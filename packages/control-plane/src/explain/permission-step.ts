import { LABEL, matchesSpiffeId } from "@skein/model";
import {
  type Caller,
  meshTrafficPermission,
  type Origin,
  type PermissionPlan,
  type ProxyPlan,
  planOf,
  verdict,
} from "@skein/policies";
import type { Hop, Remedy } from "./explanation.ts";
import { plainFact } from "./facts.ts";
import type { CalledPort } from "./instances.ts";

/** Whether a caller is let in. */
export interface PermissionChoice {
  readonly hop: Hop;
  readonly allowed: boolean;
  readonly decidedBy?: Origin;
  readonly remedy?: Remedy;
}

/** The decision of an inbound on a caller that it knows by its certificate. */
export function permissionStep(
  source: ProxyPlan,
  caller: Caller,
  server: ProxyPlan,
  inbound: CalledPort,
): PermissionChoice {
  const plan = planOf(meshTrafficPermission, inbound.shared.policies);
  const [id = ""] = caller.uris;
  const hop = (outcome: Hop["outcome"], text: string, facts: Hop["facts"] = []): Hop => ({
    at: "permission",
    name: server.name,
    outcome,
    text,
    facts,
  });
  if (plan === undefined) return { allowed: true, hop: hop("pass", "nothing restricts who may call") };
  const { allowed, origin, shadowDenied } = verdict(plan, caller);
  const decidedBy = origin === undefined ? {} : { decidedBy: origin };
  const decision = origin === undefined ? [] : [{ name: "decided by", value: origin.rule, origin }];
  if (allowed) {
    const shadow = shadowDenied ? "; a rule in shadow mode would deny it and counts it" : "";
    return {
      allowed,
      ...decidedBy,
      hop: hop(shadowDenied ? "warn" : "pass", `${id} is allowed${shadow}`, decision),
    };
  }
  if (origin !== undefined) {
    return {
      allowed,
      ...decidedBy,
      hop: hop("stop", `${id} is denied by a rule; no allow outweighs a deny`, decision),
      remedy: { text: `narrow ${origin.rule} of ${origin.policy}, or delete it` },
    };
  }
  const rules = allowedCallers(plan);
  return {
    allowed,
    hop: hop("stop", `no MeshTrafficPermission allows ${id}`, [
      plainFact("allowed are", rules.length === 0 ? "nobody: no rule allows anybody" : rules.join(", ")),
      ...nearMisses(rules, id).map((miss) => plainFact("near miss", miss)),
    ]),
    remedy: { text: "allow this caller", document: allowing(plan, source, id, server, inbound) },
  };
}

function allowedCallers(plan: PermissionPlan): readonly string[] {
  if (plan.model === "either") return [...allowedCallers(plan.tags), ...allowedCallers(plan.identity)];
  if (plan.model === "tags") {
    return plan.entries
      .filter(({ action }) => action !== "Deny")
      .map(({ target }) => `${target.kind} ${target.name ?? JSON.stringify(target.tags ?? {})}`);
  }
  return [...plan.allow, ...plan.allowWithShadowDeny].flatMap(({ matches }) =>
    matches.map(({ spiffeID, sni }) =>
      [spiffeID && `${spiffeID.type} ${spiffeID.value}`, sni && `sni ${sni.value}`]
        .filter(Boolean)
        .join(" and "),
    ),
  );
}

/** Rules that look as if they meant this caller: they match it as text but not as an id. */
function nearMisses(rules: readonly string[], id: string): readonly string[] {
  return rules.flatMap((rule) => {
    const [type, value = ""] = rule.split(" ");
    if (type === "Exact" && matchesSpiffeId({ type: "Prefix", value }, id)) {
      return [`${rule} is exact: a Prefix would match`];
    }
    if (type === "Prefix" && id.startsWith(value) && !rule.includes(" and ")) {
      return [`${rule} ends inside a path segment: a prefix matches whole segments only`];
    }
    return rule.includes(" and ") && id.startsWith(value) ? [`${rule} asks for another server name`] : [];
  });
}

/** A policy that lets the caller in, and nobody else; at an egress, to this one service outside. */
function allowing(
  plan: PermissionPlan,
  source: ProxyPlan,
  id: string,
  server: ProxyPlan,
  inbound: CalledPort,
): unknown {
  const workload = (proxy: ProxyPlan): string =>
    proxy.labels[LABEL.workload] ?? proxy.labels.app ?? proxy.name;
  const { shared } = inbound;
  if ("external" in shared) {
    const { name, sni } = shared.destination;
    const allow = [{ spiffeID: { type: "Exact", value: id }, sni: { type: "Exact", value: sni } }];
    return {
      type: "MeshTrafficPermission",
      mesh: server.mesh,
      name: `allow-${workload(source)}-to-${name}`,
      spec: {
        targetRef: { kind: "Dataplane", labels: { [LABEL.listenerZoneEgress]: "enabled" } },
        rules: [{ default: { allow } }],
      },
    };
  }
  const labels =
    server.labels[LABEL.workload] !== undefined
      ? { [LABEL.workload]: server.labels[LABEL.workload] }
      : server.labels.app !== undefined
        ? { app: server.labels.app }
        : undefined;
  const targetRef = {
    kind: "Dataplane",
    ...(labels === undefined ? { name: server.name } : { labels }),
    ...(server.inbounds.length > 1 ? { sectionName: inbound.section } : {}),
  };
  const name = `allow-${workload(source)}-to-${workload(server)}`;
  const document = { type: "MeshTrafficPermission", mesh: server.mesh, name };
  if (plan.model === "tags") {
    const service = source.inbounds[0]?.tags["kuma.io/service"] ?? "";
    const from = [
      {
        targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": service } },
        default: { action: "Allow" },
      },
    ];
    return { ...document, spec: { targetRef, from } };
  }
  const allow = [{ spiffeID: { type: "Exact", value: id } }];
  return { ...document, spec: { targetRef, rules: [{ default: { allow } }] } };
}
