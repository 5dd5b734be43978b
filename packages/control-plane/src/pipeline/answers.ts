import type { DataplaneResource, MeshServiceResource, Resource, ResourceKey } from "@skein/model";
import { type PatchProblem, type PolicyResource, type ProxyPlan, select } from "@skein/policies";
import { accessMatrix } from "../access/matrix.ts";
import { analysis } from "../analyze/analyze.ts";
import type { Plans, Proxies, ProxyCondition, ProxyStatus } from "../api/ports.ts";
import { explain } from "../explain/explain.ts";
import type { NamingContext } from "../identity/selection.ts";
import type { Store } from "../store/store.ts";
import { gatewaysOf } from "../view/gateways.ts";
import { selectable } from "../view/selectable.ts";
import { selectsDataplane } from "../view/service-members.ts";
import { deleteWarnings } from "../warnings/deleting.ts";
import { warningsFor } from "../warnings/warnings.ts";
import type { LiveFleet } from "./fleet.ts";
import { inTurns } from "./in-turns.ts";
import type { World } from "./world.ts";

export interface AnswersOptions {
  readonly world: World;
  readonly store: Store;
  readonly fleet: LiveFleet;
  readonly isPolicy: (type: string) => boolean;
}

/** Questions about what has been decided, answered from the plans that program Envoy. */
export function plans({
  world,
  store,
  isPolicy,
  naming,
}: AnswersOptions & { readonly naming: NamingContext }): Plans {
  const planFor = ({ mesh, name }: ResourceKey): ProxyPlan | undefined =>
    world.mesh(mesh).planner.plan.at(name).get();
  return {
    plan: planFor,
    access: (mesh) => accessMatrix(world.mesh(mesh)),
    config: ({ mesh, name }) => world.mesh(mesh).config.at(name).get(),
    analyze: (name, by) => {
      const mesh = store.get({ type: "Mesh", mesh: "", name });
      const own = by.kinds.filter(({ scope }) => scope === "Mesh");
      const stored = own.flatMap(({ type }) => store.list({ type, mesh: name }));
      const resources = [...(mesh === undefined ? [] : [mesh]), ...stored];
      return inTurns(analysis({ mesh: world.mesh(name), resources, ...by }));
    },
    explain: (question) => explain(world.mesh(question.mesh), question),
    async xds({ mesh, name }, { includeEds }) {
      const config = world.mesh(mesh).config.at(name).get();
      if (config === undefined) return undefined;
      // Printing needs a description of every message of Envoy's API: 50 MB that most control planes never need.
      const { configDump } = await import("./config-dump.ts");
      return configDump(config, includeEds);
    },
    selectedBy: (resource) => selectedBy({ world, store, isPolicy }, resource),
    warnings: (written: Resource) => warningsFor(written, store, isPolicy),
    deleteWarnings: (deleted: Resource) => deleteWarnings(deleted, store, naming),
  };
}

/** The dataplanes that a policy or a MeshService selects, or that serve a MeshGateway. */
export function selectedBy(
  { world, store, isPolicy }: Pick<AnswersOptions, "world" | "store" | "isPolicy">,
  resource: Resource,
): readonly DataplaneResource[] {
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh: resource.mesh });
  const gateways = world.mesh(resource.mesh).index.gateways.get();
  if (isPolicy(resource.type)) {
    return dataplanes.filter(
      (each) => select(resource as PolicyResource, selectable(each, gateways)).kind !== "none",
    );
  }
  if (resource.type === "MeshGateway") {
    return dataplanes.filter((each) => gatewaysOf(each, gateways)[0]?.name === resource.name);
  }
  if (resource.type !== "MeshService") return [];
  return dataplanes.filter((each) => selectsDataplane(resource as MeshServiceResource, each));
}

/** The connected proxies, and the Dataplanes that nobody is connected for. */
export function proxies({ store, fleet, world }: AnswersOptions): Proxies {
  return {
    list(mesh) {
      const connected = [...fleet.proxies].filter((proxy) => mesh === undefined || proxy.mesh === mesh);
      const known = new Set(connected.map(({ id }) => id));
      const offline = store
        .list<DataplaneResource>({ type: "Dataplane", ...(mesh === undefined ? {} : { mesh }) })
        .filter((dataplane) => !known.has(`${dataplane.mesh}/${dataplane.name}`))
        .map(offlineStatus);
      const online = connected.map((proxy) => {
        const status = proxy.status();
        const plan = world.mesh(proxy.mesh).planner.plan.at(proxy.name).get();
        const skipped = (proxy.config?.patched?.problems ?? []).map(notPatched);
        return { ...status, conditions: [...status.conditions, ...(plan?.conditions ?? []), ...skipped] };
      });
      return [...online, ...offline].sort((a, b) =>
        a.mesh < b.mesh ? -1 : a.mesh > b.mesh ? 1 : a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
      );
    },
  };
}

function notPatched({ origin, resource, message }: PatchProblem): ProxyCondition {
  return {
    type: "NotPatched",
    message: `${origin.rule} of ${origin.policy} cannot be done on ${resource}: ${message}`,
    policy: origin.policy,
    resource,
  };
}

function offlineStatus(dataplane: DataplaneResource): ProxyStatus {
  return {
    mesh: dataplane.mesh,
    name: dataplane.name,
    state: "offline",
    connected: false,
    since: dataplane.modificationTime,
    wantedRevision: 0,
    acknowledgedRevision: 0,
    resources: {},
    rejected: [],
    conditions: [],
  };
}
