import assert from "node:assert/strict";
import { test } from "node:test";
import { pause, until } from "../poll.ts";
import { ALLOW_ALL, identity } from "./documents.ts";
import { documents, MESH, meshYaml } from "./scene.ts";
import { withTransparentScene } from "./transparent-scene.ts";

test("behind redirection a probe reaches the application, and not the proxy that it comes from", async () => {
  const begin = documents(meshYaml(), identity(), ALLOW_ALL);
  await withTransparentScene({ hosts: ["api"], documents: begin }, async (scene) => {
    const { world } = scene;
    const probe = { interval: "0.2s", timeout: "3s", tcp: {} };
    const { ipv4 } = scene.host("api");
    // By its own address, so that the rules of the machine would lead the probe back to the proxy, which listens.
    const inbound = [
      { port: 8080, serviceAddress: ipv4, servicePort: 8081, protocol: "http", serviceProbe: probe },
    ];
    await scene.startProxy("api", { networking: { inbound }, args: ["--transparent-proxy"] });
    const state = async (): Promise<string> => {
      const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/dataplanes/api`);
      const { networking } = (await answer.json()) as { networking: { inbound: { state?: string }[] } };
      return networking.inbound[0]?.state ?? "Ready";
    };
    // Longer than a report takes, so that it would be ready by mistake.
    await pause(8_000);
    assert.equal(await state(), "NotReady");
    const app = await scene.startApp("api", 8081);
    await until("the application is found", async () => (await state()) === "Ready", { timeoutMs: 30_000 });
    await app.stop();
    await until("it is missed", async () => (await state()) === "NotReady", { timeoutMs: 30_000 });
  });
});
