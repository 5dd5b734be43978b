import assert from "node:assert/strict";
import { test } from "node:test";
import { liveWorld, put, shop } from "../preview/testing/live-world.ts";
import { rulesBehind } from "./rules-behind.ts";

const ROUTE = "kri_msvc_default_zone-1__api_http";

test("the rules of a resource, of the version that the proxy should hold and no other", async () => {
  const { api, world } = liveWorld();
  const timeout = (requestTimeout: string) => ({
    type: "MeshTimeout",
    mesh: "default",
    name: "slow",
    spec: {
      to: [
        { targetRef: { kind: "Mesh" }, default: { idleTimeout: "9s" } },
        { targetRef: { kind: "MeshService", name: "api" }, default: { http: { requestTimeout } } },
      ],
    },
  });
  await put(api, ...shop(1), timeout("2s"));
  const web = { mesh: "default", name: "web-0" };
  const version = () => world.mesh("default").config.at("web-0").get()?.routes.get(ROUTE)?.version ?? "";
  const first = version();
  assert.deepEqual(rulesBehind(world, web, "route", ROUTE, first), [
    "kri_mt_default_zone-1__slow_ to[0]",
    "kri_mt_default_zone-1__slow_ to[1]",
  ]);
  await put(api, timeout("3s"));
  assert.notEqual(version(), first);
  assert.deepEqual(rulesBehind(world, web, "route", ROUTE, first), []);
  assert.deepEqual(rulesBehind(world, { ...web, name: "nobody" }, "route", ROUTE, first), []);
});
