import assert from "node:assert/strict";
import { test } from "node:test";
import { MESH_YAML } from "../kong-air/cast.ts";
import { pause, until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { at, createApi } from "./testing/api.ts";
import { type BareProxy, connectBare, simulatedDataplane } from "./testing/simulated.ts";

const DELAY_MS = 1_000;
const SETTINGS = { KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY: `${DELAY_MS}ms` };

test("a Dataplane goes with the last stream of the proxy that brought it, and with nothing else", async (t) => {
  await withWorld(async (world) => {
    const controlPlane = await world.startControlPlane(SETTINGS);
    const api = createApi(world.controlPlane.api);
    await world.apply(MESH_YAML);
    const { mesh } = world;
    const token = await api.dataplaneToken({ mesh });
    const dataplane = async (name: string): Promise<unknown> => {
      const answer = await api.ask("GET", `/meshes/${mesh}/dataplanes/${name}`);
      return answer.status === 200 ? JSON.parse(answer.text) : undefined;
    };
    const isThere = async (name: string): Promise<boolean> => (await dataplane(name)) !== undefined;
    const connected = async (name: string, more: { empty?: true } = {}): Promise<BareProxy> => {
      const proxy = connectBare(world, { name, token, ...more });
      t.after(() => proxy.session.destroy());
      await until(`${name} is served`, () => {
        if (proxy.ended !== undefined) throw new Error(JSON.stringify(proxy.ended));
        return proxy.call.responses().length > 0;
      });
      return proxy;
    };

    await world.apply(JSON.stringify(simulatedDataplane(mesh, "by-hand")));
    const byHand = await connected("by-hand", { empty: true });
    const [first, second] = [await connected("twice"), await connected("twice")];
    const once = await connected("once");
    for (const proxy of [byHand, first, once]) proxy.session.destroy();
    await until("the one that went is gone", async () => !(await isThere("once")));
    await pause(DELAY_MS);
    assert.ok(await isThere("twice"), "it has another stream");
    assert.ok(await isThere("by-hand"), "nobody brought it along");
    second.session.destroy();
    await until("with the last stream it goes", async () => !(await isThere("twice")));

    // The stop makes the control plane notice late that the proxy has been waiting at its door all the time.
    const before = await connected("waits");
    const made = at(await dataplane("waits"), "creationTime");
    before.session.destroy();
    await pause(DELAY_MS / 4);
    controlPlane.signal("SIGSTOP");
    const waiting = connectBare(world, { name: "waits", token });
    t.after(() => waiting.session.destroy());
    await pause(4 * DELAY_MS);
    controlPlane.signal("SIGCONT");
    await until("it is let in", () => waiting.call.responses().length > 0);
    await pause(2 * DELAY_MS);
    assert.equal(at(await dataplane("waits"), "creationTime"), made, "its Dataplane was never away");
    assert.equal(waiting.ended, undefined);
  });
});
