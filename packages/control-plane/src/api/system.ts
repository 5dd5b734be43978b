import type { FastifyInstance } from "fastify";
import { globalInsight } from "../insights/global-insight.ts";
import { timestamp } from "../store/timestamp.ts";
import { requireAction, userOf } from "./authentication.ts";
import type { ApiDeps } from "./deps.ts";
import { GUI_PAGE, NO_GUI_PAGE } from "./gui-page.ts";
import { sendJson } from "./json.ts";

/** What a control plane says of itself and of all that it knows. */
export function registerSystem(app: FastifyInstance, deps: ApiDeps): void {
  const { settings, registry, store } = deps;
  const isPublic = { config: { isPublic: true } };
  const hasGui = settings.guiEnabled && !(settings.mode === "zone" && settings.federated);
  const gui = `${settings.basePath.replace(/\/+$/, "")}/gui`;

  app.get("/", isPublic, async (_request, reply) =>
    sendJson(reply, 200, {
      ...(settings.basedOnKuma === undefined ? {} : { basedOnKuma: settings.basedOnKuma }),
      clusterId: settings.clusterId,
      gui: hasGui ? gui : "",
      hostname: settings.hostname,
      instanceId: settings.instanceId,
      product: settings.product,
      version: settings.version,
    }),
  );
  app.get("/config", async (request, reply) => {
    requireAction(request, deps, "controlPlaneMetadata");
    return reply
      .header("content-type", "application/json")
      .send(Buffer.from(JSON.stringify(deps.maskedConfig())));
  });
  app.get("/who-am-i", async (request, reply) => {
    const { name, groups } = userOf(request);
    return sendJson(reply, 200, { name, groups });
  });

  let cached: { readonly revision: number; readonly body: unknown } | undefined;
  app.get("/global-insight", async (_request, reply) => {
    if (cached?.revision !== store.revision) {
      const body = globalInsight(store, registry.kinds, settings, deps.now());
      cached = { revision: store.revision, body };
    }
    return sendJson(reply, 200, cached.body);
  });
  app.get("/global-insights", async (_request, reply) => {
    const kinds = registry.kinds.filter(({ scope, type }) => scope === "Global" && !type.endsWith("Insight"));
    const totals = kinds.map(({ type }) => [type, { total: store.list({ type }).length }] as const);
    return sendJson(reply, 200, {
      type: "GlobalInsights",
      creationTime: timestamp(deps.now()),
      resources: Object.fromEntries(totals),
    });
  });

  for (const path of ["/gui", "/gui/*"]) {
    app.get(path, isPublic, async (_request, reply) =>
      reply.header("content-type", "text/html; charset=utf-8").send(hasGui ? GUI_PAGE : NO_GUI_PAGE),
    );
  }
}
