import type { TestContext } from "node:test";
import type { DataplaneResource, MeshServiceResource, WorkloadResource } from "@skein/model";
import { type FakeClock, fakeClock } from "../../identity/testing.ts";
import { openMemoryStore } from "../../store/memory.ts";
import type { Store } from "../../store/store.ts";
import { type Naming, type NamingOptions, startNaming } from "../run.ts";
import { defaultGenerator, mesh, SETTINGS } from "./resources.ts";

/** The ranges of an unchanged configuration. */
export const VIP_CIDRS = {
  MeshService: "241.0.0.0/8",
  MeshExternalService: "242.0.0.0/8",
  MeshMultiZoneService: "243.0.0.0/8",
  TaggedService: "240.0.0.0/4",
};

/** A running derivation on a memory store with one mesh, `demo`, and the usual generator. */
export interface TestNaming {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly naming: Naming;
  /** Proxies that are not connected. */
  readonly down: Set<string>;
  /** Warnings and errors that were logged. */
  readonly logged: string[];
  put(...dataplanes: readonly DataplaneResource[]): Promise<void>;
  remove(type: string, name: string): Promise<void>;
  service(name: string): MeshServiceResource | undefined;
  workload(name: string): WorkloadResource | undefined;
  /** The same store with another derivation, as after a restart. */
  restart(): Promise<TestNaming>;
}

/** Starts a derivation that stops with the test. */
export async function testNaming(
  context: TestContext,
  more: Partial<NamingOptions> & { readonly wrap?: (store: Store) => Store } = {},
): Promise<TestNaming> {
  const clock = fakeClock();
  const store = openMemoryStore({ now: clock.now });
  await store.write([
    { op: "put", resource: mesh("demo") },
    { op: "put", resource: defaultGenerator() },
  ]);
  return start(context, store, clock, more);
}

function start(
  context: TestContext,
  store: Store,
  clock: FakeClock,
  more: Partial<NamingOptions> & { readonly wrap?: (store: Store) => Store },
): TestNaming {
  const down = new Set<string>();
  const logged: string[] = [];
  const { wrap, ...options } = more;
  const naming = startNaming({
    store: wrap?.(store) ?? store,
    clock,
    log: {
      info: () => undefined,
      warn: (_, message) => logged.push(message),
      error: (_, message) => logged.push(message),
    },
    settings: SETTINGS,
    vipCidrs: VIP_CIDRS,
    connected: (_, name) => !down.has(name),
    identitiesOf: ({ name }) => [`spiffe://demo/${name}`],
    acceptsTls: () => true,
    ...options,
  });
  context.after(() => naming.stop());
  return {
    ...{ store, clock, naming, down, logged },
    async put(...dataplanes) {
      await store.write(dataplanes.map((resource) => ({ op: "put" as const, resource })));
    },
    async remove(type, name) {
      await store.write([{ op: "delete", key: { type, mesh: type === "Mesh" ? "" : "demo", name } }]);
    },
    service: (name) => store.get({ type: "MeshService", mesh: "demo", name }),
    workload: (name) => store.get({ type: "Workload", mesh: "demo", name }),
    async restart() {
      await naming.stop();
      return start(context, store, clock, more);
    },
  };
}
