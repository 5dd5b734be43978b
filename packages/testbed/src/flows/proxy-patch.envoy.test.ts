import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { get, tcpClient } from "./load.ts";
import {
  applied,
  deleted,
  httpLoad,
  inSync,
  MESH,
  meshYaml,
  nothingLost,
  policy,
  reachable,
  type Scene,
  WAIT,
  withScene,
} from "./scene.ts";

const TYPES = "type.googleapis.com/envoy.extensions";
const PORTAL = { kind: "Dataplane", labels: { app: "passenger-portal" } };
const CHECK_IN = { kind: "Dataplane", labels: { app: "check-in-api" } };

function patch(name: string, targetRef: object, ...appendModifications: readonly object[]): string {
  return policy("MeshProxyPatch", name, { targetRef, default: { appendModifications } });
}

/** Envoy refuses the size of the table, which nobody but Envoy knows to be wrong. */
const REFUSED = patch("maglev", PORTAL, {
  cluster: {
    operation: "Patch",
    match: { origin: "outbound" },
    value: "lbPolicy: MAGLEV\nmaglevLbConfig: {tableSize: 6}",
  },
});

async function header({ checkInUrl }: Scene, name: string): Promise<string | null> {
  const answer = await fetch(checkInUrl);
  await answer.arrayBuffer();
  assert.equal(answer.status, 200);
  return answer.headers.get(name);
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

async function condition({ world }: Scene, name: string): Promise<Condition | undefined> {
  const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/meshproxypatches/${name}/_conditions`);
  const { conditions } = (await answer.json()) as { conditions: readonly Condition[] };
  return conditions.find(({ type }) => type === "Accepted");
}

test("patches of Envoy's configuration show in traffic, and bad ones do no harm", async (t) => {
  await withScene(meshYaml(), async (scene) => {
    const { world, checkInUrl, flightControlPort } = scene;
    await reachable(scene);

    await t.test("a cluster: a timeout that no other policy has", async () => {
      const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
      const path = `/typedExtensionProtocolOptions/${options}/commonHttpProtocolOptions/maxStreamDuration`;
      const delayed = (): Promise<{ readonly status: number }> => get(undefined, `${checkInUrl}delay?ms=900`);
      assert.equal((await delayed()).status, 200);
      const match = { origin: "outbound" };
      await applied(
        world,
        patch("limit", PORTAL, {
          cluster: { operation: "Patch", match, jsonPatches: [{ op: "add", path, value: "0.2s" }] },
        }),
      );
      const begin = performance.now();
      assert.equal((await delayed()).status, 504);
      assert.ok(performance.now() - begin < 800);
      await deleted(world, "meshproxypatch", "limit");
      assert.equal((await delayed()).status, 200);
    });

    await t.test("an HTTP filter: a script that adds a header", async () => {
      assert.equal(await header(scene, "x-script"), null);
      const code = "function envoy_on_response(handle) handle:headers():add('x-script', 'ran') end";
      const value = JSON.stringify({
        name: "envoy.filters.http.lua",
        typedConfig: {
          "@type": `${TYPES}.filters.http.lua.v3.Lua`,
          defaultSourceCode: { inlineString: code },
        },
      });
      const match = { origin: "inbound" };
      await applied(world, patch("script", CHECK_IN, { httpFilter: { operation: "AddLast", match, value } }));
      await until("the new listener answers", async () => (await header(scene, "x-script")) === "ran");
      await deleted(world, "meshproxypatch", "script");
    });

    await t.test("a network filter: a caller that may not call at all", async () => {
      const client = tcpClient(new URL(checkInUrl).hostname, flightControlPort);
      assert.equal(await client.send(), undefined);
      const all = { permissions: [{ any: true }], principals: [{ any: true }] };
      const value = JSON.stringify({
        name: "nobody",
        typedConfig: {
          "@type": `${TYPES}.filters.network.rbac.v3.RBAC`,
          statPrefix: "patched",
          rules: { action: "DENY", policies: { all } },
        },
      });
      const before = { operation: "AddBefore", match: { name: "envoy.filters.network.tcp_proxy" }, value };
      await applied(world, patch("closed", PORTAL, { networkFilter: before }));
      await until("the new listener refuses", async () => (await client.send()) !== undefined);
      await header(scene, "x-script");
      await deleted(world, "meshproxypatch", "closed");
      await until("the caller is let through", async () => (await client.send()) === undefined);
    });

    await t.test("a virtual host: a header, from the next request on", async () => {
      const value = "responseHeadersToAdd: [{header: {key: x-from, value: portal}}]";
      const match = { origin: "outbound" };
      await applied(world, patch("host", PORTAL, { virtualHost: { operation: "Patch", match, value } }));
      assert.equal(await header(scene, "x-from"), "portal");
      await deleted(world, "meshproxypatch", "host");
      assert.equal(await header(scene, "x-from"), null);
    });

    await t.test("what Envoy would refuse is refused before anybody has it", async () => {
      const load = httpLoad(checkInUrl, "kept", 70);
      const output = await world.ctl(["apply", "-f", "-"], { stdin: REFUSED });
      assert.notEqual(output.code, 0);
      assert.match(
        output.stderr + output.stdout,
        /spec\.default\.appendModifications\[0\]\.cluster: Envoy refuses what dataplane "passenger-portal" would get: The table size of maglev must be prime number/,
      );
      assert.equal((await world.ctl(["get", "meshproxypatch", "maglev", "-m", MESH])).code, 1);
      await nothingLost([load]);
      await inSync(world);
    });

    await t.test("unasked, Envoy refuses it itself: that is known, and nobody else notices", async () => {
      await world.stopControlPlane();
      await world.startControlPlane({ SKEIN_ENVOY_VALIDATE: "false" });
      await inSync(world);
      const load = httpLoad(checkInUrl, "new", 70);
      const output = await world.ctl(["apply", "-f", "-", WAIT], { stdin: REFUSED });
      assert.match(
        output.stderr + output.stdout,
        /no Envoy was asked whether it takes this: skein\.envoy\.validate is false/,
      );
      const refused = await until("the condition is shown", async () => {
        const found = await condition(scene, "maglev");
        return found?.status === "False" && found;
      });
      assert.match(
        refused.message,
        /^1 proxy \(passenger-portal\): cluster .*: .*table size of maglev must be prime/,
      );
      await applied(
        world,
        patch("host", CHECK_IN, {
          virtualHost: {
            operation: "Patch",
            match: {},
            value: "responseHeadersToAdd: [{header: {key: x-from, value: check-in}}]",
          },
        }),
      );
      assert.equal(await header(scene, "x-from"), "check-in", "later changes go on");
      await deleted(world, "meshproxypatch", "maglev");
      await nothingLost([load]);
      await inSync(world);
    });
  });
});
