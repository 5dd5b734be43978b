import type { PolicyDefinition } from "../definition.ts";
import { merge } from "../engine/merge.ts";
import { comparePolicies } from "../engine/order.ts";
import { policyKri } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshProxyPatchConf } from "./conf.ts";
import { meshProxyPatchKind } from "./kind.ts";
import { resourcePatch } from "./patch.ts";

/** Changes to the finished configuration, those of the least specific policy first. It runs after every other policy. */
export const meshProxyPatch: PolicyDefinition<unknown, unknown, Merged<MeshProxyPatchConf>> = {
  kind: meshProxyPatchKind,
  order: 9999,
  planProxy({ policies }) {
    const contributions = [...policies].sort(comparePolicies).flatMap((policy) => {
      const { appendModifications = [] } = (policy.spec.default ?? {}) as MeshProxyPatchConf;
      return appendModifications.map((modification, i) => ({
        conf: { appendModifications: [modification] },
        origin: { policy: policyKri(policy, "mpp"), rule: `default.appendModifications[${i}]` },
      }));
    });
    return merge<MeshProxyPatchConf>(contributions);
  },
  patchResources: resourcePatch,
  shapes: [],
  origins: (plan) => Object.values((plan as Merged<MeshProxyPatchConf>).origins),
};
