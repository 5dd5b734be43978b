import { type BackendRef, backendRefSchema, validateBackendRef } from "@skein/model";
import * as z from "zod";
import { BACKEND_KINDS, weightViolations } from "../engine/backends.ts";
import { policyKind } from "../engine/policy-kind.ts";
import type { TcpRule } from "./conf.ts";

const rules: z.ZodType<readonly TcpRule[]> = z
  .array(z.object({ default: z.object({ backendRefs: z.array(backendRefSchema).optional() }) }))
  .max(1, "must have at most one entry: connections have nothing to tell them apart");

/** MeshTCPRoute as a resource. */
export const meshTcpRouteKind = policyKind<readonly TcpRule[]>({
  type: "MeshTCPRoute",
  path: "meshtcproutes",
  shortName: "mtcpr",
  cli: { singular: "meshtcproute", plural: "meshtcproutes" },
  displayName: { singular: "Mesh TCP Route", plural: "Mesh TCP Routes" },
  description: "Where connections go, shared out by weight.",
  conf: rules,
  toField: "rules",
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway"],
  toKinds: ["MeshService", "MeshExternalService", "MeshMultiZoneService"],
  toKindsOfGateway: ["Mesh"],
  needsBlock: false,
  validateConf(value, path) {
    return value.flatMap(({ default: { backendRefs = [] } }, i) => {
      const at = `${path}[${i}].default.backendRefs`;
      if (backendRefs.length === 0) return [{ field: at, reason: "must have at least one entry" }];
      return [
        ...backendRefs.flatMap((ref, j) =>
          validateBackendRef(ref as BackendRef, { path: `${at}[${j}]`, kinds: BACKEND_KINDS }),
        ),
        ...weightViolations(backendRefs, at),
      ];
    });
  },
  validateSpec: ({ to }) =>
    to === undefined || to.length === 0 ? [{ field: "spec.to", reason: "must have at least one entry" }] : [],
});
