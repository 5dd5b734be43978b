import type { PolicySpec } from "../engine/policy-resource.ts";
import type { HashPolicyConf, MeshLoadBalancingStrategyConf } from "./conf.ts";

/** What a document says in an older way, and hash policies that nothing will look at. */
export function deprecations({ to }: PolicySpec): readonly string[] {
  return (to ?? []).flatMap((entry, i) => {
    const { loadBalancer, hashPolicies } = (entry.default ?? {}) as MeshLoadBalancingStrategyConf;
    const path = `spec.to[${i}].default`;
    const older = [
      { at: `${path}.loadBalancer.ringHash.hashPolicies`, policies: loadBalancer?.ringHash?.hashPolicies },
      { at: `${path}.loadBalancer.maglev.hashPolicies`, policies: loadBalancer?.maglev?.hashPolicies },
    ];
    const isHash = loadBalancer?.type === "RingHash" || loadBalancer?.type === "Maglev";
    return [
      ...older.flatMap(({ at, policies }) =>
        policies === undefined ? [] : [`${at} is deprecated; use ${path}.hashPolicies instead`],
      ),
      ...[{ at: `${path}.hashPolicies`, policies: hashPolicies }, ...older].flatMap(({ at, policies }) =>
        sourceIp(policies ?? [], at),
      ),
      ...unread((entry.default ?? {}) as MeshLoadBalancingStrategyConf, path),
      ...(loadBalancer !== undefined && !isHash && (hashPolicies ?? []).length > 0
        ? [
            `${path}.hashPolicies have no effect with loadBalancer.type ${loadBalancer.type}; use RingHash or Maglev`,
          ]
        : []),
    ];
  });
}

function sourceIp(policies: readonly HashPolicyConf[], path: string): readonly string[] {
  return policies.flatMap(({ type }, i) =>
    type === "SourceIP"
      ? [`${path}[${i}].type: SourceIP is deprecated; use Connection with connection.sourceIP: true instead`]
      : [],
  );
}

const SETTINGS = [
  { part: "leastRequest", type: "LeastRequest" },
  { part: "ringHash", type: "RingHash" },
  { part: "maglev", type: "Maglev" },
] as const;

/** What a document says and nothing reads. */
function unread(
  { loadBalancer, localityAwareness, hashPolicies }: MeshLoadBalancingStrategyConf,
  path: string,
): readonly string[] {
  const { disabled, localZone, crossZone } = localityAwareness ?? {};
  return [
    ...SETTINGS.flatMap(({ part, type }) =>
      loadBalancer !== undefined &&
      loadBalancer.type !== type &&
      Object.keys(loadBalancer[part] ?? {}).length > 0
        ? [`${path}.loadBalancer.${part} has no effect with loadBalancer.type ${loadBalancer.type}`]
        : [],
    ),
    ...(loadBalancer?.type === "LeastRequest" && loadBalancer.leastRequest?.activeRequestBias !== undefined
      ? [
          `${path}.loadBalancer.leastRequest.activeRequestBias has no effect, because all instances weigh the same, unless a MeshProxyPatch gives the cluster a slow start`,
        ]
      : []),
    ...(hashPolicies ?? []).flatMap(({ type, connection }, i) =>
      type === "Connection" && connection?.sourceIP !== true
        ? [`${path}.hashPolicies[${i}].connection has no effect without sourceIP: true`]
        : [],
    ),
    ...(disabled === true && (localZone ?? crossZone) !== undefined
      ? [`${path}.localityAwareness.disabled has no effect beside localZone or crossZone`]
      : []),
  ];
}
