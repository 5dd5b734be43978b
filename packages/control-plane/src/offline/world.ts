import {
  enabledMtlsBackend,
  type LabelContext,
  type MeshIdentityResource,
  type MeshResource,
  type NewResource,
  type Resource,
} from "@skein/model";
import { reconcileNaming } from "../naming/reconcile-naming.ts";
import { DEFAULT_VIP_RANGES, VipPools } from "../naming/vip-pools.ts";
import { World } from "../pipeline/world.ts";
import { meshIdentityKri, mtlsIssuer } from "../plan/identities.ts";
import { completed } from "./complete.ts";

/** What documents come to, without a control plane. */
export interface OfflineWorld {
  readonly world: World;
  /** Everything that a store would hold, generated MeshServices included. */
  readonly resources: readonly Resource[];
  /** What was assumed because the documents do not say it. */
  readonly assumptions: readonly string[];
}

/** The zone of documents that name none. */
export const OFFLINE_ZONE = "zone-1";

/**
 * The world that a control plane would have after these documents have been applied and everything has settled: every
 * identity is rolled out, every Dataplane is connected, and MeshServices are generated as naming does. No I/O.
 */
export function offlineWorld(documents: readonly NewResource[], zone: string = OFFLINE_ZONE): OfflineWorld {
  const context: LabelContext = { mode: "zone", zone, environment: "universal", federated: false };
  const { resources, assumptions } = completed(documents, context);
  const world = new World({ zone });
  world.apply(resources.map((after) => ({ before: undefined, after })));
  rollOut(world, resources);
  const { writes } = reconcileNaming(
    resources,
    {
      facts: {
        connected: () => true,
        identitiesOf: ({ mesh, name }) => world.mesh(mesh).planner.identity.at(name).get().ids,
        acceptsTls: ({ mesh, name }) => world.mesh(mesh).planner.identity.at(name).get().acceptsTls,
      },
      settings: { context, deletionGracePeriodMs: 0, taggedServices: { enabled: true, domain: "mesh" } },
      pools: new VipPools(DEFAULT_VIP_RANGES),
    },
    0,
  );
  const byKey = new Map(resources.map((resource) => [keyOf(resource), resource]));
  const changes = writes.flatMap((write, i) => {
    if (write.op === "delete") return [];
    const before = byKey.get(keyOf(write.resource));
    const revision = resources.length + i + 1;
    const time = before?.creationTime ?? new Date(Date.UTC(2026, 0, 1) + revision * 1000).toISOString();
    return [{ before, after: { ...write.resource, creationTime: time, modificationTime: time, revision } }];
  });
  world.apply(changes);
  for (const { after } of changes) byKey.set(keyOf(after), after);
  return { world, resources: [...byKey.values()], assumptions };
}

/** Every issuer has come to its last stage. */
function rollOut(world: World, resources: readonly Resource[]): void {
  for (const resource of resources) {
    if (resource.type === "MeshIdentity") {
      const identity = resource as MeshIdentityResource;
      if (identity.spec.provider === undefined) continue;
      world.mesh(identity.mesh).stage.set(meshIdentityKri(identity), "enforced");
    } else if (resource.type === "Mesh") {
      const backend = enabledMtlsBackend((resource as MeshResource).spec);
      if (backend === undefined) continue;
      world.mesh(resource.name).stage.set(mtlsIssuer(resource.name, backend.name ?? ""), "enforced");
    }
  }
}

function keyOf({ type, mesh, name }: Pick<Resource, "type" | "mesh" | "name">): string {
  return `${type}/${mesh}/${name}`;
}
