import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { identity, idOf, meshTls } from "./documents.ts";
import { applied, documents, meshYaml, policy } from "./scene.ts";

const permission = (service: string): string =>
  policy("MeshTrafficPermission", "check-in", {
    targetRef: { kind: "Dataplane", labels: { app: "check-in-api" } },
    rules: [{ default: { allow: [{ spiffeID: { type: "Exact", value: idOf(service) } }] } }],
  });

interface Overview {
  readonly dataplane: { readonly networking: { readonly gateway: object; readonly inbound?: unknown } };
  readonly dataplaneInsight: { readonly mTLS?: { readonly issuedBackend?: string } };
}

test("a gateway of one's own calls into a strict mesh by its identity, and nothing listens for calls to it", async () => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(
      documents(
        meshYaml({ meshServices: { mode: "Exclusive" } }),
        identity(),
        meshTls({ mode: "Strict" }),
        permission("booking-gateway"),
      ),
    );
    const [gateway] = await Promise.all([
      world.startService({
        service: "booking-gateway",
        host: 11,
        gateway: true,
        outbounds: [{ service: "check-in-api", port: 10_001 }],
      }),
      world.startService({ service: "check-in-api", host: 12 }),
    ]);
    /** What a client of the gateway gets: the gateway itself is no part of the mesh, its calls are. */
    const call = async () => {
      const answer = await fetch(`${gateway.app.url}/call/check-in-api/`);
      const body = (await answer.json()) as { call: { status: number; body?: unknown } };
      return { status: body.call.status, text: JSON.stringify(body) };
    };
    const becomes = (status: number) =>
      until(`the gateway is answered ${status}`, async () => {
        const answer = await call();
        if (answer.status !== status) throw new Error(answer.text);
        return answer;
      });
    const allowed = await becomes(200);
    assert.ok(allowed.text.includes(idOf("booking-gateway")), allowed.text);

    const listeners = JSON.parse(await gateway.sidecar.admin("/listeners?format=json")) as {
      listener_statuses: { name: string }[];
    };
    const names = listeners.listener_statuses.map(({ name }) => name);
    assert.ok(
      names.every((name) => !name.includes("inbound")),
      names.join(),
    );
    const overview = await until("its certificate is in its overview", async () => {
      const found = await overviewOf(world, "booking-gateway");
      return found.dataplaneInsight.mTLS?.issuedBackend?.startsWith("kri_mid_") && found;
    });
    assert.equal(overview.dataplane.networking.inbound, undefined);
    const inspected = await world.ctl(["inspect", "dataplanes", "-m", world.mesh, "--gateway"]);
    assert.match(inspected.stdout, /booking-gateway.*Online/);
    assert.doesNotMatch(inspected.stdout, /check-in-api/);

    await applied(world, permission("somebody-else"));
    await becomes(403);
    await applied(world, permission("booking-gateway"));
    await becomes(200);

    // Of these only the one for gateways reaches its proxy.
    await applied(
      world,
      documents(timeout("gateways", "Gateway", "1s"), timeout("sidecars", "Sidecar", "9s")),
    );
    const clusters = await gateway.sidecar.admin("/config_dump?resource=dynamic_active_clusters&mask=");
    assert.match(clusters, /"connect_timeout": "1s"/);
    assert.doesNotMatch(clusters, /"connect_timeout": "9s"/);
  });
});

function timeout(name: string, proxyType: string, connectionTimeout: string): string {
  return policy("MeshTimeout", name, {
    targetRef: { kind: "Mesh", proxyTypes: [proxyType] },
    to: [{ targetRef: { kind: "Mesh" }, default: { connectionTimeout } }],
  });
}

async function overviewOf(world: World, name: string): Promise<Overview> {
  const answer = await fetch(`${world.controlPlane.api}/meshes/${world.mesh}/dataplanes/${name}/_overview`);
  return (await answer.json()) as Overview;
}
