import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { LEGACY_MTLS } from "./documents.ts";
import { type HostLoad, loadInHost } from "./load-in-host.ts";
import { applied, documents, inSync, MESH, meshYaml, policy } from "./scene.ts";
import { type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

const EVERYBODY = policy("MeshTrafficPermission", "everybody", {
  from: [{ targetRef: { kind: "Mesh" }, default: { action: "Allow" } }],
});
const HOSTS = ["portal", "check-in", "gates"] as const;
/** What the tag of each host's inbound says; one has a letter that the names of newer kinds cannot have. */
const SERVICES = { portal: "portal", "check-in": "check-in-api", gates: "gate_control" } as const;
/** Where the machine's own DNS is said to be; nobody answers there. */
const DEAD_RESOLVER = "192.0.2.53";
const PORTAL = `spiffe://${MESH}/portal`;

const LEGACY = "http://check-in-api.mesh/";
const NAMED = "http://check-in-api.svc.mesh.local:8080/";

const inMode = (mode: string): string => meshYaml({ ...LEGACY_MTLS, meshServices: { mode } });

async function start(scene: TransparentScene): Promise<void> {
  await Promise.all(
    HOSTS.map(async (name) => {
      scene.host(name).resolvers([DEAD_RESOLVER]);
      await scene.startApp(name);
      await scene.startProxy(name, {
        networking: {
          inbound: [{ port: 8080, tags: { "kuma.io/service": SERVICES[name], "kuma.io/protocol": "http" } }],
        },
        args: ["--transparent-proxy", "--unified-naming"],
        installArgs: ["--redirect-dns"],
      });
    }),
  );
}

/** The address to which a name leads, as the resolver library of the host's programs has it. */
async function addressOf(scene: TransparentScene, name: string): Promise<string> {
  return await until(
    `${name} has an address`,
    async () => {
      const { code, stdout } = await scene.host("portal").run(["getent", "ahostsv4", name]);
      return code === 0 ? stdout.split(/\s/)[0] : undefined;
    },
    { timeoutMs: 30_000 },
  );
}

async function lostNothing(load: HostLoad): Promise<void> {
  await load.goesOn();
  const { sent, failures } = await load.stop();
  assert.deepEqual(failures, [], `of ${sent} requests of ${load.name}`);
}

test("names of service tags: at port 80 and the service's own, kept over a crash, and over to newer names under load", async (t) => {
  await withTransparentScene(
    { hosts: [...HOSTS], documents: documents(inMode("Disabled"), EVERYBODY) },
    async (scene) => {
      const { world } = scene;
      const portal = scene.host("portal");
      await start(scene);
      const names = ["check-in-api.mesh", "gate_control.mesh", "gate.control.mesh"];
      const addresses = (): Promise<readonly string[]> =>
        Promise.all(names.map((name) => addressOf(scene, name)));
      let first: readonly string[] = [];

      await t.test("a mesh without MeshServices", async () => {
        for (const [name, service] of [
          ["check-in-api.mesh", "check-in"],
          ["gate_control.mesh", "gates"],
          ["gate.control.mesh", "gates"],
        ] as const) {
          for (const port of [80, 8080]) {
            const { answer } = await scene.reaches("portal", `http://${name}:${port}/`);
            assert.deepEqual([answer.service, answer.caller], [service, PORTAL], `${name}:${port}`);
          }
        }
        first = await addresses();
        assert.equal(first[1], first[2]);
        assert.equal(new Set(first).size, 2);
        for (const address of first) {
          assert.match(address, /^240\./);
          assert.equal((await scene.reaches("portal", `http://${address}/`)).answer.caller, PORTAL);
        }
        await scene.isRefused("portal", `http://${first[0]}:81/`);
        const { status } = await scene.call("portal", NAMED);
        assert.equal(status, 0, "nobody gives newer names yet");
      });

      const older = await loadInHost(portal, "load-older", LEGACY);
      const kept = await loadInHost(portal, "load-kept", LEGACY, { connections: "kept" });

      await t.test("a control plane that crashes: calls go on, and addresses are the same", async () => {
        await world.killControlPlane();
        await older.goesOn(20);
        await world.startControlPlane();
        await inSync(scene.world);
        assert.deepEqual(await addresses(), first);
        // Whoever comes later gets an address of their own.
        await applied(
          world,
          policy("MeshTimeout", "t", {
            to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1h" } }],
          }),
        );
        assert.deepEqual(await addresses(), first);
      });

      await t.test("both at once: names of tags, and of MeshServices", async () => {
        await applied(world, inMode("Everywhere"));
        const { answer } = await scene.reaches("portal", NAMED);
        assert.deepEqual([answer.service, answer.caller], ["check-in", PORTAL]);
        assert.match(await addressOf(scene, "check-in-api.svc.mesh.local"), /^241\./);
        assert.deepEqual(await addresses(), first);
        assert.equal((await scene.reaches("portal", "http://gate.control.mesh/")).answer.service, "gates");
      });

      const newer = await loadInHost(portal, "load-newer", NAMED);
      await t.test("those who go over to newer names notice nothing", async () => {
        await newer.goesOn();
        await Promise.all([lostNothing(older), lostNothing(kept)]);
      });

      await t.test("newer names only, and back: the same addresses", async () => {
        await applied(world, inMode("Exclusive"));
        await inSync(scene.world);
        assert.equal((await scene.reaches("portal", NAMED)).answer.caller, PORTAL);
        await until(
          "names of tags are gone",
          async () => (await portal.run(["getent", "ahostsv4", "check-in-api.mesh"])).code !== 0,
          { timeoutMs: 30_000 },
        );
        await scene.isRefused("portal", `http://${first[0]}/`);
        await applied(world, inMode("Everywhere"));
        assert.equal((await scene.reaches("portal", LEGACY)).answer.service, "check-in");
        assert.deepEqual(await addresses(), first);
        await lostNothing(newer);
      });
    },
  );
});
