import type { Violation } from "@skein/model";
import * as z from "zod";
import { atLeastOne } from "../engine/checks.ts";
import { policyKind } from "../engine/policy-kind.ts";
import { isErrorStatus } from "../on-rate-limit/statuses.ts";
import { type MeshOpaConf, type TextSource, textsOf } from "./conf.ts";
import { regoPackage } from "./rego-package.ts";

const MAX_UINT32 = 4_294_967_295;

const text = z.object({ inlineString: z.string().optional(), secret: z.string().optional() });

const conf: z.ZodType<MeshOpaConf> = z.object({
  agentConfig: text.optional(),
  appendPolicies: z.array(z.object({ rego: text, ignoreDecision: z.boolean().optional() })).optional(),
  authConfig: z
    .object({
      statusOnError: z.int().optional(),
      onAgentFailure: z.enum(["Allow", "Deny"]).optional(),
      requestBody: z
        .object({
          maxSize: z.int().min(0, "must not be negative").max(MAX_UINT32).optional(),
          sendRawBody: z.boolean().optional(),
        })
        .optional(),
    })
    .optional(),
});

/** MeshOPA as a resource. */
export const meshOpaKind = policyKind<MeshOpaConf>({
  type: "MeshOPA",
  path: "meshopas",
  shortName: "mopa",
  cli: { singular: "meshopa", plural: "meshopas" },
  displayName: { singular: "Mesh OPA", plural: "Mesh OPAs" },
  description: "Which requests an Open Policy Agent beside each proxy lets through, by rules in Rego.",
  conf,
  single: true,
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshGateway"],
  // A proxy has one agent, which decides for all of its listeners.
  gatewayTags: false,
  needsBlock: false,
  validateConf,
});

function validateConf(value: MeshOpaConf, path: string): readonly Violation[] {
  const status = value.authConfig?.statusOnError;
  return [
    ...atLeastOne(value, ["agentConfig", "appendPolicies", "authConfig"], path),
    ...textsOf(value).flatMap(({ field, source }) => validateText(source, `${path}.${field}`)),
    ...(value.appendPolicies ?? []).flatMap(({ rego }, i) =>
      validateRego(rego, `${path}.appendPolicies[${i}].rego.inlineString`),
    ),
    ...(status === undefined || isErrorStatus(status)
      ? []
      : [
          {
            field: `${path}.authConfig.statusOnError`,
            reason: "must be a status of the HTTP standards from 400 on, such as 403 or 503",
          },
        ]),
  ];
}

function validateText({ inlineString, secret }: TextSource, field: string): readonly Violation[] {
  if ((inlineString === undefined) === (secret === undefined)) {
    return [{ field, reason: "must have exactly one defined: inlineString, secret" }];
  }
  if (secret === "")
    return [{ field: `${field}.secret`, reason: "must be the name of a Secret of the mesh" }];
  return [];
}

/** What an agent cannot load would keep it from everything else that is new. */
function validateRego({ inlineString, secret }: TextSource, field: string): readonly Violation[] {
  if (inlineString === undefined || secret !== undefined) return [];
  const found = regoPackage(inlineString);
  return found.ok ? [] : [{ field, reason: found.problem }];
}
