import assert from "node:assert/strict";
import { test } from "node:test";
import { pause, until } from "../poll.ts";
import { askAdmin } from "../world/admin.ts";
import type { Service } from "../world/service.ts";
import { type World, withWorld } from "../world/world.ts";
import { httpLoad, nothingLost, openMeshYaml } from "./scene.ts";
import { answeredOnlyBy, asker, tally } from "./who-answers.ts";

const REPORT_MS = 500;
const REPORTS_OFTEN = { KUMA_DP_SERVER_HDS_INTERVAL: `${REPORT_MS}ms` };
/** Enough for a control plane to come back. */
const DRAIN_MS = 60_000;
/** One refused connection decides, and one that is taken. */
const PROBE = { interval: "0.2s", timeout: "3s", unhealthyThreshold: 1, healthyThreshold: 1, tcp: {} };

interface Inbound {
  readonly state?: string;
  readonly health?: { readonly ready?: boolean };
}

async function inboundsOf(world: World, name: string): Promise<readonly Inbound[]> {
  const answer = await fetch(`${world.controlPlane.api}/meshes/${world.mesh}/dataplanes/${name}`);
  const { networking } = (await answer.json()) as { networking: { inbound: Inbound[] } };
  return networking.inbound;
}

/** Waits until the stored Dataplane says so, which is when the change is on its way to the callers. */
async function stored(world: World, name: string, state: "Ready" | "NotReady"): Promise<void> {
  await until(
    `${name} is ${state}`,
    async () => (await inboundsOf(world, name)).every((each) => (each.state ?? "Ready") === state),
    { timeoutMs: 30_000 },
  );
}

test("an instance whose app does not listen is called by nobody, and is again when it does", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane(REPORTS_OFTEN);
    await world.apply(openMeshYaml());
    const instance = (n: number): Promise<Service> =>
      world.startService({
        service: "check-in-api",
        instance: `check-in-api-${n}`,
        host: 20 + n,
        serviceProbe: PROBE,
        drainTime: `${DRAIN_MS}ms`,
        // The second one has no launcher beside it: only Envoy itself can say anything.
        ...(n === 2 ? { lean: true } : {}),
      });
    const [, first, second] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "check-in-api", port: 10_001 }],
      }),
      instance(1),
      instance(2),
    ]);
    const url = `http://${world.site.block.address(11)}:10001`;
    const http = asker(url);
    t.after(() => http.close());
    const who = async (): Promise<string> => (await http.ask()).instance;
    const both = ["check-in-api-1", "check-in-api-2"];
    let app = first.app;
    const appComesBack = async (): Promise<void> => {
      app = await world.startApp({ service: "check-in-api", instance: "check-in-api-1", host: 21 });
    };
    await answeredOnlyBy(both, who);

    await t.test("the app stops while its Envoy lives", async () => {
      await app.child.stop();
      await answeredOnlyBy(["check-in-api-2"], who);
      const loads = [httpLoad(`${url}/`, "kept", 60), httpLoad(`${url}/`, "new", 40)];
      assert.deepEqual([...(await tally(60, who))], [["check-in-api-2", 60]]);
      await nothingLost(loads);
      assert.deepEqual(await inboundsOf(world, "check-in-api-1").then(states), [["NotReady", false]]);
      assert.equal(await statusOf(world, "check-in-api-1"), "Offline");
    });

    await t.test("in lean mode too", async () => {
      await appComesBack();
      await answeredOnlyBy(both, who);
      await second.app.child.stop();
      await answeredOnlyBy(["check-in-api-1"], who);
      await world.startApp({ service: "check-in-api", instance: "check-in-api-2", host: 22 });
      await answeredOnlyBy(both, who);
      await app.child.stop();
      await answeredOnlyBy(["check-in-api-2"], who);
    });

    await t.test("an instance that comes before its app is called when the app is there", async () => {
      const early = { service: "check-in-api", instance: "check-in-api-3", host: 23, serviceProbe: PROBE };
      const loads = [httpLoad(`${url}/`, "kept", 60), httpLoad(`${url}/`, "new", 40)];
      const sidecar = await world.startSidecar(early);
      await pause(4 * REPORT_MS);
      assert.deepEqual(await inboundsOf(world, "check-in-api-3").then(states), [["NotReady", false]]);
      assert.deepEqual([...(await tally(40, who))], [["check-in-api-2", 40]]);
      await world.startApp(early);
      await answeredOnlyBy(["check-in-api-2", "check-in-api-3"], who);
      await sidecar.child.stop(10_000);
      await answeredOnlyBy(["check-in-api-2"], who);
      await nothingLost(loads);
    });

    await t.test("a control plane that starts again knows it, and hears when the app is back", async () => {
      await world.killControlPlane();
      await world.startControlPlane(REPORTS_OFTEN);
      assert.deepEqual(await inboundsOf(world, "check-in-api-1").then(states), [["NotReady", false]]);
      assert.deepEqual(await inboundsOf(world, "check-in-api-2").then(states), [[undefined, undefined]]);
      assert.deepEqual([...(await tally(40, who))], [["check-in-api-2", 40]]);
      const loads = [httpLoad(`${url}/`, "kept", 60), httpLoad(`${url}/`, "new", 40)];
      await appComesBack();
      await answeredOnlyBy(both, who);
      await nothingLost(loads);
      // Health is reported on a stream of its own, which may be back before the one that makes a proxy online.
      await until(
        "check-in-api-1 is online",
        async () => (await statusOf(world, "check-in-api-1")) === "Online",
        { timeoutMs: 30_000 },
      );
    });

    await t.test("a change of the Dataplane neither resets nor loses what was found out", async () => {
      await app.child.stop();
      await stored(world, "check-in-api-1", "NotReady");
      await rewritten(world, "check-in-api-1");
      assert.deepEqual(await inboundsOf(world, "check-in-api-1").then(states), [["NotReady", false]]);
      await appComesBack();
      await stored(world, "check-in-api-1", "Ready");
      await rewritten(world, "check-in-api-1");
      assert.deepEqual(await inboundsOf(world, "check-in-api-1").then(states), [[undefined, undefined]]);
      await answeredOnlyBy(both, who);
    });

    await t.test(
      "an Envoy that is told to fail its health check loses its callers, and no request",
      async () => {
        const loads = [httpLoad(`${url}/`, "kept", 60), httpLoad(`${url}/`, "new", 40)];
        await askAdmin(first.sidecar.adminSocket, "/healthcheck/fail", "POST");
        await stored(world, "check-in-api-1", "NotReady");
        await answeredOnlyBy(["check-in-api-2"], who);
        await askAdmin(first.sidecar.adminSocket, "/healthcheck/ok", "POST");
        await stored(world, "check-in-api-1", "Ready");
        await answeredOnlyBy(both, who);
        await nothingLost(loads);
      },
    );

    await t.test(
      "an instance that leaves while the control plane is away loses no request",
      async (context) => {
        const loads = [httpLoad(`${url}/`, "kept", 60), httpLoad(`${url}/`, "new", 40)];
        context.after(() => Promise.all(loads.map((load) => load.stop())));
        await world.killControlPlane();
        const ending = first.sidecar.child.stop(DRAIN_MS);
        await pause(2 * REPORT_MS);
        await world.startControlPlane(REPORTS_OFTEN);
        const exit = await ending;
        assert.deepEqual(exit, { code: 0, signal: null }, first.sidecar.child.tail());
        assert.match(first.sidecar.child.tail(), /every client has acknowledged/);
        assert.deepEqual([...(await tally(40, who))], [["check-in-api-2", 40]]);
        await nothingLost(loads);
      },
    );
  });
});

