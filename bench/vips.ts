import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectGarbage } from "@skein/control-plane/collect-garbage";
import { systemClock } from "@skein/control-plane/identity/clock";
import { vipsOf } from "@skein/control-plane/naming/addressed";
import { type Naming, startNaming } from "@skein/control-plane/naming/run";
import { DEFAULT_VIP_RANGES } from "@skein/control-plane/naming/vip-pools";
import { VipPool } from "@skein/control-plane/naming/vips";
import { openMemoryStore } from "@skein/control-plane/store/memory";
import { openSqliteStore } from "@skein/control-plane/store/sqlite";
import type { Store } from "@skein/control-plane/store/store";
import type { NewResource } from "@skein/model";
import type { Figure, Report } from "./harness/figure.ts";
import { heldBytes } from "./harness/in-process.ts";
import { median } from "./harness/stats.ts";

const SERVICES = 20_000;
const PER_TRANSACTION = 100;
const ROUNDS = 9;
const TYPE = "MeshExternalService";

/** Addresses and host names for many services, in this process: by the pool alone, and from document to document. */
export async function vips(): Promise<readonly Report[]> {
  const dir = mkdtempSync(join(tmpdir(), "skein-bench-"));
  // The timers of naming do not keep a process alive; here there is nothing else.
  const alive = setInterval(() => undefined, 60_000);
  try {
    const memory = openMemoryStore({ now: () => Date.now() });
    const sqlite = openSqliteStore(join(dir, "store.db"), { now: () => Date.now() });
    const figures = [
      ...pool(),
      ...(await stored("in memory", memory)),
      ...(await stored("in SQLite", sqlite)),
    ];
    await Promise.all([memory.close(), sqlite.close()]);
    return [{ title: `Addresses and host names of ${SERVICES.toLocaleString("en")} services`, figures }];
  } finally {
    clearInterval(alive);
    rmSync(dir, { recursive: true, force: true });
  }
}

function pool(): readonly Figure[] {
  const names = Array.from({ length: SERVICES }, (_, at) => `bench/service-${at}`);
  collectGarbage();
  const before = heldBytes();
  const began = performance.now();
  const full = new VipPool(DEFAULT_VIP_RANGES[TYPE]);
  for (const name of names) full.take(name);
  const took = performance.now() - began;
  collectGarbage();
  const held = heldBytes() - before;
  if (full.size !== SERVICES) throw new Error(`${full.size} of ${SERVICES} addresses are held`);
  return [
    { figure: "vips: pool, all addresses", value: took, unit: "ms" },
    { figure: "vips: pool, memory for an address", value: held / SERVICES, unit: "bytes" },
  ];
}

async function stored(where: string, store: Store): Promise<readonly Figure[]> {
  const name = (figure: string): string => `vips: ${where}, ${figure}`;
  await store.write([
    put({ type: "Mesh", mesh: "", name: "bench", labels: {}, spec: {} }),
    put({
      ...{ type: "HostnameGenerator", mesh: "", name: "g", labels: {} },
      spec: { selector: { meshExternalService: {} }, template: "{{ .DisplayName }}.extsvc.mesh.local" },
    }),
  ]);
  for (let at = 0; at < SERVICES; at += PER_TRANSACTION) {
    await store.write(Array.from({ length: PER_TRANSACTION }, (_, each) => put(service(at + each))));
  }
  const began = performance.now();
  const first = start(store);
  await first.idle();
  const allocated = performance.now() - began;
  const addresses = new Set(store.list({ type: TYPE }).flatMap(vipsOf));
  if (addresses.size !== SERVICES)
    throw new Error(`${addresses.size} of ${SERVICES} services have an address`);
  await first.stop();

  collectGarbage();
  const before = heldBytes();
  const restarted = performance.now();
  const { revision } = store;
  const naming = start(store);
  await naming.idle();
  const restart = performance.now() - restarted;
  if (store.revision !== revision) throw new Error("a restart has written something");
  collectGarbage();
  const held = heldBytes() - before;

  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now();
    const done = new Promise<void>((resolve) => {
      const unwatch = store.watch((changes) => {
        if (!changes.some(({ after }) => after?.type === TYPE && vipsOf(after).length > 0)) return;
        unwatch();
        resolve();
      });
    });
    await store.write([put(service(SERVICES + round))]);
    await done;
    waits.push(performance.now() - from);
  }
  await naming.stop();
  return [
    { figure: name("all addresses and names, written"), value: allocated, unit: "ms" },
    { figure: name("restart with all of them"), value: restart, unit: "ms" },
    { figure: name("memory of naming for a service"), value: held / SERVICES, unit: "bytes" },
    { figure: name("one more, from its write to its address"), value: median(waits), unit: "ms" },
  ];
}

function start(store: Store): Naming {
  return startNaming({
    store,
    clock: systemClock,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    settings: {
      context: { mode: "zone", zone: "bench", environment: "universal", federated: false },
      deletionGracePeriodMs: 0,
      taggedServices: { enabled: true, domain: "mesh" },
    },
    vipCidrs: {
      MeshService: "241.0.0.0/8",
      MeshExternalService: "242.0.0.0/8",
      MeshMultiZoneService: "243.0.0.0/8",
      TaggedService: "240.0.0.0/4",
    },
    connected: () => true,
    identitiesOf: () => [],
    acceptsTls: () => true,
  });
}

function put(resource: NewResource): { readonly op: "put"; readonly resource: NewResource } {
  return { op: "put", resource };
}

function service(at: number): NewResource {
  return {
    ...{ type: TYPE, mesh: "bench", name: `service-${at}` },
    labels: { "kuma.io/mesh": "bench", "kuma.io/origin": "zone", "kuma.io/zone": "bench" },
    spec: {
      match: { type: "HostnameGenerator", port: 443, protocol: "http" },
      endpoints: [{ address: `service-${at}.example`, port: 443 }],
    },
    owner: { type: "Mesh", mesh: "", name: "bench" },
  };
}
