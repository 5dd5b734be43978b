import { bindAddress, type DataplaneResource } from "@skein/model";
import type { EndpointPlan, IdentityPlan } from "@skein/policies";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { egressListeners } from "../view/selectable.ts";
import type { DataplaneIdentity } from "./identities.ts";
import { meshServicesMode } from "./outbounds/reach.ts";

/** The proxies by which a mesh is left, as their callers see them. */
export interface ZoneEgresses {
  /** Listeners that take connections now; the same ones lead to every external service. */
  readonly endpoints: readonly EndpointPlan[];
  /** The ids that they may present, sorted. */
  readonly serverIds: readonly string[];
  /** Why there are none; a clause. */
  readonly problem: string | undefined;
}

export interface ZoneEgressInputs {
  readonly view: Pick<MeshView, "mesh" | "egresses">;
  readonly meshName: string;
  readonly identity: { at(dataplane: string): Readable<DataplaneIdentity> };
}

/** Finds the egresses of a mesh: listeners that are ready, of proxies whose callers may use mesh TLS. */
export function zoneEgresses(
  graph: Graph,
  { view, meshName, identity }: ZoneEgressInputs,
): Readable<ZoneEgresses> {
  return graph.derived(
    (): ZoneEgresses => {
      const endpoints: EndpointPlan[] = [];
      const ids = new Set<string>();
      const away: string[] = [];
      const closed = notServing(view, meshName);
      for (const dataplane of view.egresses.get()) {
        const own = identity.at(dataplane.name).get();
        const ready = egressListeners(dataplane).filter(({ state }) => (state ?? "Ready") === "Ready");
        const why =
          closed ??
          withoutIdentity(own.current) ??
          (ready.length === 0 ? "its listener is not Ready" : undefined) ??
          (own.acceptsTls ? undefined : "its identity is not in use yet");
        if (why !== undefined) {
          away.push(`${dataplane.name}: ${why}`);
          continue;
        }
        for (const id of own.ids) ids.add(id);
        for (const listener of ready) endpoints.push(endpointOf(dataplane, listener));
      }
      return {
        endpoints,
        serverIds: [...ids].sort(),
        problem:
          endpoints.length > 0
            ? undefined
            : away.length === 0
              ? "no Dataplane has a listener of type ZoneEgress"
              : away.join("; "),
      };
    },
    (a, b) => JSON.stringify(a) === JSON.stringify(b),
  );
}

/** What keeps every egress of a mesh from listening. */
export function notServing(view: Pick<MeshView, "mesh">, meshName: string): string | undefined {
  const mesh = view.mesh.get();
  return mesh !== undefined && meshServicesMode(mesh) === "Exclusive"
    ? undefined
    : `meshServices.mode of Mesh "${meshName}" is not Exclusive`;
}

/** What keeps an egress with this certificate from listening. */
export function withoutIdentity(identity: IdentityPlan | undefined): string | undefined {
  return identity?.kind === "mesh-identity" ? undefined : "no MeshIdentity gives it an identity";
}

function endpointOf(
  { spec, labels }: DataplaneResource,
  listener: { readonly address?: string | undefined; readonly port: number },
): EndpointPlan {
  const networking = spec.networking ?? {};
  const address = networking.advertisedAddress || bindAddress(listener, networking);
  return { address, port: listener.port, tags: {}, labels };
}
