import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ProxyConfig } from "../xds/fragment.ts";
import { whileWaited } from "./client-gone.ts";
import type { ApiDeps } from "./deps.ts";
import { requireDataplane } from "./envoy-admin.ts";
import { sendJson } from "./json.ts";
import { jsonPatch } from "./json-patch.ts";
import { unlessBusy } from "./preview.ts";
import { notFound, Problem, titles } from "./problem.ts";
import { booleanQuery, queryOf } from "./query.ts";

/**
 * `GET …/dataplanes/{name}/_config?shadow=&include=diff`: what a proxy should hold, by type and name; with `shadow`, what
 * it would hold if shadow policies were in force, and with `diff`, what that changes.
 */
export function registerProxyConfig(app: FastifyInstance, deps: ApiDeps): void {
  app.get("/meshes/:mesh/dataplanes/:name/_config", async (request, reply) => {
    const key = requireDataplane(request, deps);
    const query = queryOf(request);
    const isShadow = booleanQuery(query, "shadow", false, titles.retrieve);
    const wantsDiff = includesDiff(query);
    const current = deps.plans.config(key);
    const wasSeen = deps.store.get({ ...key, type: "DataplaneInsight" });
    if (!wasSeen || current === undefined) throw notFound(titles.insight);
    const configs = isShadow ? await shadowConfigs(request, deps, key) : { current, shadow: current };
    // Printing needs a description of every message of Envoy's API: 50 MB that most control planes never need.
    const { configByType } = await import("../pipeline/config-dump.ts");
    const xds = configByType(configs.shadow);
    if (!wantsDiff) return sendJson(reply, 200, { xds });
    return sendJson(reply, 200, { xds, diff: jsonPatch(configByType(configs.current), xds) });
  });
}

async function shadowConfigs(
  request: FastifyRequest,
  deps: ApiDeps,
  { mesh, name }: { readonly mesh: string; readonly name: string },
): Promise<{ readonly current: ProxyConfig; readonly shadow: ProxyConfig }> {
  const configs = await whileWaited(request, (signal) =>
    unlessBusy(() => deps.previews.shadow(mesh, name, signal)),
  );
  if (configs === undefined) throw notFound(titles.insight);
  return configs;
}

function includesDiff(query: URLSearchParams): boolean {
  const include = query
    .getAll("include")
    .flatMap((part) => part.split(","))
    .filter((part) => part !== "");
  if (include.every((part) => part === "diff")) return include.length > 0;
  throw new Problem(
    400,
    titles.retrieve,
    "bad request: unsupported value for query parameter 'include'; the only one is diff",
  );
}
