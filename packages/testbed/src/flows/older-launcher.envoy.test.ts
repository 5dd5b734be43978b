import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import { callThrough } from "../kong-air/call.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { identity, idOf, LEGACY_MTLS } from "./documents.ts";
import { get, startLoad, tcpClient } from "./load.ts";
import { type OlderSidecar, startOlderSidecar } from "./older-launcher.ts";
import { applied, documents, httpLoad, MESH, meshYaml, nothingLost, outOfSync, policy } from "./scene.ts";

/** How the older world is written: outbounds by the tag of the service, protocols as tags. */
const byTag = (service: string): object => ({ tags: { "kuma.io/service": service } });
const byRef = (service: string): object => ({
  backendRef: { kind: "MeshService", name: service, port: 8080 },
});

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
      return await startOlderSidecar(world, {
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
          outbound: calls,
        },
      } as { readonly name: string });
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
  await until("everything is acknowledged", async () => (await outOfSync(world)).length === 0);
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
