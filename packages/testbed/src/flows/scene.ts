import assert from "node:assert/strict";
import { stringify } from "yaml";
import { callThrough } from "../kong-air/call.ts";
import { patiently } from "../patience.ts";
import { until } from "../poll.ts";
import type { Service } from "../world/service.ts";
import { type World, withWorld } from "../world/world.ts";
import { type Connections, httpClient, type Load, type LoadReport, startLoad, tcpClient } from "./load.ts";

export const MESH = "kong-air-mesh";
/** The command returns when every affected proxy has acknowledged. */
export const WAIT = `--wait=${patiently(20_000) / 1_000}s`;

/** A caller and what it calls, each with a real sidecar: `check-in-api` speaks HTTP, `flight-control` bytes. */
export interface Scene {
  readonly world: World;
  readonly portal: Service;
  readonly checkIn: Service;
  readonly flightControl: Service;
  /** Outbounds of the caller's sidecar. */
  readonly checkInUrl: string;
  readonly flightControlPort: number;
}

/** The mesh, without the retries and limits that a new mesh gets: nothing may hide a failure. */
export function meshYaml(spec: object = {}): string {
  return yaml({
    type: "Mesh",
    name: MESH,
    meshServices: { mode: "Exclusive" },
    skipCreatingInitialPolicies: ["*"],
    ...spec,
  });
}

/** The mesh with certificates of its own CA, in which everybody may call everybody. */
export function openMeshYaml(): string {
  return documents(
    meshYaml({ mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] } }),
    policy("MeshTrafficPermission", "everybody", {
      from: [{ targetRef: { kind: "Mesh" }, default: { action: "Allow" } }],
    }),
  );
}

/** One document of the mesh. */
export function policy(type: string, name: string, spec: object): string {
  return resource(type, name, { spec });
}

/** One document of the mesh, with fields besides a spec. */
export function resource(type: string, name: string, fields: object): string {
  return yaml({ type, mesh: MESH, name, ...fields });
}

/** Documents for one `apply`. */
export function documents(...parts: readonly string[]): string {
  return parts.join("---\n");
}

function yaml(value: object): string {
  return stringify(value, { lineWidth: 0 });
}

/**
 * The caller and its two services in a world of their own. `prepare` is what the mesh holds before they come; `byTag`:
 * outbounds name services by their tags; `settings` are those of the launchers.
 */
export async function withScene(
  prepare: string,
  body: (scene: Scene) => Promise<void>,
  {
    byTag = false,
    settings = {},
  }: { readonly byTag?: boolean; readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(prepare);
    const [portal, checkIn, flightControl] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        settings,
        outbounds: [
          { service: "check-in-api", port: 10_001, byTag },
          { service: "flight-control", port: 10_002, byTag },
        ],
      }),
      world.startService({ service: "check-in-api", host: 12, settings }),
      world.startService({ service: "flight-control", host: 13, tcp: true, settings }),
    ]);
    const address = world.site.block.address(11);
    const scene: Scene = {
      world,
      portal,
      checkIn,
      flightControl,
      checkInUrl: `http://${address}:10001/`,
      flightControlPort: 10_002,
    };
    await body(scene);
  });
}

/** Waits until the caller reaches both services. */
export async function reachable({ world, flightControlPort, checkInUrl }: Scene): Promise<void> {
  const clients = [tcpClient(new URL(checkInUrl).hostname, flightControlPort), httpClient(checkInUrl, "new")];
  for (const client of clients) {
    await until("the caller reaches its services", async () => {
      const reason = await client.send();
      if (reason !== undefined) throw new Error(reason);
      return true;
    });
  }
  await until(
    "check-in-api answers",
    async () => (await callThrough(world, "passenger-portal", "check-in-api")).status === 200,
  );
}

/** 200 requests a second in three kinds: HTTP over open and over new connections, and TCP connections. */
export function startLoads({ checkInUrl, flightControlPort }: Scene): readonly Load[] {
  return [
    httpLoad(checkInUrl, "kept", 70),
    httpLoad(checkInUrl, "new", 70),
    startLoad(tcpClient(new URL(checkInUrl).hostname, flightControlPort), 60),
  ];
}

/** GET requests at a rate. */
export function httpLoad(url: string, connections: Connections, rate: number): Load {
  return startLoad(httpClient(url, connections), rate);
}

/** Goes on for another second, stops all loads, and fails where one of their requests failed. */
export async function nothingLost(loads: readonly Load[]): Promise<number> {
  const before = total(loads.map((load) => load.report()));
  await until(
    "a hundred requests more are sent",
    () => total(loads.map((load) => load.report())) > before + 100,
  );
  const reports = await Promise.all(loads.map((load) => load.stop()));
  assert.deepEqual(
    reports.map(describe),
    reports.map(({ sent }) => `${sent} sent, 0 failed`),
  );
  return total(reports);
}

function total(reports: readonly LoadReport[]): number {
  return reports.reduce((sum, { sent }) => sum + sent, 0);
}

function describe({ sent, failures }: LoadReport): string {
  const shown = failures.slice(0, 5).map(({ afterMs, reason }) => `\n  after ${afterMs} ms: ${reason}`);
  return `${sent} sent, ${failures.length} failed${shown.join("")}`;
}

/** Who called, as the called app sees it. */
export async function callerSeen({ world }: Scene): Promise<string | null> {
  const result = await callThrough(world, "passenger-portal", "check-in-api");
  assert.equal(result.status, 200, result.detail);
  return result.caller;
}

/** `skeinctl apply --wait`. */
export async function applied(world: World, text: string): Promise<void> {
  await world.apply(text, [WAIT]);
}

/** Deletes a resource of the mesh and waits until every proxy has acknowledged that. */
export async function deleted(world: World, type: string, name: string): Promise<void> {
  const output = await world.ctl(["delete", type, name, "-m", MESH, WAIT]);
  assert.equal(output.code, 0, output.stdout + output.stderr);
}

/** Proxies that hold something else than they should. */
export async function outOfSync(world: World): Promise<readonly unknown[]> {
  const answer = await fetch(`${world.controlPlane.api}/_proxy-status`);
  const { items } = (await answer.json()) as { items: { state: string; rejected: unknown[] }[] };
  return items.filter(({ state, rejected }) => state !== "in-sync" || rejected.length > 0);
}

/** Waits until every proxy holds what it should. */
export async function inSync(world: World): Promise<void> {
  await until(
    "everybody is in sync",
    async () => {
      assert.deepEqual(await outOfSync(world), []);
      return true;
    },
    { timeoutMs: 60_000 },
  );
}
