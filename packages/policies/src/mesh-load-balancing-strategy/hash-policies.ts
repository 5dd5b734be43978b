import { create } from "@bufbuild/protobuf";
import {
  RouteAction_HashPolicy_ConnectionPropertiesSchema as ConnectionSchema,
  RouteAction_HashPolicy_CookieSchema as CookieSchema,
  RouteAction_HashPolicy_FilterStateSchema as FilterStateSchema,
  RouteAction_HashPolicy_HeaderSchema as HeaderSchema,
  RouteAction_HashPolicy_QueryParameterSchema as QueryParameterSchema,
  type RouteAction_HashPolicy as RequestHash,
  RouteAction_HashPolicySchema as RequestHashSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import {
  type HashPolicy as ConnectionHash,
  HashPolicySchema as ConnectionHashSchema,
  HashPolicy_FilterStateSchema as ConnectionStateSchema,
  HashPolicy_SourceIpSchema as SourceIpSchema,
} from "@skein/envoy-api/envoy/type/v3/hash_policy_pb";
import { duration } from "../envoy-values.ts";
import type { HashPolicyConf, MeshLoadBalancingStrategyConf } from "./conf.ts";

/** The list that stands: the one beside the algorithm, else the older one inside it. */
export function hashPoliciesOf({
  hashPolicies,
  loadBalancer,
}: MeshLoadBalancingStrategyConf): readonly HashPolicyConf[] {
  if (hashPolicies !== undefined) return hashPolicies;
  if (loadBalancer?.type === "RingHash") return loadBalancer.ringHash?.hashPolicies ?? [];
  if (loadBalancer?.type === "Maglev") return loadBalancer.maglev?.hashPolicies ?? [];
  return [];
}

/** By what requests are told apart. */
export function requestHash(conf: HashPolicyConf): RequestHash {
  return create(RequestHashSchema, { terminal: conf.terminal ?? false, policySpecifier: specifier(conf) });
}

/**
 * By what connections are told apart where nobody looks into them: the first policy that a connection can answer. Envoy
 * takes one.
 */
export function connectionHash(policies: readonly HashPolicyConf[]): ConnectionHash[] {
  for (const { type, connection, filterState } of policies) {
    if (type === "SourceIP" || (type === "Connection" && connection?.sourceIP === true)) {
      return [
        create(ConnectionHashSchema, {
          policySpecifier: { case: "sourceIp", value: create(SourceIpSchema) },
        }),
      ];
    }
    if (type === "FilterState" && filterState !== undefined) {
      return [
        create(ConnectionHashSchema, {
          policySpecifier: {
            case: "filterState",
            value: create(ConnectionStateSchema, { key: filterState.key }),
          },
        }),
      ];
    }
  }
  return [];
}

function specifier(conf: HashPolicyConf): RequestHash["policySpecifier"] {
  switch (conf.type) {
    case "Header":
      return { case: "header", value: create(HeaderSchema, { headerName: conf.header?.name ?? "" }) };
    case "Cookie":
      return { case: "cookie", value: cookie(conf.cookie) };
    case "QueryParameter":
      return {
        case: "queryParameter",
        value: create(QueryParameterSchema, { name: conf.queryParameter?.name ?? "" }),
      };
    case "FilterState":
      return { case: "filterState", value: create(FilterStateSchema, { key: conf.filterState?.key ?? "" }) };
    case "SourceIP":
    case "Connection": {
      const sourceIp = conf.type === "SourceIP" || conf.connection?.sourceIP === true;
      return { case: "connectionProperties", value: create(ConnectionSchema, { sourceIp }) };
    }
  }
}

function cookie(conf: HashPolicyConf["cookie"]) {
  const value = create(CookieSchema, { name: conf?.name ?? "", path: conf?.path ?? "" });
  if (conf?.ttl !== undefined) value.ttl = duration(conf.ttl);
  return value;
}
