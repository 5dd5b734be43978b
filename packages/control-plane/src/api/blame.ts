import { displayName, kriOf, parseKri, type Resource } from "@skein/model";
import type { FastifyInstance } from "fastify";
import type { Blame, PlanSource } from "../pipeline/blame.ts";
import { blame } from "../pipeline/blame.ts";
import type { PlanField } from "../plan/plan-fields.ts";
import type { ApiDeps } from "./deps.ts";
import { requireDataplane } from "./envoy-admin.ts";
import { sendJson } from "./json.ts";
import { resourceOfKri } from "./kri-lookup.ts";
import { notFound, Problem, titles } from "./problem.ts";
import { queryOf } from "./query.ts";

/** Types of resources that can be asked for. */
export const BLAME_TYPES = ["listener", "route", "cluster", "endpoint", "secret"];

/** `GET …/dataplanes/{name}/_blame?type=&name=`: why a proxy has each of its Envoy resources, and why it is as it is. */
export function registerBlame(app: FastifyInstance, deps: ApiDeps): void {
  app.get("/meshes/:mesh/dataplanes/:name/_blame", async (request, reply) => {
    const key = requireDataplane(request, deps);
    const query = queryOf(request);
    const [type, name] = [query.get("type") ?? "", query.get("name") ?? ""];
    if (type !== "" && !BLAME_TYPES.includes(type)) {
      throw new Problem(400, titles.retrieve, `bad request: type has to be one of ${BLAME_TYPES.join(", ")}`);
    }
    const plan = deps.plans.plan(key);
    const config = deps.plans.config(key);
    if (plan === undefined || config === undefined) throw notFound(titles.retrieve);
    const items = blame(plan, config)
      .filter(({ fragment }) => type === "" || fragment.type === type)
      .filter(({ fragment }) => name === "" || fragment.name === name)
      .map((each) => blameJson(deps, each));
    if (name !== "" && items.length === 0) throw notFound(titles.retrieve);
    return sendJson(reply, 200, { total: items.length, items });
  });
}

function blameJson(deps: ApiDeps, { fragment, parts, fields, sources }: Blame): unknown {
  const { type, name, version } = fragment;
  return {
    type,
    name,
    version,
    parts,
    policies: policies(deps, fields, fragment.origins),
    sources: sources.flatMap((source) => sourceResources(deps, source)).map((each) => known(deps, each)),
  };
}

/** The policies behind a resource, with the rules of each and the fields that come from them. */
function policies(deps: ApiDeps, fields: readonly PlanField[], kris: readonly string[]): readonly unknown[] {
  const byPolicy = Map.groupBy(fields, ({ origin }) => origin?.policy ?? "");
  return kris.flatMap((text) => {
    const kri = parseKri(text);
    const kind = kri && deps.registry.byShortName(kri.shortName);
    // A MeshGateway has a say in its listeners without being a policy: it is among the sources.
    if (kind !== undefined && kind.policy === undefined) return [];
    const resource = kri && resourceOfKri(deps, kri);
    const own = byPolicy.get(text) ?? [];
    const byRule = Map.groupBy(own, ({ origin }) => origin?.rule ?? "");
    return {
      ...(resource === undefined
        ? { kind: own[0]?.kind ?? "", kri: text, name: kri?.name ?? text }
        : known(deps, resource)),
      rules: [...byRule].map(([rule, of]) => ({
        rule,
        fields: of.map(({ path, value, caller, route }) => ({
          path,
          value,
          ...(caller === undefined ? {} : { caller }),
          ...(route === undefined ? {} : { route }),
        })),
      })),
    };
  });
}

function sourceResources(deps: ApiDeps, { type, mesh, name, kri }: PlanSource): readonly Resource[] {
  const parsed = kri === undefined ? undefined : parseKri(kri);
  if (parsed !== undefined) return [resourceOfKri(deps, parsed) ?? []].flat();
  if (name === undefined) return deps.store.list({ type, mesh });
  return [deps.store.get({ type, mesh, name }) ?? []].flat();
}

/** A resource with what identifies its present state. */
function known({ registry }: ApiDeps, resource: Resource): Readonly<Record<string, unknown>> {
  const { type, revision, modificationTime } = resource;
  const kind = registry.byType(type);
  const kri = kind && kriOf(kind, resource);
  return {
    kind: type,
    ...(kri === undefined ? {} : { kri }),
    name: displayName(resource),
    revision,
    modificationTime,
  };
}
