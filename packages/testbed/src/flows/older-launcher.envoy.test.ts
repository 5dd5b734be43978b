import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import { callThrough } from "../kong-air/call.ts";
import { outboundsTo } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { identity, idOf, LEGACY_MTLS } from "./documents.ts";
import { get, startLoad, tcpClient } from "./load.ts";
import { DELTA_AND_UNIFIED, type OlderSidecar, startOlderSidecar } from "./older-launcher.ts";
import { applied, documents, httpLoad, inSync, MESH, meshYaml, nothingLost, policy } from "./scene.ts";

/** How the older world is written: outbounds by the tag of the service, protocols as tags. */
const byTag = (service: string): object => ({ tags: { "kuma.io/service": service } });
const byRef = (service: string): object => ({
  backendRef: { kind: "MeshService", name: service, port: 8080 },
});

function dataplane(world: World, service: string, host: number, protocol: string, outbound: object[]) {
  const { block } = world.site;
  return {
    type: "Dataplane",
    mesh: MESH,
    name: service,
    labels: { app: service },
    networking: {
      address: block.address(host),
      inbound: [
        {
          port: 8080,
          servicePort: 8080,
          serviceAddress: block.address(host + 100),
          tags: { "kuma.io/service": service, "kuma.io/protocol": protocol, version: "v1" },
        },
      ],
      outbound,
    },
  };
}

interface Called {
  readonly portal: OlderSidecar;
  readonly checkIn: OlderSidecar;
  readonly flightControl: OlderSidecar;
  readonly url: string;
  readonly host: string;
}

async function withOlderSidecars(
  prepare: string,
  outbound: (service: string) => object,
  body: (world: World, called: Called) => Promise<void>,
): Promise<void> {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(prepare);
    const { block } = world.site;
    const start = async (service: string, host: number, protocol: string, calls: object[]) => {
      await world.startApp({
        service,
        host,
        tcp: protocol === "tcp",
        ...(calls.length === 0 ? {} : { outbounds: [{ service: "check-in-api", port: 10_001 }] }),
      });
      return await startOlderSidecar(world, dataplane(world, service, host, protocol, calls));
    };
    const host = block.address(11);
    const [portal, checkIn, flightControl] = await Promise.all([
      start("passenger-portal", 11, "http", [
        { address: host, port: 10_001, ...outbound("check-in-api") },
        { address: host, port: 10_002, ...outbound("flight-control") },
      ]),
      start("check-in-api", 12, "http", []),
      start("flight-control", 13, "tcp", []),
    ]);
    await body(world, { portal, checkIn, flightControl, host, url: `http://${host}:10001/` });
  });
}

