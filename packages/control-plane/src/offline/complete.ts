import {
  computeLabels,
  coreKinds,
  createRegistry,
  type DataplaneResource,
  type LabelContext,
  type MeshIdentityResource,
  type MeshResource,
  type NewResource,
  type Resource,
} from "@skein/model";
import { policyKinds } from "@skein/policies/kinds";
import { withZoneTags } from "../defaults/dataplane-defaults.ts";
import { builtIn, defaultPolicies } from "../defaults/default-policies.ts";
import { trustDomainOf } from "../identity/selection.ts";

const registry = createRegistry([...coreKinds, ...policyKinds]);
/** Documents are as old as their place in the files says, from this day on. */
const FIRST_DAY = Date.UTC(2026, 0, 1);

/** The contents of a store, and what was assumed to get there. */
export interface Completed {
  readonly resources: readonly Resource[];
  /** Sentences about what the documents leave out. */
  readonly assumptions: readonly string[];
}

/**
 * Documents as a control plane would hold them that has just been given them: labels computed, zones in the tags of
 * Dataplanes, the policies that a new Mesh gets, a MeshTrust for each MeshIdentity. A mesh that nobody describes is taken
 * to have MeshServices only.
 */
export function completed(documents: readonly NewResource[], context: LabelContext): Completed {
  const described = new Set(documents.filter(({ type }) => type === "Mesh").map(({ name }) => name));
  const missing = [...new Set(documents.map(({ mesh }) => mesh))].filter(
    (name) => name !== "" && !described.has(name),
  );
  const meshes = missing.flatMap(
    (name) => builtIn(registry, { type: "Mesh", name, meshServices: { mode: "Exclusive" } }, context) ?? [],
  );
  const given = [...meshes, ...documents];
  const all = [...given, ...given.flatMap((resource) => companions(resource, given, context))];
  return {
    resources: all.map((resource, place) => stored(resource, place + 1, all, context)),
    assumptions: missing.map(
      (name) =>
        `there is no Mesh "${name}": it is taken to have meshServices.mode: Exclusive and the default policies`,
    ),
  };
}

/** What the control plane makes beside a document. */
function companions(
  resource: NewResource,
  given: readonly NewResource[],
  context: LabelContext,
): readonly NewResource[] {
  if (resource.type === "Mesh") {
    const { skipCreatingInitialPolicies = [] } = resource.spec as MeshResource["spec"];
    return defaultPolicies(registry, resource.name, skipCreatingInitialPolicies, context).filter(
      ({ type, mesh, name }) =>
        !given.some((each) => each.type === type && each.mesh === mesh && each.name === name),
    );
  }
  if (resource.type !== "MeshIdentity") return [];
  const identity = resource as MeshIdentityResource;
  const domain = trustDomainOf({ zone: context.zone, environment: "universal" }, identity);
  const { mesh, name } = identity;
  const isThere = given.some((each) => each.type === "MeshTrust" && each.mesh === mesh && each.name === name);
  if (!domain.ok || isThere || identity.spec.provider === undefined) return [];
  return [{ type: "MeshTrust", mesh, name, labels: {}, spec: { trustDomain: domain.value, caBundles: [] } }];
}

function stored(
  resource: NewResource,
  revision: number,
  all: readonly NewResource[],
  context: LabelContext,
): Resource {
  const kind = registry.byType(resource.type);
  const time = new Date(FIRST_DAY + revision * 1000).toISOString();
  const labelled = {
    ...resource,
    labels: kind === undefined ? resource.labels : computeLabels(kind, resource, context),
    creationTime: time,
    modificationTime: time,
    revision,
  };
  if (resource.type !== "Dataplane") return labelled;
  const mesh = all.find(({ type, name }) => type === "Mesh" && name === resource.mesh);
  return withZoneTags(labelled as DataplaneResource, mesh as Resource | undefined, context.zone);
}
