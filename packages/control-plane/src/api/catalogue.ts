import type { KindDefinition } from "@skein/model";
import type { FastifyInstance } from "fastify";
import type { ApiDeps } from "./deps.ts";
import { describeApi } from "./descriptions/describe-api.ts";
import type { OpenApiDocument } from "./descriptions/document.ts";
import { sendJson } from "./json.ts";
import { isWritable } from "./write-rules.ts";

/** What the API has: its kinds, its policies, its description as OpenAPI. */
export function registerCatalogue(app: FastifyInstance, deps: ApiDeps): void {
  const { registry, settings } = deps;
  const resources = registry.kinds.map((kind) => describeKind(kind, isReadOnly(kind, deps)));
  const policies = registry.kinds
    .filter((kind) => kind.policy !== undefined)
    .map((kind) => describePolicy(kind, !isWritable(kind, settings)));
  let openApi: OpenApiDocument | undefined;
  app.get("/_resources", async (_request, reply) => sendJson(reply, 200, { resources }));
  app.get("/policies", async (_request, reply) => sendJson(reply, 200, { policies }));
  for (const path of ["/openapi.json", "/_openapi"]) {
    app.get(path, async (_request, reply) => {
      // Most control planes are never asked for it, and it takes a while to make.
      openApi ??= describeApi(deps);
      return sendJson(reply, 200, openApi);
    });
  }
}

/** Coarser than what can be written: on a federated zone everything counts as read-only here. */
function isReadOnly(kind: KindDefinition, { settings }: ApiDeps): boolean {
  if (settings.readOnly || (settings.mode === "zone" && settings.federated)) return true;
  return !kind.writableOn.global && !kind.writableOn.zone;
}

function describeKind(kind: KindDefinition, readOnly: boolean): unknown {
  const { policy } = kind;
  return {
    includeInFederation: kind.includeInFederation,
    name: kind.type,
    path: kind.path,
    pluralDisplayName: kind.displayName.plural,
    ...(policy
      ? {
          policy: {
            hasFromTargetRef: policy.hasFrom,
            hasRulesTargetRef: policy.hasRules,
            hasToTargetRef: policy.hasTo,
            isFromAsRules: policy.isFromAsRules,
            isTargetRef: policy.isTargetRef,
          },
        }
      : {}),
    readOnly,
    scope: kind.scope,
    shortName: kind.shortName ?? "",
    singularDisplayName: kind.displayName.singular,
  };
}

function describePolicy(kind: KindDefinition, readOnly: boolean): unknown {
  return {
    name: kind.type,
    readOnly,
    path: kind.path,
    singularDisplayName: kind.displayName.singular,
    pluralDisplayName: kind.displayName.plural,
    isExperimental: false,
    isTargetRefBased: kind.policy?.isTargetRef === true,
    isInbound: kind.policy?.hasFrom === true,
    isOutbound: kind.policy?.hasTo === true,
  };
}
