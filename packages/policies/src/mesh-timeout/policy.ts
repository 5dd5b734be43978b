import type { PolicyDefinition } from "../definition.ts";
import { merge } from "../engine/merge.ts";
import { inboundRules, outboundRules } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshTimeoutConf } from "./conf.ts";
import { inboundTimeouts, outboundTimeouts } from "./envoy.ts";
import { meshTimeoutKind } from "./kind.ts";

/** How long to wait for connections, requests and idle streams. */
export const meshTimeout: PolicyDefinition<Merged<MeshTimeoutConf>, Merged<MeshTimeoutConf>> = {
  kind: meshTimeoutKind,
  order: 1000,
  planInbound({ policies }) {
    const rules = inboundRules(policies, "mt", true).filter(({ matches }) => matches.length === 0);
    return merge<MeshTimeoutConf>(rules);
  },
  planOutbound({ policies, destination }) {
    return merge<MeshTimeoutConf>(outboundRules(policies, destination, "mt"));
  },
  translateInbound(plan, draft) {
    inboundTimeouts(plan?.conf ?? {}, draft);
  },
  translateOutbound(plan, draft) {
    outboundTimeouts(plan?.conf ?? {}, draft);
  },
  origins: ({ origins }) => Object.values(origins),
};
