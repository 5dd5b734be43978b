import { randomBytes } from "node:crypto";
import { coreKinds } from "@skein/model";
import { policyKinds } from "@skein/policies";
import { accessMatrix } from "../../access/matrix.ts";
import { type World as Api, createWorld, NOON } from "../../api/testing/world.ts";
import { explain } from "../../explain/explain.ts";
import { type Naming, startNaming } from "../../naming/run.ts";
import { TAGGED_SERVICE } from "../../naming/tagged-service.ts";
import { VIP_CIDRS } from "../../naming/testing/naming-world.ts";
import { SETTINGS } from "../../naming/testing/resources.ts";
import type { VipCidrs } from "../../naming/vip-pools.ts";
import { selectedBy } from "../../pipeline/answers.ts";
import { World } from "../../pipeline/world.ts";
import { openMemoryStore } from "../../store/memory.ts";
import type { Store } from "../../store/store.ts";
import { warningsFor } from "../../warnings/warnings.ts";
import { FragmentTable } from "../../xds/fragment-table.ts";
import type { NamingEnvironment } from "../naming-consequences.ts";
import type { Previews } from "../port.ts";
import { previews } from "../previews.ts";
import type { Limits } from "../report.ts";

/**
 * An API whose plans and previews are real: a store, the world that follows it, and no proxies. What naming derives of a
 * write is there when the write is answered.
 */
export interface LiveWorld {
  readonly api: Api;
  readonly naming: Naming;
  readonly world: World;
  readonly table: FragmentTable;
  readonly previews: Previews;
}

export interface LiveWorldOptions {
  readonly limits?: Limits;
  readonly queue?: number;
  readonly vipCidrs?: Partial<VipCidrs>;
  readonly isConnected?: (mesh: string, dataplane: string) => boolean;
}

export function liveWorld(options: LiveWorldOptions = {}): LiveWorld {
  const store = openMemoryStore({ now: () => NOON });
  const table = new FragmentTable();
  const world = new World({ zone: "zone-1", table });
  store.watch((changes) => world.apply(changes));
  const policyTypes = new Set(policyKinds.map(({ type }) => type));
  const isPolicy = (type: string) => policyTypes.has(type);
  const environment: NamingEnvironment = {
    settings: { ...SETTINGS, context: { ...SETTINGS.context, zone: "zone-1" } },
    vipCidrs: { ...VIP_CIDRS, ...options.vipCidrs },
    connected: () => false,
  };
  const naming = startNaming({
    ...environment,
    store,
    clock: { now: () => NOON, schedule: () => () => undefined },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    identitiesOf: ({ mesh, name }) => world.mesh(mesh).planner.identity.at(name).get().ids,
    acceptsTls: ({ mesh, name }) => world.mesh(mesh).planner.identity.at(name).get().acceptsTls,
  });
  const made = previews({
    isConnected: () => false,
    ...options,
    world,
    store,
    naming: environment,
    types: [...[...coreKinds, ...policyKinds].map(({ type }) => type), TAGGED_SERVICE],
    isPolicy,
    onMeshWritten: async () => [],
    zone: "zone-1",
    now: () => NOON,
    random: randomBytes,
    monotonic: () => performance.now(),
  });
  const api = createWorld({
    store: settling(store, naming),
    deps: {
      previews: made,
      onMeshWritten: async () => [],
      plans: {
        plan: ({ mesh, name }) => world.mesh(mesh).planner.plan.at(name).get(),
        config: ({ mesh, name }) => world.mesh(mesh).config.at(name).get(),
        access: (mesh) => accessMatrix(world.mesh(mesh)),
        xds: async () => undefined,
        selectedBy: (resource) => selectedBy({ world, store, isPolicy }, resource),
        warnings: (written) => warningsFor(written, store, isPolicy),
        deleteWarnings: () => [],
        analyze: async () => [],
        explain: (question) => explain(world.mesh(question.mesh), question),
      },
    },
  });
  return { api, naming, world, table, previews: made };
}

/** The store, whose writes are done when naming has done what follows from them. */
function settling(store: Store, naming: Naming): Store {
  return {
    get revision() {
      return store.revision;
    },
    get: (key) => store.get(key),
    list: (listing) => store.list(listing),
    write: async (writes) => {
      const committed = await store.write(writes);
      await naming.idle();
      return committed;
    },
    watch: (listener) => store.watch(listener),
    close: () => store.close(),
  };
}

/** A mesh with a service `api` of so many instances, and as many instances of `web`, which call it. */
export function shop(instances: number): readonly Readonly<Record<string, unknown>>[] {
  return [
    { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } },
    {
      type: "MeshService",
      mesh: "default",
      name: "api",
      spec: {
        selector: { dataplaneLabels: { matchLabels: { app: "api" } } },
        ports: [{ port: 80, targetPort: 8080, appProtocol: "http", name: "http" }],
      },
    },
    ...Array.from({ length: instances }, (_, i) => instance("api", i, [])),
    ...Array.from({ length: instances }, (_, i) =>
      instance("web", i, [{ port: 10_080, backendRef: { kind: "MeshService", name: "api", port: 80 } }]),
    ),
  ];
}

function instance(app: string, i: number, outbound: readonly unknown[]) {
  return {
    type: "Dataplane",
    mesh: "default",
    name: `${app}-${i}`,
    labels: { app },
    networking: {
      address: `127.1.${app === "api" ? 1 : 2}.${i + 1}`,
      inbound: [{ name: "main", port: 8080, protocol: "http", tags: { "kuma.io/service": app } }],
      outbound,
    },
  };
}

/** Writes documents through the API. */
export async function put(
  api: Api,
  ...documents: readonly Readonly<Record<string, unknown>>[]
): Promise<void> {
  for (const document of documents) {
    const kind = api.deps.registry.byType(String(document.type));
    const path = document.mesh === undefined ? kind?.path : `meshes/${document.mesh}/${kind?.path}`;
    const { status, text } = await api.call("PUT", `/${path}/${document.name}`, document);
    if (status >= 300) throw new Error(`${document.type} ${document.name}: ${status} ${text}`);
  }
}
