import { createRequire } from "node:module";
import type { Violation } from "@skein/model";
import * as z from "zod";
import { policyKind } from "../engine/policy-kind.ts";
import {
  FILTER_OPERATIONS,
  JSON_PATCH_OPERATIONS,
  type MeshProxyPatchConf,
  MODIFICATION_KINDS,
  modificationOf,
  RESOURCE_OPERATIONS,
} from "./conf.ts";
import { checkModification } from "./modification-checks.ts";

const jsonPatches = z
  .array(
    z.object({
      op: z.enum(JSON_PATCH_OPERATIONS, {
        error: () => `"op" must be one of ${list(JSON_PATCH_OPERATIONS)}`,
      }),
      path: z.string(),
      from: z.string().optional(),
      value: z.unknown().optional(),
    }),
  )
  .optional();

const tags = z.record(z.string(), z.string()).optional();
const text = z.string().optional();

function modification<Match extends z.ZodType>(
  operations: typeof RESOURCE_OPERATIONS | typeof FILTER_OPERATIONS,
  match: Match,
) {
  const error = () => `invalid operation. Available operations: ${operations.map(quoted).join(", ")}`;
  return z.object({ operation: z.enum(operations, { error }), match, value: text, jsonPatches }).optional();
}

const filter = modification(
  FILTER_OPERATIONS,
  z.object({ origin: text, name: text, listenerName: text, listenerTags: tags }).optional(),
);

const conf: z.ZodType<MeshProxyPatchConf> = z.object({
  appendModifications: z
    .array(
      z.object({
        cluster: modification(RESOURCE_OPERATIONS, z.object({ origin: text, name: text }).optional()),
        listener: modification(RESOURCE_OPERATIONS, z.object({ origin: text, name: text, tags }).optional()),
        networkFilter: filter,
        httpFilter: filter,
        virtualHost: modification(
          RESOURCE_OPERATIONS,
          z.object({ origin: text, name: text, routeConfigurationName: text }),
        ),
      }),
    )
    .optional(),
});

/** MeshProxyPatch as a resource. */
export const meshProxyPatchKind = policyKind<MeshProxyPatchConf>({
  type: "MeshProxyPatch",
  path: "meshproxypatches",
  shortName: "mpp",
  cli: { singular: "meshproxypatch", plural: "meshproxypatches" },
  displayName: { singular: "Mesh Proxy Patch", plural: "Mesh Proxy Patches" },
  description: "Changes to the finished Envoy configuration, for what no other policy can say.",
  conf,
  single: true,
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway"],
  gatewayTags: false,
  needsBlock: false,
  validateConf,
  deprecations: ({ default: value }) => ineffective(value as MeshProxyPatchConf | undefined),
});

function validateConf(value: MeshProxyPatchConf, path: string): readonly Violation[] {
  const entries = value.appendModifications ?? [];
  if (entries.length === 0) {
    return [{ field: `${path}.appendModifications`, reason: "must not be empty" }];
  }
  return entries.flatMap((entry, i) => {
    const at = `${path}.appendModifications[${i}]`;
    const count = MODIFICATION_KINDS.filter((kind) => entry[kind] !== undefined).length;
    const found = modificationOf(entry);
    if (found === undefined || count !== 1) {
      const reason = `exactly one modification can be defined at a time. Currently, ${count} modifications are defined`;
      return [{ field: at, reason }];
    }
    const field = `${at}.${found.kind}`;
    const violations = checkModification(found.kind, found.conf, field);
    return violations.length > 0 ? violations : valueChecks().checkValues(found.kind, found.conf, field);
  });
}

/** What is written and never looked at. */
function ineffective(value: MeshProxyPatchConf | undefined): readonly string[] {
  return (value?.appendModifications ?? []).flatMap((entry, i) => {
    const found = modificationOf(entry);
    if (found?.conf.jsonPatches === undefined || found.conf.operation === "Patch") return [];
    const path = `spec.default.appendModifications[${i}].${found.kind}.jsonPatches`;
    return [`${path} has no effect with operation ${found.conf.operation}`];
  });
}

/**
 * The checks that know Envoy's types. Loaded when the first MeshProxyPatch is read, because whoever only validates other
 * documents should not wait for them.
 */
function valueChecks(): typeof import("./value-checks.ts") {
  return createRequire(import.meta.url)("@skein/policies/mesh-proxy-patch/value-checks");
}

function list(words: readonly string[]): string {
  return `[${words.map(quoted).join(", ")}]`;
}

function quoted(word: string): string {
  return JSON.stringify(word);
}
