import type { KindDefinition } from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { requireResourceAccess } from "./authentication.ts";
import type { ApiDeps } from "./deps.ts";
import { sendJson } from "./json.ts";
import { collectionPath } from "./kind-routes.ts";
import { metaOf } from "./meta.ts";
import type { ProxyStatus } from "./ports.ts";
import { notFound, titles } from "./problem.ts";
import { param } from "./query.ts";
import { idleRulesOf } from "./rules-warnings.ts";
import { requireMesh } from "./source.ts";

/** What a proxy has against a policy. */
export interface Objection {
  readonly mesh: string;
  readonly name: string;
  /** The Envoy resource that it is about, or the rule of the policy. */
  readonly type?: string;
  readonly resource?: string;
  readonly rule?: string;
  readonly message: string;
}

/**
 * `GET …/<policy>/_conditions`: whether every proxy has taken what a policy makes of its configuration, and whether all that
 * it says comes to something. The documents themselves have no status in this API.
 */
export function registerPolicyConditions(app: FastifyInstance, deps: ApiDeps): void {
  for (const kind of deps.registry.kinds) {
    if (kind.policy?.isTargetRef !== true) continue;
    app.get(`${collectionPath(kind)}/:name/_conditions`, conditionsOf(deps, kind));
  }
}

function conditionsOf(deps: ApiDeps, kind: KindDefinition) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const mesh = param(request, "mesh");
    requireMesh(deps, mesh);
    const policy = deps.store.get<PolicyResource>({ type: kind.type, mesh, name: param(request, "name") });
    if (!policy) throw notFound(titles.retrieve);
    requireResourceAccess(request, deps, kind);
    const { kri = "" } = metaOf(deps, policy);
    const proxies = deps.proxies.list(mesh);
    const rejected = proxies.flatMap((proxy) => rejections(proxy, kri));
    const skipped = proxies.flatMap((proxy) => omissions(proxy, kri));
    const idle = idleRulesOf(deps, policy);
    return sendJson(reply, 200, {
      conditions: [
        condition(
          "Accepted",
          "Rejected",
          rejected,
          "every proxy has accepted what it makes of its configuration",
        ),
        condition("Applied", "NotPossible", skipped, "nothing of it had to be left out"),
        condition(
          "Effective",
          "NothingToActOn",
          idle,
          "no proxy that it selects has a rule that comes to nothing",
        ),
      ],
      proxies: [...rejected, ...skipped, ...idle],
    });
  };
}

function rejections({ mesh, name, rejected }: ProxyStatus, kri: string): readonly Objection[] {
  return rejected
    .filter(({ policies }) => policies.includes(kri))
    .map(({ type, name: resource, message }) => ({ mesh, name, type, resource, message }));
}

function omissions({ mesh, name, conditions }: ProxyStatus, kri: string): readonly Objection[] {
  return conditions
    .filter(({ policy }) => policy === kri)
    .map(({ message, resource = "" }) => {
      const [type = "", ...rest] = resource.split(" ");
      return { mesh, name, type, resource: rest.join(" "), message };
    });
}

function condition(type: string, reason: string, objections: readonly Objection[], good: string) {
  if (objections.length === 0) return { type, status: "True", reason: type, message: good };
  const names = [...new Set(objections.map(({ name }) => name))];
  const [first] = objections;
  const who = `${names.length} ${names.length === 1 ? "proxy" : "proxies"} (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""})`;
  const about = first?.rule ?? `${first?.type} ${first?.resource}`;
  return { type, status: "False", reason, message: `${who}: ${about}: ${first?.message}` };
}
