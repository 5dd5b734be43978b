import { duration, intOrString, type Violation } from "@skein/model";
import * as z from "zod";
import { type ConfContext, policyKind } from "../engine/policy-kind.ts";
import type { HashPolicyConf, MeshLoadBalancingStrategyConf } from "./conf.ts";
import { deprecations } from "./deprecations.ts";
import { validateHashPolicies } from "./validate-hash-policies.ts";
import { validateLoadBalancer } from "./validate-load-balancer.ts";
import { validateLocality } from "./validate-locality.ts";

const UINT32 = 4_294_967_295;
const name = () => z.string().min(1, "must not be empty");
const ringSize = () => z.int().min(1).max(8_000_000).optional();

const hashPolicies: z.ZodType<readonly HashPolicyConf[]> = z.array(
  z.object({
    type: z.enum(["Header", "Cookie", "Connection", "SourceIP", "QueryParameter", "FilterState"]),
    terminal: z.boolean().optional(),
    header: z.object({ name: name() }).optional(),
    cookie: z.object({ name: name(), ttl: duration().optional(), path: z.string().optional() }).optional(),
    connection: z.object({ sourceIP: z.boolean().optional() }).optional(),
    queryParameter: z.object({ name: name() }).optional(),
    filterState: z.object({ key: name() }).optional(),
  }),
);

const conf: z.ZodType<MeshLoadBalancingStrategyConf> = z.object({
  localityAwareness: z
    .object({
      disabled: z.boolean().optional(),
      localZone: z
        .object({
          affinityTags: z
            .array(z.object({ key: z.string(), weight: z.int().min(0).max(UINT32).optional() }))
            .optional(),
        })
        .optional(),
      crossZone: z
        .object({
          failover: z
            .array(
              z.object({
                from: z.object({ zones: z.array(z.string()) }).optional(),
                to: z.object({
                  type: z.enum(["None", "Only", "Any", "AnyExcept"]),
                  zones: z.array(z.string()).optional(),
                }),
              }),
            )
            .optional(),
          failoverThreshold: z.object({ percentage: intOrString() }).optional(),
        })
        .optional(),
    })
    .optional(),
  loadBalancer: z
    .object({
      type: z.enum(["RoundRobin", "LeastRequest", "RingHash", "Random", "Maglev"]),
      roundRobin: z.object({}).optional(),
      random: z.object({}).optional(),
      leastRequest: z
        .object({
          choiceCount: z.int().min(2).max(UINT32).optional(),
          activeRequestBias: intOrString().optional(),
        })
        .optional(),
      ringHash: z
        .object({
          hashFunction: z.enum(["XXHash", "MurmurHash2"]).optional(),
          minRingSize: ringSize(),
          maxRingSize: ringSize(),
          hashPolicies: hashPolicies.optional(),
        })
        .optional(),
      maglev: z
        .object({
          tableSize: z.int().min(1).max(5_000_011).optional(),
          hashPolicies: hashPolicies.optional(),
        })
        .optional(),
    })
    .optional(),
  hashPolicies: hashPolicies.optional(),
});

/** MeshLoadBalancingStrategy as a resource. */
export const meshLoadBalancingStrategyKind = policyKind<MeshLoadBalancingStrategyConf>({
  type: "MeshLoadBalancingStrategy",
  path: "meshloadbalancingstrategies",
  shortName: "mlbs",
  cli: { singular: "meshloadbalancingstrategy", plural: "meshloadbalancingstrategies" },
  displayName: {
    singular: "Mesh Load Balancing Strategy",
    plural: "Mesh Load Balancing Strategies",
  },
  description: "Which instance of a service gets a request, and which zones are called when near ones fail.",
  conf,
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway"],
  toKinds: ["Mesh", "MeshService", "MeshMultiZoneService", "MeshHTTPRoute"],
  toKindsOfGateway: ["Mesh", "MeshService", "MeshMultiZoneService"],
  needsBlock: false,
  validateConf,
  deprecations,
});

function validateConf(
  value: MeshLoadBalancingStrategyConf,
  path: string,
  { target, topKind }: ConfContext,
): readonly Violation[] {
  if (target?.kind === "MeshHTTPRoute") return validateRouteConf(value, path);
  const isGatewayOnly = topKind === "MeshGateway" && value.loadBalancer !== undefined;
  return [
    ...(isGatewayOnly && target?.kind !== "Mesh"
      ? [
          {
            field: path.replace(/default$/, "targetRef.kind"),
            reason: `value '${target?.kind}' is not supported, only Mesh is allowed if loadBalancer is set`,
          },
        ]
      : []),
    ...validateLocality(value.localityAwareness, `${path}.localityAwareness`, target),
    ...validateLoadBalancer(value.loadBalancer, `${path}.loadBalancer`, value.hashPolicies !== undefined),
    ...validateHashPolicies(value.hashPolicies, `${path}.hashPolicies`),
  ];
}

function validateRouteConf(value: MeshLoadBalancingStrategyConf, path: string): readonly Violation[] {
  const reason = "field is not allowed when targetRef.kind is MeshHTTPRoute, only hashPolicies is supported";
  return [
    ...(["localityAwareness", "loadBalancer"] as const)
      .filter((field) => value[field] !== undefined)
      .map((field) => ({ field: `${path}.${field}`, reason })),
    ...validateHashPolicies(value.hashPolicies, `${path}.hashPolicies`),
  ];
}