test("an inbound without a probe follows its Envoy, and what its owner says", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane(REPORTS_OFTEN);
    await world.apply(openMeshYaml());
    const [, first] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "check-in-api", port: 10_001 }],
      }),
      ...[1, 2].map((n) =>
        world.startService({ service: "check-in-api", instance: `check-in-api-${n}`, host: 20 + n }),
      ),
    ]);
    assert.ok(first !== undefined);
    const url = `http://${world.site.block.address(11)}:10001`;
    const http = asker(url);
    t.after(() => http.close());
    const who = async (): Promise<string> => (await http.ask()).instance;
    const both = ["check-in-api-1", "check-in-api-2"];
    await answeredOnlyBy(both, who);

    const loads = [httpLoad(`${url}/`, "kept", 60), httpLoad(`${url}/`, "new", 40)];
    await askAdmin(first.sidecar.adminSocket, "/healthcheck/fail", "POST");
    await answeredOnlyBy(["check-in-api-2"], who);
    assert.deepEqual(await inboundsOf(world, "check-in-api-1").then(states), [["NotReady", false]]);
    await askAdmin(first.sidecar.adminSocket, "/healthcheck/ok", "POST");
    await answeredOnlyBy(both, who);
    await nothingLost(loads);

    await rewritten(world, "check-in-api-2", { state: "NotReady" });
    await answeredOnlyBy(["check-in-api-1"], who);
    await pause(4 * REPORT_MS);
    assert.deepEqual(await inboundsOf(world, "check-in-api-2").then(states), [["NotReady", undefined]]);
    await rewritten(world, "check-in-api-2");
    await answeredOnlyBy(both, who);
  });
});

function states(inbounds: readonly Inbound[]): readonly unknown[] {
  return inbounds.map(({ state, health }) => [state, health?.ready]);
}

async function statusOf(world: World, name: string): Promise<string> {
  const output = await world.ctl(["inspect", "dataplanes", "-m", world.mesh]);
  const line = output.stdout.split("\n").find((each) => each.includes(`${name} `)) ?? "";
  return /Online|Offline|Partially degraded/.exec(line)?.[0] ?? `none in ${output.stdout}`;
}

/** Applies the Dataplane as its owner writes it: without any state, unless the owner gives one. */
async function rewritten(world: World, name: string, own: Inbound = {}): Promise<void> {
  const url = `${world.controlPlane.api}/meshes/${world.mesh}/dataplanes/${name}`;
  const document = (await (await fetch(url)).json()) as {
    labels: Record<string, string>;
    networking: { inbound: (Inbound & object)[] };
  };
  const inbound = document.networking.inbound.map(({ state: _s, health: _h, ...rest }) => ({
    ...rest,
    ...own,
  }));
  const { labels, networking, ...rest } = document;
  const body = JSON.stringify({
    ...rest,
    labels: { ...labels, round: "two" },
    networking: { ...networking, inbound },
  });
  const answer = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body,
  });
  assert.equal(answer.status, 200, await answer.text());
}