/** Everything was accepted, by sidecars and in the record of the control plane. */
async function nothingRejected(world: World, { portal, checkIn, flightControl }: Called): Promise<void> {
  for (const sidecar of [portal, checkIn, flightControl]) {
    assert.match(sidecar.bootstrap, /apiType: GRPC$/m);
    const counts = await sidecar.stats("(lds|cds)\\.update_(rejected|success)$|update_rejected");
    const successes = [...counts].filter(([name]) => name.endsWith("update_success"));
    assert.ok(
      successes.length >= 2 && successes.every(([, count]) => count > 0),
      JSON.stringify([...counts]),
    );
    assert.deepEqual(
      [...counts].filter(([name, count]) => name.endsWith("rejected") && count > 0),
      [],
    );
  }
  await inSync(world);
  const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/dataplanes+insights/passenger-portal`);
  const text = await answer.text();
  assert.doesNotMatch(text, /responsesRejected/);
}

test("a launcher of Kuma 2.14 joins a mesh of MeshServices: identity, permissions, no rejection", async () => {
  const allow = (service: string): string =>
    policy("MeshTrafficPermission", "callers", {
      rules: [{ default: { allow: [{ spiffeID: { type: "Exact", value: idOf(service) } }] } }],
    });
  await withOlderSidecars(meshYaml(), byRef, async (world, called) => {
    const { url, host, portal } = called;
    await until("plain text flows", async () => (await get(undefined, url)).status === 200);
    await until("bytes flow", async () => (await tcpClient(host, 10_002).send()) === undefined);
    const loads = [
      httpLoad(url, "kept", 40),
      httpLoad(url, "new", 40),
      startLoad(tcpClient(host, 10_002), 40),
    ];
    await applied(world, allow("passenger-portal"));
    await applied(world, identity());
    const { caller } = await callThrough(world, "passenger-portal", "check-in-api");
    assert.equal(caller, idOf("passenger-portal"));
    await nothingLost(loads);
    await applied(world, allow("somebody-else"));
    assert.equal((await get(undefined, url)).status, 403);
    assert.notEqual(await tcpClient(host, 10_002).send(), undefined);
    await applied(world, allow("passenger-portal"));
    assert.equal((await get(undefined, url)).status, 200);
    const names = (await portal.admin("/listeners")).split("\n").map((line) => line.split("::")[0]);
    assert.ok(
      names.includes(`outbound:${host}:10001`) && names.includes(`inbound:${host}:8080`),
      names.join(),
    );
    await nothingRejected(world, called);
  });
});

test("a launcher of Kuma 2.14 joins a mesh of service tags: Mesh.mtls, permissions by tags, no rejection", async () => {
  const classic = (spec: object): string =>
    stringify({ type: "Mesh", name: MESH, skipCreatingInitialPolicies: ["*"], ...spec });
  const from = (service: string, action: string): string =>
    policy("MeshTrafficPermission", "callers", {
      targetRef: { kind: "Mesh" },
      from: [
        { targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": service } }, default: { action } },
      ],
    });
  await withOlderSidecars(classic({}), byTag, async (world, called) => {
    const { url, host, portal } = called;
    await until("plain text flows", async () => (await get(undefined, url)).status === 200);
    await until("bytes flow", async () => (await tcpClient(host, 10_002).send()) === undefined);
    const loads = [
      httpLoad(url, "kept", 40),
      httpLoad(url, "new", 40),
      startLoad(tcpClient(host, 10_002), 40),
    ];
    await applied(world, documents(from("passenger-portal", "Allow"), classic(LEGACY_MTLS)));
    const { caller } = await callThrough(world, "passenger-portal", "check-in-api");
    assert.equal(caller, `spiffe://${MESH}/passenger-portal`);
    await nothingLost(loads);
    assert.equal((await get(undefined, `http://${world.site.block.address(12)}:8080/`)).status, 0);
    await applied(world, from("passenger-portal", "Deny"));
    assert.equal((await get(undefined, url)).status, 403);
    assert.notEqual(await tcpClient(host, 10_002).send(), undefined);
    await applied(world, from("passenger-portal", "Allow"));
    assert.equal((await get(undefined, url)).status, 200);
    await applied(
      world,
      policy("MeshTimeout", "short", {
        to: [
          {
            targetRef: { kind: "MeshService", name: "check-in-api" },
            default: { http: { requestTimeout: "200ms" } },
          },
        ],
      }),
    );
    assert.equal((await get(undefined, `${url}delay?ms=1000`)).status, 504);
    const clusters = await portal.admin("/clusters");
    assert.match(clusters, /^check-in-api::/m);
    assert.match(clusters, /^flight-control::/m);
    await nothingRejected(world, called);
  });
});

/** Two launchers of Kuma 2.14, one for each protocol, and one of ours; each calls the two others. */
const MIXED = ["passenger-portal", "check-in-api", "flight-control"];

