import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { type HostLoad, loadInHost } from "./load-in-host.ts";
import { applied, documents, inSync, MESH, meshYaml, policy, resource } from "./scene.ts";
import { type RunningProxy, type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

const EVERYBODY = policy("MeshTrafficPermission", "everybody", {
  from: [{ targetRef: { kind: "Mesh" }, default: { action: "Allow" } }],
});
const PROXIED = ["portal", "check-in-api", "gates"] as const;
/** Where the machine's own DNS is said to be; nobody answers there. */
const DEAD_RESOLVER = "192.0.2.53";
/** Further names of one service: what is there only for a moment is there for a longer one if there is more to change. */
const ALIASES = Array.from({ length: 12 }, (_, n) => `alias-${n}`);
const LAST = ALIASES.at(-1) ?? "";

type Mode = "Disabled" | "Everywhere" | "ReachableBackends" | "Exclusive";
type Tls = "STRICT" | "PERMISSIVE";

const meshIn = (meshMode: Mode, mode: Tls): string =>
  meshYaml({
    mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin", mode }] },
    meshServices: { mode: meshMode },
  });

const alias = (name: string): string =>
  resource("MeshService", name, {
    labels: { "kuma.io/display-name": name },
    spec: {
      selector: { dataplaneTags: { "kuma.io/service": "check-in-api" } },
      ports: [{ port: 80, targetPort: 8080, appProtocol: "http" }],
    },
  });

/** The portal may call everything, in each mode; the others nothing. */
const reach = (name: string) => {
  const services = name === "portal" ? ["check-in-api", "gates", ...ALIASES] : [];
  return {
    reachableBackends: { refs: services.map((service) => ({ kind: "MeshService", name: service })) },
    reachableServices: name === "portal" ? ["check-in-api", "gates"] : ["portal"],
  };
};

/** Starts applications and proxies. Answers the portal's. */
async function start(scene: TransparentScene): Promise<RunningProxy> {
  for (const name of [...PROXIED, "outside"]) scene.host(name).resolvers([DEAD_RESOLVER]);
  await Promise.all([...PROXIED, "outside"].map((name) => scene.startApp(name)));
  const [portal] = await Promise.all(
    PROXIED.map((name) => {
      const protocol = name === "gates" ? "tcp" : "http";
      const tags = { "kuma.io/service": name, "kuma.io/protocol": protocol };
      return scene.startProxy(name, {
        networking: { inbound: [{ port: 8080, tags }], transparentProxying: reach(name) },
        args: ["--transparent-proxy", "--unified-naming"],
        installArgs: ["--redirect-dns"],
      });
    }),
  );
  assert.ok(portal);
  return portal;
}

async function vipOf({ world }: TransparentScene, service: string): Promise<string> {
  return await until(`${service} has an address`, async () => {
    const { stdout } = await world.ctl(["get", "meshservice", service, "--mesh", MESH, "-o", "json"]);
    const { status } = JSON.parse(stdout) as { status?: { vips?: { ip: string }[] } };
    return status?.vips?.[0]?.ip;
  });
}

/** Changes the mode, and waits until everybody has what it says. */
async function switched(scene: TransparentScene, mode: Mode, tls: Tls): Promise<void> {
  await applied(scene.world, meshIn(mode, tls));
  await inSync(scene.world);
}

async function lostNothing(loads: readonly HostLoad[]): Promise<void> {
  for (const load of loads) {
    await load.goesOn(10);
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures, [], `of ${sent} requests of ${load.name}`);
  }
}

test("transparent proxies through every mode and back, with new connections all the time: none is lost", async (t) => {
  await withTransparentScene(
    {
      hosts: [...PROXIED, "outside"],
      documents: documents(meshIn("Disabled", "STRICT"), EVERYBODY, ...ALIASES.map(alias)),
    },
    async (scene) => {
      const portal = scene.host("portal");
      const outside = scene.host("outside").ipv4;
      const proxy = await start(scene);
      await scene.reaches("portal", "http://check-in-api.mesh/");

      for (const [tls, modes] of [
        ["STRICT", ["ReachableBackends", "Exclusive", "Everywhere", "Exclusive", "ReachableBackends"]],
        ["PERMISSIVE", ["Exclusive", "Everywhere"]],
      ] as const) {
        await t.test(`where mutual TLS is ${tls}`, async () => {
          await switched(scene, "Disabled", tls);
          const load = (name: string, url: string, rate: number): Promise<HostLoad> =>
            loadInHost(portal, `${name}-${tls}`, url, { rate });
          const passing = await load("outside", `http://${outside}:8080/`, 20);
          const callByTag = (): Promise<HostLoad> => load("older", "http://check-in-api.mesh/", 20);
          let older: HostLoad | undefined = await callByTag();
          await switched(scene, "Everywhere", tls);
          const [checkIn, gates, last] = await Promise.all(
            ["check-in-api", "gates", LAST].map((name) => vipOf(scene, name)),
          );
          for (const url of [`http://${checkIn}:8080/`, `http://${gates}:8080/`, `http://${last}/`])
            await scene.reaches("portal", url);
          const newer = await Promise.all([
            load("http", `http://${checkIn}:8080/`, 50),
            load("bytes", `http://${gates}:8080/`, 50),
            load("last", `http://${last}/`, 50),
            load("named", "http://check-in-api.svc.mesh.local:8080/", 20),
          ]);
          for (const each of newer) await each.goesOn(5);
          for (const [i, mode] of modes.entries()) {
            if (i === 2) {
              // What it told proxies before, a new control plane has from them.
              await scene.world.killControlPlane();
              await scene.world.startControlPlane();
              await inSync(scene.world);
            }
            if (mode === "Exclusive" && older !== undefined) {
              // What it calls is not there in this mode.
              await lostNothing([older]);
              older = undefined;
            }
            await switched(scene, mode, tls);
            const { size } = await proxy.stats("^listener.kri_msvc_");
            if (mode === "Exclusive") assert.ok(size > 0, "listeners have their newer names");
            else older ??= await callByTag();
          }
          await lostNothing(newer);
          await switched(scene, "Disabled", tls);
          await lostNothing([passing, ...(older === undefined ? [] : [older])]);
        });
      }
    },
  );
});
