import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import type { Service } from "../world/service.ts";
import { type World, withWorld } from "../world/world.ts";
import { freeze } from "./frozen.ts";
import { get, httpClient, startLoad, tcpClient } from "./load.ts";
import { applied, documents, inSync, MESH, meshYaml, nothingLost, policy, resource } from "./scene.ts";

/*
 * Applications call services at the services' own addresses. Those are addresses of this test's block here, and the
 * caller's proxy listens there itself: so it needs neither rules of the machine nor a host of its own.
 */

const NAMING = { KUMA_DATAPLANE_RUNTIME_UNIFIED_RESOURCE_NAMING_ENABLED: "true" };
/** Only one proxy of a machine can have the addresses. */
const CALLER = { ...NAMING, KUMA_DATAPLANE_RUNTIME_BIND_OUTBOUNDS: "true" };
const MTLS = { mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] } };
const inMode = (mode: string): string => meshYaml({ meshServices: { mode }, ...MTLS });
const allow = (name: string, service: string, caller: string): string =>
  policy("MeshTrafficPermission", name, {
    targetRef: { kind: "MeshService", name: service },
    from: [{ targetRef: { kind: "MeshService", name: caller }, default: { action: "Allow" } }],
  });
const ALLOWED = documents(
  allow("to-check-in", "check-in-api", "passenger-portal"),
  allow("to-control", "flight-control", "passenger-portal"),
);

interface Addressed {
  readonly world: World;
  readonly portal: Service;
  /** Address of a service for its callers, once it has one. */
  address(service: string): Promise<string>;
}

