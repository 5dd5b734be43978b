import type { ApiDeps } from "../deps.ts";
import { ACCESS } from "./access.ts";
import { ANALYSIS } from "./analysis.ts";
import { CATALOGUE } from "./catalogue.ts";
import { CHANGES } from "./changes.ts";
import { COMMON } from "./common.ts";
import { type OpenApiDocument, openApiDocument } from "./document.ts";
import { EXPLAIN } from "./explain.ts";
import { INSPECTION } from "./inspection.ts";
import { describeKri } from "./kri.ts";
import { describeMatches } from "./matches.ts";
import { describeOverviews } from "./overviews.ts";
import { PLAN } from "./plan.ts";
import { PREVIEW } from "./preview.ts";
import { PROXY } from "./proxy.ts";
import { describeResources } from "./resources.ts";
import { RULES } from "./rules.ts";
import { SYSTEM } from "./system.ts";
import { TOKENS } from "./tokens.ts";

/** The description of every route of the API. Tests hold it to the routes and to real answers. */
export function describeApi(deps: Pick<ApiDeps, "registry" | "settings">): OpenApiDocument {
  const { registry, settings } = deps;
  const topics = [
    COMMON,
    SYSTEM,
    CATALOGUE,
    describeResources(deps),
    describeOverviews(registry),
    describeKri(registry),
    describeMatches(registry),
    INSPECTION,
    RULES,
    PLAN,
    ACCESS,
    EXPLAIN,
    ANALYSIS,
    PROXY,
    CHANGES,
    PREVIEW,
    TOKENS,
  ];
  return openApiDocument(topics, settings);
}
