import { FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { RBACSchema as HttpRbacSchema } from "@skein/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb";
import type { InboundInput } from "../definition.ts";
import type { PolicyResource } from "../engine/policy-resource.ts";
import type { PermissionAction, PermissionPlan } from "../mesh-traffic-permission/plan.ts";
import { meshTrafficPermission } from "../mesh-traffic-permission/policy.ts";
import type { Caller } from "../mesh-traffic-permission/verdict.ts";
import type { Protocol } from "../plan/destination-plan.ts";
import { inboundDraft, json } from "./drafts.ts";
import { valid } from "./resources.ts";

const mtp = (spec: unknown, name = "p") => valid(meshTrafficPermission.kind, spec, { name });

/** What these policies put into the plan of an inbound. */
export const planOf = (callers: InboundInput["callers"], ...policies: readonly PolicyResource[]) =>
  meshTrafficPermission.planInbound?.({
    policies,
    mesh: "default",
    service: "web",
    protocol: "http",
    callers,
  });

/** The RBAC configuration of a plan as JSON: of the HTTP filter, else the network filter as a whole. */
export function rbac(plan: PermissionPlan | undefined, protocol: Protocol = "http"): unknown {
  const draft = inboundDraft(protocol);
  meshTrafficPermission.translateInbound?.(plan, draft);
  const { http, network } = draft.authorization ?? {};
  if (http !== undefined) return json(HttpRbacSchema, http);
  return network === undefined ? undefined : json(FilterSchema, network);
}

/** A match by SPIFFE id. */
export const id = (value: string, type = "Exact") => ({ spiffeID: { type, value } });

/** A MeshTrafficPermission of one rule. */
export const rules = (conf: unknown, name?: string, targetRef: unknown = { kind: "Mesh" }) =>
  mtp({ targetRef, rules: [{ default: conf }] }, name);

/** A MeshTrafficPermission of one `from` entry. */
export const from = (action: PermissionAction, targetRef: unknown = { kind: "Mesh" }, name?: string) =>
  mtp({ from: [{ targetRef, default: { action } }] }, name);

/** A caller of one SPIFFE id. */
export const bySpiffe = (uri: string, sni?: string): Caller => ({ uris: [uri], sni });

/** `spiffe://td/a`. */
export const A = bySpiffe("spiffe://td/a");

/** The service `web`, version 1, with a certificate of the mesh's own CA. */
export const web: Caller = {
  uris: ["spiffe://default/web", "kuma://kuma.io/service/web", "kuma://version/1"],
  sni: undefined,
};