/** A caller without outbounds and two services, in a mesh of this mode. */
async function withAddresses(
  mode: string,
  body: (scene: Addressed) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  await withWorld(async (world) => {
    const { prefix } = world.site.block;
    await world.startControlPlane({
      KUMA_IPAM_MESH_SERVICE_CIDR: `${prefix}.192/26`,
      KUMA_DNS_SERVER_CIDR: `${prefix}.160/27`,
      ...settings,
    });
    await world.apply(documents(inMode(mode), ALLOWED));
    const [portal] = await Promise.all([
      world.startService({ service: "passenger-portal", host: 11, settings: CALLER }),
      world.startService({ service: "check-in-api", host: 12, settings: NAMING }),
      world.startService({ service: "flight-control", host: 13, tcp: true, settings: NAMING }),
    ]);
    const address = (service: string): Promise<string> =>
      until(`${service} has an address`, async () => {
        const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/meshservices/${service}`);
        const { status } = (await answer.json()) as { status?: { vips?: { ip: string }[] } };
        return status?.vips?.[0]?.ip;
      });
    await body({ world, portal, address });
  });
}

/** Addresses at which the caller's proxy listens for calls. */
async function listens({ portal }: Addressed): Promise<readonly string[]> {
  const lines = (await portal.sidecar.admin("/listeners")).trim().split("\n");
  const places = lines.map((line) => line.split("::").at(-1) ?? "");
  return places.filter((place) => /\.(1[6-9]\d|2\d\d):\d+$/.test(place)).sort();
}

async function listensAt(scene: Addressed, wanted: readonly string[]): Promise<void> {
  await until(`the caller's proxy listens at ${wanted.join(", ") || "no address"}`, async () => {
    assert.deepEqual(await listens(scene), [...wanted].sort());
    return true;
  });
}

const portalWith = (world: World, networking: object): string =>
  resource("Dataplane", "passenger-portal", {
    labels: { app: "passenger-portal", "kuma.io/workload": "passenger-portal" },
    networking: {
      address: world.site.block.address(11),
      inbound: [
        {
          port: 8080,
          serviceAddress: world.site.block.address(111),
          servicePort: 8080,
          protocol: "http",
          tags: { "kuma.io/service": "passenger-portal" },
        },
      ],
      ...networking,
    },
  });

test("a service is called at its own address, and a proxy that lists what it calls has nothing else", async () => {
  await withAddresses("Exclusive", async (scene) => {
    const { world } = scene;
    const [own, checkIn, control] = await Promise.all(
      ["passenger-portal", "check-in-api", "flight-control"].map(scene.address),
    );
    await listensAt(scene, [`${own}:8080`, `${checkIn}:8080`, `${control}:8080`]);
    assert.equal((await get(undefined, `http://${checkIn}:8080/`)).status, 200);
    assert.equal(await tcpClient(control ?? "", 8080).send(), undefined);

    const refs = (...names: readonly string[]) => ({
      transparentProxying: {
        reachableBackends: { refs: names.map((name) => ({ kind: "MeshService", name })) },
      },
    });
    await applied(world, portalWith(world, refs("flight-control")));
    await listensAt(scene, [`${control}:8080`]);
    assert.equal(await tcpClient(control ?? "", 8080).send(), undefined);
    assert.equal((await get(undefined, `http://${checkIn}:8080/`)).status, 0, "it is not reachable any more");
    await until(
      "its cluster is gone, too, when the listener has drained",
      async () => !(await scene.portal.sidecar.admin("/clusters")).includes("check-in-api"),
      { timeoutMs: 30_000 },
    );

    await applied(world, portalWith(world, refs()));
    await listensAt(scene, []);
    const output = await world.apply(portalWith(world, refs("flight-contro")));
    assert.match(output.stdout + output.stderr, /refs\[0\]: there is no such MeshService now/);
    await applied(world, portalWith(world, {}));
    await listensAt(scene, [`${own}:8080`, `${checkIn}:8080`, `${control}:8080`]);
  });
});

test("automatic reachability: a permission opens the way, and its end closes it", async () => {
  await withAddresses(
    "Exclusive",
    async (scene) => {
      const { world } = scene;
      const [checkIn, control] = await Promise.all(["check-in-api", "flight-control"].map(scene.address));
      await listensAt(scene, [`${checkIn}:8080`, `${control}:8080`]);
      await applied(world, allow("to-check-in", "check-in-api", "somebody-else"));
      await listensAt(scene, [`${control}:8080`]);
      await applied(world, allow("to-check-in", "check-in-api", "passenger-portal"));
      await listensAt(scene, [`${checkIn}:8080`, `${control}:8080`]);
      await until("it answers", async () => (await get(undefined, `http://${checkIn}:8080/`)).status === 200);
    },
    { KUMA_EXPERIMENTAL_AUTO_REACHABLE_SERVICES: "true" },
  );
});

test("at their own addresses too, no request fails while the mode of the mesh changes", async () => {
  await withAddresses("Everywhere", async (scene) => {
    const { world, portal } = scene;
    const [checkIn, control] = await Promise.all(["check-in-api", "flight-control"].map(scene.address));
    const url = `http://${checkIn}:8080/`;
    await until("it answers", async () => (await get(undefined, url)).status === 200);
    await until("so do bytes", async () => (await tcpClient(control ?? "", 8080).send()) === undefined);
    const loads = [
      startLoad(httpClient(url, "kept"), 70),
      startLoad(httpClient(url, "new"), 70),
      startLoad(tcpClient(control ?? "", 8080), 60),
    ];
    for (const mode of ["Exclusive", "Everywhere", "Exclusive"]) {
      await Promise.all([applied(world, inMode(mode)), freeze(portal.sidecar, 700)]);
      await until(`everybody is in sync in mode ${mode}`, async () => {
        await inSync(world);
        const names = await portal.sidecar.admin("/listeners");
        return names.includes("kri_msvc_") === (mode === "Exclusive");
      });
    }
    await nothingLost(loads);
  });
});

test("a service is called at the address of its tag as long as the mesh has tags, and no request fails", async () => {
  await withAddresses("Disabled", async (scene) => {
    const { world, portal } = scene;
    // One address for each of three tags, at port 80 and at the service's own.
    const places = await until("the caller's proxy listens for all three services", async () => {
      const found = await listens(scene);
      return found.length === 6 ? found : undefined;
    });
    const answering = async (): Promise<readonly string[]> => {
      const all = await Promise.all(
        places.map(async (place) =>
          (await get(undefined, `http://${place}/`)).status === 200 ? [place] : [],
        ),
      );
      return all.flat();
    };
    const [first = ""] = await until("check-in-api answers at both ports", async () => {
      const found = await answering();
      return found.length >= 2 ? found : undefined;
    });
    const loads = [
      startLoad(httpClient(`http://${first}/`, "kept"), 70),
      startLoad(httpClient(`http://${first}/`, "new"), 70),
    ];
    for (const mode of ["Everywhere", "Disabled"]) {
      await Promise.all([applied(world, inMode(mode)), freeze(portal.sidecar, 700)]);
      await inSync(world);
    }
    await nothingLost(loads);
    await applied(world, inMode("Exclusive"));
    await until("tags have no addresses in mode Exclusive", async () => {
      const now = await listens(scene);
      return places.every((place) => !now.includes(place));
    });
  });
});
