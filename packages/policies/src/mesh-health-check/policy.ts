import type { PolicyDefinition } from "../definition.ts";
import { merge } from "../engine/merge.ts";
import { outboundRules } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshHealthCheckConf } from "./conf.ts";
import { healthChecks } from "./envoy.ts";
import { meshHealthCheckKind } from "./kind.ts";

/** Callers ask the instances of a service whether they are well. */
export const meshHealthCheck: PolicyDefinition<never, Merged<MeshHealthCheckConf>> = {
  kind: meshHealthCheckKind,
  order: 1200,
  planOutbound({ policies, destination }) {
    return merge<MeshHealthCheckConf>(outboundRules(policies, destination, "mhc"));
  },
  translateOutbound(plan, draft) {
    if (plan !== undefined) healthChecks(plan.conf, draft);
  },
  shapes: ["cluster"],
  origins: ({ origins }) => Object.values(origins),
};