test("launchers of Kuma 2.14 beside ours, through a restart of the control plane: nothing lost, only secrets sent", async () => {
  const allow = (...services: readonly string[]): string => {
    const ids = services.map((service) => ({ spiffeID: { type: "Exact", value: idOf(service) } }));
    return policy("MeshTrafficPermission", "callers", { rules: [{ default: { allow: ids } }] });
  };
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(documents(meshYaml(), allow(...MIXED), identity()));
    const { block } = world.site;
    const calls = (service: string) => outboundsTo(MIXED.filter((other) => other !== service));
    const older = async (service: string, host: number, features: readonly string[]) => {
      await world.startApp({ service, host, outbounds: calls(service) });
      const outbound = calls(service).map((call) => ({
        address: block.address(host),
        port: call.port,
        ...byRef(call.service),
      }));
      return await startOlderSidecar(world, dataplane(world, service, host, "http", outbound), features);
    };
    const [stateOfTheWorld, delta, { sidecar: ours }] = await Promise.all([
      older("passenger-portal", 11, []),
      older("check-in-api", 12, DELTA_AND_UNIFIED),
      world.startService({ service: "flight-control", host: 13, outbounds: calls("flight-control") }),
    ]);
    assert.match(stateOfTheWorld.bootstrap, /apiType: GRPC$/m);
    assert.match(delta.bootstrap, /apiType: DELTA_GRPC$/m);
    const pairs = MIXED.flatMap((from) => calls(from).map(({ service }) => [from, service] as const));
    const everybodyCalls = async (callers: readonly string[]): Promise<boolean> => {
      for (const [from, to] of pairs) {
        const { status, caller, detail } = await callThrough(world, from, to);
        const expected = callers.includes(from) ? [200, idOf(from)] : [403, null];
        assert.deepEqual([status, caller], expected, `${from} -> ${to}: ${status} ${caller} ${detail}`);
      }
      return true;
    };
    await until("everybody calls everybody by name", () => everybodyCalls(MIXED), { timeoutMs: 15_000 });
    for (const caller of MIXED) {
      await applied(world, allow(caller));
      await everybodyCalls([caller]);
    }
    await applied(world, allow(...MIXED));

    const loads = [11, 12, 13].flatMap((host) =>
      [10_001, 10_002].map((port) => httpLoad(`http://${block.address(host)}:${port}/`, "kept", 20)),
    );
    const sidecars = [stateOfTheWorld, delta, ours];
    const before = await Promise.all(sidecars.map(taken));
    await world.killControlPlane();
    await until("the sidecars have noticed", async () => {
      const states = await Promise.all(sidecars.map((each) => each.stats("^control_plane.connected_state$")));
      return states.every((state) => [...state.values()].every((connected) => connected === 0));
    });
    await world.startControlPlane();
    await until("all of them are back", async () => {
      const answer = await fetch(`${world.controlPlane.api}/_proxy-status`);
      const { items } = (await answer.json()) as { items: { state: string }[] };
      return items.length === MIXED.length && items.every(({ state }) => state === "in-sync");
    });
    await nothingLost(loads);
    const after = await Promise.all(sidecars.map(taken));
    const sent = after.map((counts, index) =>
      [...counts].flatMap(([name, count]) => (before[index]?.get(name) === count ? [] : [name])).sort(),
    );
    const certificates = [
      `sds.kri_mid_${MESH}_zone1__everybody_.update_success`,
      "sds.system_envoy_admin_cert.update_success",
    ];
    assert.ok(
      sent[0]?.every((name) => name.startsWith("sds.")),
      `state of the world: ${sent[0]?.join()}`,
    );
    assert.deepEqual(sent.slice(1), [certificates, certificates]);
    await everybodyCalls(MIXED);
  });
});

/** What an Envoy has taken and what it has changed because of that. */
async function taken(sidecar: Pick<OlderSidecar, "stats">): Promise<ReadonlyMap<string, number>> {
  return await sidecar.stats(
    "update_(success|rejected)$|listener_manager.listener_(create|modified|removed|in_place_updated)$|cluster_manager.cluster_(added|modified|removed)$",
  );
}
