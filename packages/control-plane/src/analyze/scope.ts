import type {
  DataplaneResource,
  KindDefinition,
  MeshGatewayResource,
  MeshIdentityResource,
  MeshServiceResource,
  Resource,
} from "@skein/model";
import { type PolicyDefinition, type PolicyResource, type ProxyPlan, policies } from "@skein/policies";
import type { MeshWorld } from "../pipeline/world.ts";
import { type Callable, callableOf } from "../plan/callable.ts";

/** What an analysis looks at. */
export interface AnalysisInput {
  readonly mesh: MeshWorld;
  /** Everything of the mesh that the store holds; what belongs to other meshes is left out here. */
  readonly resources: readonly Resource[];
  /** Every kind that there is. */
  readonly kinds: readonly KindDefinition[];
  /** The text of a Secret, where it can be read. */
  readonly secret: (secret: Resource) => string | undefined;
  /** Milliseconds since the epoch: certificates are judged by it. */
  readonly now: number;
}

/** The input, sorted out for the checks. */
export interface Scope extends AnalysisInput {
  readonly dataplanes: readonly DataplaneResource[];
  readonly gateways: readonly MeshGatewayResource[];
  readonly services: readonly MeshServiceResource[];
  /** MeshServices and everything else that traffic can be sent to. */
  readonly callables: readonly Callable[];
  readonly identities: readonly MeshIdentityResource[];
  /** Those that are in force: shadow policies are not. */
  readonly policies: readonly PolicyResource[];
  readonly definitions: ReadonlyMap<string, PolicyDefinition>;
  readonly plans: ReadonlyMap<string, ProxyPlan>;
}

/** Sorts out the resources of one mesh. */
export function scopeOf(input: AnalysisInput): Scope {
  const own = input.resources
    .filter(
      ({ type, mesh, name }) => mesh === input.mesh.name || (type === "Mesh" && name === input.mesh.name),
    )
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const definitions = new Map(policies.map((definition) => [definition.kind.type, definition]));
  const ofType = <R extends Resource>(type: string): readonly R[] =>
    own.filter((resource): resource is R => resource.type === type);
  const dataplanes = ofType<DataplaneResource>("Dataplane");
  return {
    ...input,
    resources: own,
    dataplanes,
    gateways: ofType<MeshGatewayResource>("MeshGateway"),
    services: ofType<MeshServiceResource>("MeshService"),
    callables: own.flatMap((resource) => callableOf(resource) ?? []),
    identities: ofType<MeshIdentityResource>("MeshIdentity"),
    policies: own.filter(
      (resource): resource is PolicyResource =>
        definitions.has(resource.type) && resource.labels["kuma.io/effect"] !== "shadow",
    ),
    definitions,
    plans: new Map(
      dataplanes.flatMap(({ name }) => {
        const plan = input.mesh.planner.plan.at(name).get();
        return plan === undefined ? [] : [[name, plan] as const];
      }),
    ),
  };
}
