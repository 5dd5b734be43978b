import assert from "node:assert/strict";
import { test } from "node:test";
import { callThrough } from "../kong-air/call.ts";
import { until } from "../poll.ts";
import type { Service, ServiceSpec } from "../world/service.ts";
import { withWorld } from "../world/world.ts";
import { ALLOW_ALL, identity } from "./documents.ts";
import { documents, httpLoad, meshYaml, nothingLost } from "./scene.ts";

const ROUNDS = 3;
/** Longer than everything that a restart may take before it is the other instance's turn. */
const GRACE_MS = 10_000;

test("a rolling restart of two instances under load, three times: no request fails", async () => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(documents(meshYaml(), ALLOW_ALL, identity()));
    const instance = (n: number): ServiceSpec => ({
      service: "check-in-api",
      instance: `check-in-api-${n}`,
      host: 11 + n,
    });
    const [, ...started] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "check-in-api", port: 10_001 }],
      }),
      world.startService(instance(1)),
      world.startService(instance(2)),
    ]);
    const running = new Map<number, Service>(started.map((service, i) => [i + 1, service]));
    const answering = async (): Promise<string | undefined> =>
      (await callThrough(world, "passenger-portal", "check-in-api")).instance;
    const seen = new Set<string | undefined>();
    await until("both instances answer", async () =>
      seen.add(await answering()).isSupersetOf(new Set(["check-in-api-1", "check-in-api-2"])),
    );

    const url = `http://${world.site.block.address(11)}:10001`;
    const loads = [
      httpLoad(`${url}/`, "kept", 70),
      httpLoad(`${url}/`, "new", 50),
      httpLoad(`${url}/delay?ms=900`, "kept", 20),
    ];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [n, { app, sidecar }] of running) {
        const exit = await sidecar.child.stop(GRACE_MS);
        assert.deepEqual(exit, { code: 0, signal: null }, sidecar.child.tail());
        await app.child.stop();
        assert.equal(await answering(), `check-in-api-${3 - n}`);
        running.set(n, await world.startService(instance(n)));
        await until(
          `check-in-api-${n} answers again`,
          async () => (await answering()) === `check-in-api-${n}`,
        );
      }
    }
    await nothingLost(loads);
  });
});
