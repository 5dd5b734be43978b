import type { FastifyInstance } from "fastify";
import { registerAnalysis } from "./analysis.ts";
import { registerBlame } from "./blame.ts";
import { registerCatalogue } from "./catalogue.ts";
import { registerChanges } from "./changes.ts";
import type { ApiDeps } from "./deps.ts";
import { registerEnvoyAdmin } from "./envoy-admin.ts";
import { registerExplain } from "./explain.ts";
import { registerInspection } from "./inspection.ts";
import { registerKinds } from "./kind-routes.ts";
import { registerKri } from "./kri.ts";
import { registerMatches } from "./matches.ts";
import { registerOverviews } from "./overviews.ts";
import { registerPolicyConditions } from "./policy-conditions.ts";
import { registerPreview } from "./preview.ts";
import { registerProxyConfig } from "./proxy-config.ts";
import { createSource } from "./source.ts";
import { registerSystem } from "./system.ts";
import { registerTokens } from "./token-routes.ts";

/** Every route of the API. */
export function registerRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const source = createSource(deps);
  registerSystem(app, deps);
  registerCatalogue(app, deps);
  registerKinds(app, deps, source);
  registerOverviews(app, deps, source);
  registerKri(app, deps);
  registerInspection(app, deps);
  registerExplain(app, deps);
  registerAnalysis(app, deps);
  registerMatches(app, deps);
  registerPolicyConditions(app, deps);
  registerEnvoyAdmin(app, deps);
  registerChanges(app, deps);
  registerProxyConfig(app, deps);
  registerBlame(app, deps);
  registerPreview(app, deps);
  registerTokens(app, deps);
}
