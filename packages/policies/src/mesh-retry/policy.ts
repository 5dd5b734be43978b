import type { PolicyDefinition } from "../definition.ts";
import { merge } from "../engine/merge.ts";
import { outboundRules } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshRetryConf } from "./conf.ts";
import { retries } from "./envoy.ts";
import { meshRetryKind } from "./kind.ts";

/** Calls that failed are made again, within limits. */
export const meshRetry: PolicyDefinition<never, Merged<MeshRetryConf>> = {
  kind: meshRetryKind,
  order: 1400,
  planOutbound({ policies, destination }) {
    return merge<MeshRetryConf>(outboundRules(policies, destination, "mr"));
  },
  translateOutbound(plan, draft) {
    if (plan !== undefined) retries(plan.conf, draft);
  },
  origins: ({ origins }) => Object.values(origins),
};
