import { meshExternalServiceKind, sniOf } from "@skein/model";
import { type IdentityPlan, mayLeave } from "@skein/policies";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import type { ProxyPolicies } from "../view/policy-set.ts";
import { leavesThroughEgress } from "./external.ts";

/** An external service as a permission names it. */
interface Named {
  readonly name: string;
  readonly sni: string;
}

/**
 * All external services of a mesh that forbids them by default; undefined where everybody may call every one. Where the
 * mesh is left through an egress, that one decides, and it forbids by default anyway.
 */
export function externalServicesIfForbidden(
  graph: Graph,
  view: MeshView,
): Readable<readonly Named[] | undefined> {
  const services = graph.derived(
    () =>
      view.externalServices.names.get().flatMap((name): readonly Named[] => {
        const service = view.externalServices.at(name).get();
        if (service === undefined) return [];
        return [{ name, sni: sniOf(meshExternalServiceKind, service, service.spec.match) }];
      }),
    (a, b) => JSON.stringify(a) === JSON.stringify(b),
  );
  return graph.derived(() =>
    view.mesh.get()?.spec.routing?.defaultForbidMeshExternalServiceAccess === true &&
    !leavesThroughEgress(view)
      ? services.get()
      : undefined,
  );
}

/** Names of those that a proxy may call; undefined where nothing is forbidden. */
export function allowedToLeave(
  forbidden: readonly Named[] | undefined,
  policies: Pick<ProxyPolicies, "proxy">,
  identity: IdentityPlan | undefined,
): ReadonlySet<string> | undefined {
  if (forbidden === undefined) return undefined;
  const permissions = policies.proxy.byKind.get("MeshTrafficPermission") ?? [];
  const uris = identity?.uris ?? [];
  return new Set(forbidden.filter(({ sni }) => mayLeave(permissions, { uris, sni })).map(({ name }) => name));
}
