import assert from "node:assert/strict";
import { test } from "node:test";
import { PreviewsBusy } from "../preview/port.ts";
import { liveWorld, put, shop } from "../preview/testing/live-world.ts";
import { createWorld, seed } from "./testing/world.ts";

const ROUTE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
const NAME = "kri_msvc_default_zone-1__api_http";
const base = "/meshes/default/dataplanes/web-0/_config";

const timeout = (name: string, requestTimeout: string, labels: Record<string, string> = {}) => ({
  type: "MeshTimeout",
  mesh: "default",
  name,
  labels,
  spec: { to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout } } }] },
});

test("shadow shows what a proxy would hold, diff what that changes, and neither changes anything", async () => {
  const { api, world } = liveWorld();
  await put(
    api,
    ...shop(1),
    timeout("slow", "10s"),
    timeout("a-trial", "20s", { "kuma.io/effect": "shadow" }),
  );
  await seed(api.store, { type: "DataplaneInsight", mesh: "default", name: "web-0" });
  const held = world.mesh("default").config.at("web-0").get();
  const timeoutOf = (xds: Record<string, Record<string, ReturnType<typeof JSON.parse>>>) =>
    xds[ROUTE]?.[NAME]?.virtualHosts[0].routes[0].route.timeout;
  const current = (await api.call("GET", `${base}?include=diff`)).json;
  assert.equal(timeoutOf(current.xds), "10s");
  assert.deepEqual(current.diff, []);
  const shadow = (await api.call("GET", `${base}?shadow=true&include=diff`)).json;
  assert.equal(timeoutOf(shadow.xds), "20s");
  const path = `/${ROUTE.replace("/", "~1")}/${NAME}/virtualHosts/0/routes/0/route/timeout`;
  assert.deepEqual(shadow.diff, [
    { op: "test", path, value: "10s" },
    { op: "remove", path, value: "10s" },
    { op: "add", path, value: "20s" },
  ]);
  const plain = (await api.call("GET", `${base}?shadow=true`)).json;
  assert.deepEqual(plain, { xds: shadow.xds });
  assert.equal(world.mesh("default").config.at("web-0").get(), held);
});

test("when too many wait, the answer says to try again", async () => {
  const busy = async () => {
    throw new PreviewsBusy("5 previews wait already: try again in a moment");
  };
  const { api } = liveWorld();
  await put(api, ...shop(1));
  await seed(api.store, { type: "DataplaneInsight", mesh: "default", name: "web-0" });
  const world = createWorld({
    store: api.store,
    deps: { previews: { preview: busy, shadow: busy }, plans: api.deps.plans },
  });
  const { status, json } = await world.call("GET", `${base}?shadow=true`);
  assert.deepEqual([status, json.detail], [503, "5 previews wait already: try again in a moment"]);
});
