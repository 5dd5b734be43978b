import * as z from "zod";
import { meta } from "./common.ts";
import { json, NO_RESOURCE } from "./parts.ts";
import type { Topic } from "./topic.ts";

const conf = z.unknown();

const matcher = z.object({ key: z.string(), value: z.string(), not: z.boolean() });
const rule = z.object({ conf, matchers: z.array(matcher), origin: z.array(meta) });
const proxyRule = z.object({ conf, origin: z.array(meta) });
const ruleOrigin = z.object({ resourceMeta: meta, ruleIndex: z.int() });
const resourceRule = z.object({
  resourceMeta: meta,
  resourceSectionName: z.string().exactOptional(),
  conf: z.array(conf),
  origin: z.array(ruleOrigin),
});
const inbound = z.object({
  name: z.string().exactOptional(),
  port: z.int(),
  tags: z.record(z.string(), z.string()),
});
const fromRule = z.object({ inbound, rules: z.array(rule) });
const inboundRule = z.object({
  conf: z.array(conf),
  match: z.record(z.string(), z.unknown()).exactOptional().describe("Absent: for every caller."),
  origin: z.array(ruleOrigin),
});
const inboundRules = z.object({ inbound, rules: z.array(inboundRule) });
const ofKind = z.object({
  type: z.string().describe("Kind of policy."),
  toRules: z.array(rule).describe("Of destinations that are known by a tag."),
  toResourceRules: z.array(resourceRule).describe("Of services, and of routes to them."),
  fromRules: z.array(fromRule).describe("Of inbounds, where they tell callers apart by tags."),
  inboundRules: z.array(inboundRules),
  proxyRule: proxyRule.exactOptional().describe("Of the proxy as a whole."),
  warnings: z.array(z.string()).describe("What has no effect on this proxy, and why."),
});
const httpMatch = z.object({ hash: z.string(), match: z.record(z.string(), z.unknown()) });

/** For each kind of policy, what it says of the inbounds and of the destinations of a proxy or a gateway. */
export const RULES: Topic = {
  paths: {
    "/meshes/{mesh}/{resourceType}/{resourceName}/_rules": {
      values: { resourceType: ["dataplanes", "meshgateways"] },
      get: {
        ...{ id: "inspect-dataplanes-rules", tag: "Inspect" },
        summary: "What each kind of policy says of a proxy, or of those that serve a gateway",
        answers: { 200: json("InspectRules", "By kind of policy."), 404: NO_RESOURCE },
      },
    },
  },
  schemas: {
    RuleMatcher: matcher,
    Rule: rule,
    ProxyRule: proxyRule,
    ResourceRuleOrigin: ruleOrigin,
    ResourceRule: resourceRule,
    Inbound: inbound,
    FromRule: fromRule,
    InboundRule: inboundRule,
    InboundRulesEntry: inboundRules,
    InspectRule: ofKind,
    HttpMatch: httpMatch,
    InspectRules: z.object({
      httpMatches: z.array(httpMatch).describe("Always empty: rules name the routes that they are about."),
      resource: meta,
      rules: z.array(ofKind),
    }),
  },
};
