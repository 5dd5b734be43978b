import { homedir } from "node:os";
import { join } from "node:path";
import { pause, World } from "@skein/testbed";
import { workspaceCommands } from "@skein/testbed/world/commands";
import { occupySite } from "@skein/testbed/world/site";
import { type ApiClient, createApiClient } from "../harness/api-client.ts";
import { wallMs } from "../harness/clock.ts";
import { cpuSeconds } from "../harness/process-usage.ts";
import { published } from "../harness/published.ts";
import { type FleetHandle, spawnFleet } from "./fleet-handle.ts";
import type { ProxyObservation } from "./fleet-protocol.ts";
import { MESH, type ModelProxy, modelMesh, type Reach, SECURITY } from "./mesh-model.ts";
import { mixedPolicies } from "./mixed-policies.ts";

/** Sizes and surroundings of one fan-out run. */
export interface ArenaOptions {
  readonly proxies: number;
  readonly services: number;
  /** How the proxies know whom they may call. */
  readonly reach: Reach;
  /** Policies of mixed kinds that are there before the proxies. */
  readonly policies: number;
  /** Where the control plane leaves a CPU profile when it stops. */
  readonly profileDir: string | undefined;
}

/** A control plane and a simulated fleet, both as processes of their own. */
export interface Arena extends AsyncDisposable {
  readonly api: ApiClient;
  readonly fleet: FleetHandle;
  readonly controlPlane: { readonly pid: number; readonly diagnostics: string };
  readonly model: readonly ModelProxy[];
  /** Connects all proxies over `rampMs`; resolves when every one is in sync. */
  bringUp(rampMs: number): Promise<{ readonly seconds: number; readonly cpu: number }>;
  /** The last lines of the control plane's log. */
  logs(): string;
  /** Makes a change and resolves when all proxies that it affects have answered and the fleet is quiet. */
  measure(change: () => Promise<{ readonly changeId: number }>): Promise<Measured>;
}

/** What one change did. */
export interface Measured {
  /** When it was asked for, as of `wallMs`. */
  readonly from: number;
  /** Seconds of the control plane's CPU until the last acknowledgement. */
  readonly cpu: number;
  readonly proxies: readonly ProxyObservation[];
  readonly rejected: number;
}

/** As published; for a profile from the sources, so that it names their files. */
async function controlPlaneCommand(profileDir: string | undefined): Promise<readonly string[]> {
  if (profileDir === undefined) return published("control-plane");
  const [node = "", ...main] = workspaceCommands().controlPlane;
  return [node, "--cpu-prof", `--cpu-prof-dir=${profileDir}`, ...main];
}

const COMPILE_CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "skein", "compile");

/** Starts the control plane with a mesh that is ready for the proxies. */
export async function createArena(options: ArenaOptions): Promise<Arena> {
  const world = new World(await occupySite(), {
    mesh: MESH,
    commands: { controlPlane: await controlPlaneCommand(options.profileDir) },
  });
  const fleet = spawnFleet();
  try {
    // As on every start but the first.
    const controlPlane = await world.startControlPlane({ NODE_COMPILE_CACHE: COMPILE_CACHE });
    const api = createApiClient(world.controlPlane.api);
    const model = modelMesh(options.proxies, options.services);
    for (const [path, document] of SECURITY) await api.put(path, document);
    await inTurn(mixedPolicies(options.policies, model), 8, ([path, document]) => api.put(path, document));
    return {
      api,
      fleet,
      controlPlane: { pid: controlPlane.pid, diagnostics: world.controlPlane.diagnostics },
      model,
      logs: () => world.logs(),
      async bringUp(rampMs) {
        const tokens = await inTurn(model, 8, ({ name }) => api.dataplaneToken(MESH, name));
        const before = cpuSeconds(controlPlane.pid);
        const from = wallMs();
        await fleet.ask({
          kind: "start",
          target: world.controlPlane.dataplanes,
          caFile: world.controlPlane.caFile,
          proxies: options.proxies,
          services: options.services,
          reach: options.reach,
          tokens,
          rampMs,
        });
        const state = await fleet.quiet(1_500, 180_000);
        if (state.complete !== options.proxies || state.connected !== options.proxies) {
          throw new Error(
            `only ${state.complete} of ${options.proxies} proxies are complete: ${JSON.stringify(state)}`,
          );
        }
        return { seconds: (state.quietSince - from) / 1000, cpu: cpuSeconds(controlPlane.pid) - before };
      },
      async measure(change) {
        await fleet.quiet(400);
        await fleet.ask({ kind: "observe" });
        const before = cpuSeconds(controlPlane.pid);
        const from = wallMs();
        const { changeId } = await change();
        const { rejected } = await api.settled(changeId);
        const cpu = cpuSeconds(controlPlane.pid) - before;
        await fleet.quiet(400);
        return { from, cpu, proxies: await fleet.ask({ kind: "observed" }), rejected };
      },
      async [Symbol.asyncDispose]() {
        await fleet.close();
        if (options.profileDir !== undefined) await stopGently(world);
        await world.stop();
      },
    };
  } catch (error) {
    process.stderr.write(`${world.logs()}\n`);
    await fleet.close();
    await world.stop();
    throw error;
  }
}

/** A control plane that is being profiled writes its profile when it ends, which takes longer than a world waits. */
async function stopGently(world: World): Promise<void> {
  await Promise.race([world.stopControlPlane(), pause(60_000)]);
}

/** Maps with so many at a time, results in order. */
export async function inTurn<T, R>(
  items: readonly T[],
  width: number,
  map: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await map(items[at] as T);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
