import assert from "node:assert/strict";
import { test } from "node:test";
import { MESH_YAML } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { at, createApi, listAt } from "./testing/api.ts";
import { type BareProxy, connectBare } from "./testing/simulated.ts";

test("two proxies with one name: both are served, a condition says so, and it goes when one goes", async () => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    const api = createApi(world.controlPlane.api);
    await world.apply(MESH_YAML);
    const token = await api.dataplaneToken({ mesh: world.mesh });
    const served = (proxy: BareProxy) =>
      until("it is served", () => {
        if (proxy.ended !== undefined) throw new Error(JSON.stringify(proxy.ended));
        return proxy.call.responses().length > 0;
      });
    const conditions = async (): Promise<readonly unknown[]> => {
      const items = listAt(await api.get(`/meshes/${world.mesh}/_proxy-status`), "items");
      assert.equal(items.length, 1);
      return listAt(items, 0, "conditions");
    };
    const duplicates = async () =>
      (await conditions()).filter((each) => at(each, "type") === "DuplicateProxy");

    using first = connectBare(world, { name: "web-1", token });
    await served(first);
    assert.deepEqual(await duplicates(), []);

    using second = connectBare(world, { name: "web-1", token });
    await served(second);
    const [condition] = await until("the condition", async () => {
      const found = await duplicates();
      return found.length === 1 && found;
    });
    assert.match(String(at(condition, "message")), /2 proxies are connected under this name/);
    const yaml = await world.ctl(["proxy-status", "-m", world.mesh, "-o", "yaml"]);
    assert.match(yaml.stdout, /DuplicateProxy/);

    assert.equal(first.ended, undefined, "the older one is not thrown out");
    first.session.destroy();
    await until("the condition is gone", async () => (await duplicates()).length === 0);
    assert.equal(second.ended, undefined);
    const dataplanes = listAt(await api.get(`/meshes/${world.mesh}/dataplanes`), "items");
    assert.deepEqual(
      dataplanes.map((each) => at(each, "name")),
      ["web-1"],
    );
    const insight = await until("the insight", () =>
      api.get(`/meshes/${world.mesh}/dataplane-insights/web-1`),
    );
    await until("one subscription of two is over", async () => {
      const subscriptions = listAt(
        await api.get(`/meshes/${world.mesh}/dataplane-insights/web-1`),
        "subscriptions",
      );
      return (
        subscriptions.length === 2 &&
        subscriptions.filter((each) => at(each, "disconnectTime") === undefined).length === 1
      );
    });
    assert.ok(insight);
  });
});
