import { validateListenerHostname as validateHostname } from "@skein/model";
import * as z from "zod";
import { policyKind } from "../engine/policy-kind.ts";
import { validateRules } from "./checks.ts";
import type { HttpRule } from "./conf.ts";
import { httpRulesSchema } from "./schema.ts";
import { voidParts } from "./void-parts.ts";

/** MeshHTTPRoute as a resource. */
export const meshHttpRouteKind = policyKind<readonly HttpRule[]>({
  type: "MeshHTTPRoute",
  path: "meshhttproutes",
  shortName: "mhttpr",
  cli: { singular: "meshhttproute", plural: "meshhttproutes" },
  displayName: { singular: "Mesh HTTP Route", plural: "Mesh HTTP Routes" },
  description: "Where requests go and what is changed on the way, by path, method, headers and query.",
  conf: httpRulesSchema,
  toField: "rules",
  toFields: { hostnames: z.array(z.string()).optional() },
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway"],
  toKinds: ["MeshService", "MeshExternalService", "MeshMultiZoneService"],
  toKindsOfGateway: ["Mesh"],
  needsBlock: false,
  validateConf: validateRules,
  deprecations: voidParts,
  validateSpec({ targetRef, to }) {
    const isGateway = targetRef?.kind === "MeshGateway";
    return (to ?? []).flatMap((entry, i) => {
      if (!("hostnames" in entry) || entry.hostnames === undefined) return [];
      const field = `spec.to[${i}].hostnames`;
      return isGateway
        ? (entry.hostnames as readonly string[]).flatMap((name, j) =>
            validateHostname(name, `${field}[${j}]`),
          )
        : [{ field, reason: "can only be set when spec.targetRef.kind is MeshGateway" }];
    });
  },
});
