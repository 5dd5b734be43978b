import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { applied, documents, MESH, meshYaml, policy, resource } from "./scene.ts";
import { type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

const INBOUND = [{ port: 8080, protocol: "http", tags: { "kuma.io/service": "api" } }];
const ARGS = ["--transparent-proxy", "--unified-naming"];

/** The address that naming gave to the service. */
async function addressOf({ world }: TransparentScene, service: string): Promise<string> {
  return await until(`${service} has an address`, async () => {
    const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/meshservices/${service}`);
    const { status } = (await answer.json()) as { status?: { vips?: { ip: string }[] } };
    return status?.vips?.[0]?.ip;
  });
}

/** Calls until the server sees who calls: before, plain text may have got through. */
async function callsAs(scene: TransparentScene, url: string, id: string): Promise<void> {
  await until(
    `the caller of ${url} is ${id}`,
    async () => {
      const { status, answer, error } = await scene.call("web", url);
      assert.equal(status, 200, error);
      assert.equal(answer.caller, id);
      return true;
    },
    { timeoutMs: 30_000 },
  );
}

test("a transparent proxy: the service's own address, in both spellings, and only where it may call it", async () => {
  const hosts = ["web", "api"];
  await withTransparentScene(
    { hosts, documents: documents(meshYaml(), identity(), ALLOW_ALL) },
    async (scene) => {
      const { world } = scene;
      await Promise.all(hosts.map((name) => scene.startApp(name)));
      await Promise.all([
        scene.startProxy("web", { networking: {}, args: ARGS }),
        scene.startProxy("api", { networking: { inbound: INBOUND }, args: ARGS }),
      ]);
      const address = await addressOf(scene, "api");
      assert.match(address, /^241\./);
      for (const host of [address, `[::ffff:${address}]`]) {
        await callsAs(scene, `http://${host}:8080/`, idOf("web"));
      }

      // Whoever lists nothing but others does not reach it: the address is nowhere else.
      const dataplane = (refs: readonly object[]): string =>
        resource("Dataplane", "web", {
          labels: { app: "web", "kuma.io/workload": "web" },
          networking: {
            address: scene.host("web").ipv4,
            transparentProxying: { reachableBackends: { refs } },
          },
        });
      await applied(world, dataplane([]));
      await scene.isRefused("web", `http://${address}:8080/`);
      await applied(world, dataplane([{ kind: "MeshService", name: "api" }]));
      await callsAs(scene, `http://${address}:8080/`, idOf("web"));

      // A permission is another question: the way is there, and the server says no.
      await applied(
        world,
        policy("MeshTrafficPermission", "nobody", {
          rules: [{ default: { deny: [{ spiffeID: { type: "Exact", value: idOf("web") } }] } }],
        }),
      );
      await until(
        "the server says no",
        async () => (await scene.call("web", `http://${address}:8080/`)).status === 403,
      );
    },
  );
});
