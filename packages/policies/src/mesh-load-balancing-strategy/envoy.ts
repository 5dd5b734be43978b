import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_CommonLbConfigSchema,
  Cluster_RingHashLbConfig_HashFunction as HashFunction,
  Cluster_LbPolicy as LbPolicy,
  Cluster_LeastRequestLbConfigSchema as LeastRequestSchema,
  Cluster_CommonLbConfig_LocalityWeightedLbConfigSchema as LocalityWeightedSchema,
  Cluster_MaglevLbConfigSchema as MaglevSchema,
  Cluster_RingHashLbConfigSchema as RingHashSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { RuntimeDoubleSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import type { OutboundDraft } from "../draft.ts";
import { type ByRoute, forRoute } from "../engine/by-route.ts";
import type { LoadBalancer, MeshLoadBalancingStrategyConf, RingHash } from "./conf.ts";
import { connectionHash, hashPoliciesOf, requestHash } from "./hash-policies.ts";

/** Key under which Envoy's runtime would override the bias; it insists on one. */
const BIAS_KEY = "upstream.least_request.active_request_bias";
/** What Envoy takes for the smallest ring where nothing is said. */
const DEFAULT_MIN_RING = 1024;

/** The algorithm of a cluster, the weights of its localities, and what requests and connections are told apart by. */
export function loadBalancing(plan: ByRoute<MeshLoadBalancingStrategyConf>, draft: OutboundDraft): void {
  const { conf } = plan;
  if (conf.loadBalancer !== undefined) algorithm(conf.loadBalancer, draft.cluster);
  if (!draft.isExternal && (conf.localityAwareness?.localZone?.affinityTags ?? []).length > 0) {
    draft.cluster.commonLbConfig ??= create(Cluster_CommonLbConfigSchema);
    draft.cluster.commonLbConfig.localityConfigSpecifier = {
      case: "localityWeightedLbConfig",
      value: create(LocalityWeightedSchema),
    };
  }
  if (draft.tcp !== undefined) draft.tcp.hashPolicy = connectionHash(hashPoliciesOf(conf));
  for (const each of draft.routes) {
    if (each.route.action.case !== "route") continue;
    const own = forRoute(plan, each)?.conf ?? conf;
    each.route.action.value.hashPolicy = hashPoliciesOf(own).map(requestHash);
  }
}

function algorithm(conf: LoadBalancer, cluster: Cluster): void {
  switch (conf.type) {
    case "RoundRobin":
      cluster.lbPolicy = LbPolicy.ROUND_ROBIN;
      return;
    case "Random":
      cluster.lbPolicy = LbPolicy.RANDOM;
      return;
    case "LeastRequest":
      cluster.lbPolicy = LbPolicy.LEAST_REQUEST;
      if (conf.leastRequest !== undefined) cluster.lbConfig = leastRequest(conf.leastRequest);
      return;
    case "RingHash":
      cluster.lbPolicy = LbPolicy.RING_HASH;
      if (conf.ringHash !== undefined) cluster.lbConfig = ringHash(conf.ringHash);
      return;
    case "Maglev":
      cluster.lbPolicy = LbPolicy.MAGLEV;
      if (conf.maglev?.tableSize !== undefined) {
        cluster.lbConfig = {
          case: "maglevLbConfig",
          value: create(MaglevSchema, { tableSize: BigInt(conf.maglev.tableSize) }),
        };
      }
  }
}

function leastRequest({
  choiceCount,
  activeRequestBias,
}: NonNullable<LoadBalancer["leastRequest"]>): Cluster["lbConfig"] {
  const value = create(LeastRequestSchema);
  if (choiceCount !== undefined) value.choiceCount = choiceCount;
  if (activeRequestBias !== undefined) {
    value.activeRequestBias = create(RuntimeDoubleSchema, {
      defaultValue: Number(activeRequestBias),
      runtimeKey: BIAS_KEY,
    });
  }
  return { case: "leastRequestLbConfig", value };
}

function ringHash({ hashFunction, minRingSize, maxRingSize }: RingHash): Cluster["lbConfig"] {
  const value = create(RingHashSchema, {
    hashFunction: hashFunction === "MurmurHash2" ? HashFunction.MURMUR_HASH_2 : HashFunction.XX_HASH,
  });
  // Somebody who only wants a small ring would otherwise get one whose least size, Envoy's own or that of another policy,
  // is above its greatest; Envoy takes no such ring.
  const least = minRingSize ?? DEFAULT_MIN_RING;
  const min = maxRingSize !== undefined && least > maxRingSize ? maxRingSize : minRingSize;
  if (min !== undefined) value.minimumRingSize = BigInt(min);
  if (maxRingSize !== undefined) value.maximumRingSize = BigInt(maxRingSize);
  return { case: "ringHashLbConfig", value };
}
