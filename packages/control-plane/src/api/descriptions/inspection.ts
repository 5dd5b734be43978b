import * as z from "zod";
import type { FieldOrigin } from "../plan-entry.ts";
import { caller, meta } from "./common.ts";
import { describes } from "./describes.ts";
import { allSchema, json, NO_RESOURCE, problem } from "./parts.ts";
import type { Operation, Topic } from "./topic.ts";

const tag = "Inspect";
const base = "/meshes/{mesh}/dataplanes/{name}";

const exclusive = {
  400: problem("It is no KRI, or `meshServices.mode` of the mesh is not Exclusive."),
  404: NO_RESOURCE,
};
const inspect = (id: string, summary: string, schema: string, answer: string): { get: Operation } => ({
  get: { id, tag, summary, answers: { 200: json(schema, answer), ...exclusive } },
});

const port = {
  kri: z.string(),
  port: z.int(),
  protocol: z.string(),
  proxyResourceName: z.string().describe("Of the resource in Envoy."),
};
const inbound = z.object(port);
const outbound = z.object(port);
const listener = z.object({
  kri: z.string(),
  type: z.literal("ZoneEgress"),
  port: z.int(),
  proxyResourceName: z.string(),
});

/** What a policy decides: its shape is the policy's own. */
const conf = z.unknown();
const policyOrigin = z.object({ kri: z.string() });
const fieldOrigin = describes<FieldOrigin>()(
  z.object({
    path: z.string(),
    value: z.unknown().optional(),
    kri: z.string(),
    rule: z.string().describe("Such as `to[0]`."),
    caller: caller.exactOptional(),
  }),
);
const common = {
  kind: z.string(),
  origins: z.array(policyOrigin),
  fields: z.array(fieldOrigin).describe("The rule that each field comes from."),
};
const policyConf = z.object({ ...common, conf });
const policyRule = z.object({
  conf,
  kri: z.string(),
  matches: z.array(caller).exactOptional().describe("Absent: for every caller."),
});
const inboundConf = z.object({ ...common, rules: z.array(policyRule) });
const routeRules = z.object({
  kri: z.string(),
  matches: z.array(z.record(z.string(), z.unknown())),
  conf: z.record(z.string(), z.unknown()),
});
const routeConf = z.object({
  kind: z.enum(["MeshHTTPRoute", "MeshTCPRoute"]),
  rules: z.array(routeRules).describe("In the order in which they are tried."),
  origins: z.array(policyOrigin),
});

/** Policies by kind. */
const matched = z.record(z.string(), z.array(meta));
const sidecarPolicies = allSchema(
  z.object({
    type: z.enum(["inbound", "outbound"]),
    name: z.string(),
    service: z.string(),
    matchedPolicies: matched,
  }),
).extend({ kind: z.literal("SidecarDataplane") });
const gatewayPolicies = z.object({
  kind: z.literal("MeshGatewayDataplane"),
  gateway: z.object({ mesh: z.string(), name: z.string() }),
  listeners: z.array(
    z.object({
      port: z.int(),
      protocol: z.string(),
      hosts: z.array(
        z.object({
          hostName: z.string(),
          routes: z.array(
            z.object({
              route: z.string(),
              destinations: z.array(z.object({ tags: z.record(z.string(), z.string()), policies: matched })),
            }),
          ),
        }),
      ),
    }),
  ),
  policies: matched,
});

/** What a proxy should do and why. */
export const INSPECTION: Topic = {
  paths: {
    [`${base}/_layout`]: inspect(
      "get-dataplanes-layout",
      "Inbounds and outbounds of a proxy",
      "DataplaneNetworkingLayout",
      "What it serves and what it calls.",
    ),
    [`${base}/_policies`]: inspect(
      "get-proxy-policy-conf",
      "What policies say of a proxy as a whole",
      "PoliciesList",
      "By kind of policy.",
    ),
    [`${base}/_inbounds/{inbound-kri}/_policies`]: inspect(
      "get-inbound-policy-conf",
      "What policies say of an inbound",
      "InboundPoliciesList",
      "By kind of policy.",
    ),
    [`${base}/_outbounds/{kri}/_policies`]: inspect(
      "get-outbound-policy-conf",
      "What policies say of calls to a destination",
      "PoliciesList",
      "By kind of policy; `conf` is a list.",
    ),
    [`${base}/_outbounds/{kri}/_routes`]: inspect(
      "get-outbound-routes",
      "The routes to a destination",
      "RoutesList",
      "By kind of route.",
    ),
    [`${base}/_outbounds/{outbound-kri}/_routes/{route-kri}/_policies`]: inspect(
      "get-route-policy-conf",
      "What policies say of a route",
      "PoliciesList",
      "By kind of policy; `conf` is a list.",
    ),
    [`${base}/policies`]: {
      get: {
        ...{ id: "getMatchedPolicies", tag, isOld: true },
        summary: "Which policies matched which part of a proxy",
        answers: {
          200: {
            description: "The parts of a sidecar, or of a built-in gateway.",
            content: {
              "application/json": {
                oneOf: [
                  { $ref: "#/components/schemas/SidecarPolicies" },
                  { $ref: "#/components/schemas/GatewayPolicies" },
                ],
              },
            },
          },
          404: NO_RESOURCE,
        },
      },
    },
  },
  schemas: {
    DataplaneInbound: inbound,
    DataplaneOutbound: outbound,
    DataplaneListener: listener,
    DataplaneNetworkingLayout: z.object({
      inbounds: z.array(inbound),
      kri: z.string(),
      labels: z.record(z.string(), z.string()),
      listeners: z.array(listener),
      outbounds: z.array(outbound),
      spiffeId: z.string().exactOptional(),
    }),
    PolicyOrigin: policyOrigin,
    FieldOrigin: fieldOrigin,
    PolicyConf: policyConf,
    PoliciesList: z.object({ policies: z.array(policyConf) }),
    PolicyRule: policyRule,
    InboundPolicyConf: inboundConf,
    InboundPoliciesList: z.object({ policies: z.array(inboundConf) }),
    RouteRules: routeRules,
    RouteConf: routeConf,
    RoutesList: z.object({ routes: z.array(routeConf) }),
    SidecarPolicies: sidecarPolicies,
    GatewayPolicies: gatewayPolicies,
  },
};
