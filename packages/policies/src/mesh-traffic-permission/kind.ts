import { matchSchema, type Violation, validateMatch } from "@skein/model";
import * as z from "zod";
import { policyKind } from "../engine/policy-kind.ts";

const ACTIONS = ["Allow", "Deny", "AllowWithShadowDeny"] as const;
const LISTS = ["deny", "allowWithShadowDeny", "allow"] as const;

const fromConf = z.object({ action: z.enum(ACTIONS).optional() });
const ruleConf = z.object({
  deny: z.array(matchSchema).optional(),
  allowWithShadowDeny: z.array(matchSchema).optional(),
  allow: z.array(matchSchema).optional(),
});

/** MeshTrafficPermission as a resource. */
export const meshTrafficPermissionKind = policyKind<z.infer<typeof fromConf>, z.infer<typeof ruleConf>>({
  type: "MeshTrafficPermission",
  path: "meshtrafficpermissions",
  shortName: "mtp",
  cli: { singular: "meshtrafficpermission", plural: "meshtrafficpermissions" },
  displayName: { singular: "Mesh Traffic Permission", plural: "Mesh Traffic Permissions" },
  description: "Who may call whom; whoever is not allowed is refused.",
  conf: fromConf,
  ruleConf,
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshServiceSubset"],
  fromKinds: ["Mesh", "MeshSubset", "MeshService", "MeshServiceSubset"],
  rules: { matches: false, excludesTo: false },
  needsBlock: true,
  deprecatedFrom: "use 'rules' with SPIFFE ids of a MeshIdentity instead",
  deprecations: ({ from = [] }) =>
    from.flatMap(({ targetRef }, i) =>
      targetRef.kind === "MeshService"
        ? [
            `spec.from[${i}].targetRef.kind: MeshService is deprecated; use MeshSubset with the tag kuma.io/service instead`,
          ]
        : [],
    ),
  validateConf: ({ action }, path) =>
    action === undefined ? [{ field: `${path}.action`, reason: `must be one of ${ACTIONS.join(", ")}` }] : [],
  validateRuleConf(value, path) {
    const violations: Violation[] = LISTS.flatMap((list) =>
      (value[list] ?? []).flatMap((match, i) => validateMatch(match, `${path}.${list}[${i}]`)),
    );
    if (LISTS.every((list) => (value[list] ?? []).length === 0)) {
      violations.push({
        field: path,
        reason: "at least one of 'allow', 'allowWithShadowDeny', 'deny' has to be defined",
      });
    }
    return violations;
  },
});
