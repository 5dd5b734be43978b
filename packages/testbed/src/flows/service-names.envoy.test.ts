import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { callThrough } from "../kong-air/call.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { documents, MESH, meshYaml, openMeshYaml, reachable, resource, withScene } from "./scene.ts";

const EXTERNAL = 300;

test("a service by hand whose port has no targetPort is reached at the inbound with the same number", async () => {
  const byHand = resource("MeshService", "check-in-api", {
    spec: {
      selector: { dataplaneTags: { "kuma.io/service": "check-in-api" } },
      ports: [{ port: 8080, appProtocol: "http" }],
    },
  });
  await withScene(documents(openMeshYaml(), byHand), async (scene) => {
    await reachable(scene);
    const { status } = await callThrough(scene.world, "passenger-portal", "check-in-api");
    assert.equal(status, 200);
    const stored = await shown(scene.world, "meshservice", "check-in-api");
    assert.equal(stored.labels["kuma.io/managed-by"], undefined, "it is still the user's");
    await until("its proxy is counted as healthy", async () => {
      const { spec, status: now } = await shown(scene.world, "meshservice", "check-in-api");
      return spec.state === "Available" && now.dataplaneProxies?.healthy === 1;
    });
  });
});

test("a control plane that is killed while it gives out addresses: each service has one of its own, and keeps it", async () => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(meshYaml());
    const services = Array.from({ length: EXTERNAL }, (_, n) => externalService(`es-${n}`));
    await world.apply(documents(...services, multiZone("all")));
    await world.killControlPlane();
    await world.startControlPlane();
    const first = await addresses(world);
    assert.equal(Object.keys(first).length, EXTERNAL);
    assert.equal(new Set(Object.values(first)).size, EXTERNAL);
    assert.ok(Object.values(first).every((ip) => ip.startsWith("242.0.")));

    const { status } = await shown(world, "meshmultizoneservice", "all");
    assert.deepEqual(status.vips, [{ ip: "243.0.0.0" }]);
    assert.deepEqual(
      status.addresses?.map(({ hostname }) => hostname),
      ["all.mzsvc.mesh.local"],
    );

    await world.ctl(["delete", "meshexternalservice", "es-7", "-m", MESH]);
    await world.killControlPlane();
    await world.startControlPlane();
    await world.apply(externalService("late"));
    const { late, ...others } = await addresses(world);
    const { "es-7": gone, ...kept } = first;
    assert.deepEqual(others, kept);
    assert.ok(late !== undefined && late !== gone && !Object.values(kept).includes(late));
  });
});

test("what a name leads to is told when it is written: taken, matching nobody, a port that nobody has", async () => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(meshYaml());
    const [api, db] = [externalService("api"), externalService("db")];
    assert.doesNotMatch((await world.apply(documents(api, db))).stderr, /warning/i);
    const taken = resource("MeshExternalService", "api-2", {
      labels: { "kuma.io/display-name": "api" },
      spec: { match: { port: 443 }, endpoints: [{ address: "a.example", port: 443 }] },
    });
    const words = async (yaml: string): Promise<string> => {
      const { stdout, stderr } = await world.apply(yaml);
      return stdout + stderr;
    };
    await addresses(world);
    assert.match(await words(taken), /api\.extsvc\.mesh\.local is the hostname of MeshExternalService "api"/);
    assert.match(await words(multiZone("none", { team: "x" })), /finds none of the MeshServices/);
  });
});

interface Shown {
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: { readonly state?: string };
  readonly status: {
    readonly vip?: { readonly ip?: string };
    readonly vips?: readonly { readonly ip?: string }[];
    readonly addresses?: readonly { readonly hostname?: string }[];
    readonly dataplaneProxies?: { readonly healthy?: number };
  };
  readonly name: string;
}

async function shown(world: World, kind: string, name: string): Promise<Shown> {
  const { code, stdout, stderr } = await world.ctl(["get", kind, name, "-m", MESH, "-o", "yaml"]);
  assert.equal(code, 0, stderr);
  return parse(stdout) as Shown;
}

/** The address of each external service, when all have one. */
async function addresses(world: World): Promise<Readonly<Record<string, string>>> {
  const url = `${world.controlPlane.api}/meshes/${MESH}/meshexternalservices?size=1000`;
  let all: readonly (readonly [string, string])[] = [];
  await until("every service has an address", async () => {
    const { items } = (await (await fetch(url)).json()) as { items: readonly Shown[] };
    all = items.map(({ name, status }) => [name, status.vip?.ip ?? ""] as const);
    return all.every(([, ip]) => ip !== "");
  });
  return Object.fromEntries(all);
}

function externalService(name: string): string {
  return resource("MeshExternalService", name, {
    spec: { match: { port: 443, protocol: "http" }, endpoints: [{ address: `${name}.example`, port: 443 }] },
  });
}

function multiZone(name: string, matchLabels: object = {}): string {
  const spec = { selector: { meshService: { matchLabels } }, ports: [{ port: 80 }] };
  return resource("MeshMultiZoneService", name, { spec });
}
