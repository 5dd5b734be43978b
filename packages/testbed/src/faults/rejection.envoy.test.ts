import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { WAIT } from "../flows/scene.ts";
import { appUrl } from "../kong-air/call.ts";
import { MESH_YAML, outboundsTo } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import type { Service } from "../world/service.ts";
import { createWorld, type World } from "../world/world.ts";
import { type Api, at, createApi, listAt } from "./testing/api.ts";
import { connectBare, joinFleet, refuseEverything, simulatedName } from "./testing/simulated.ts";
import { withTraffic } from "./testing/witness.ts";

let world: World;
let api: Api;
let portal: Service;

before(async () => {
  world = await createWorld();
  await world.startControlPlane();
  api = createApi(world.controlPlane.api);
  await world.apply(MESH_YAML);
  const outbounds = outboundsTo(["check-in-api"]);
  [portal] = await Promise.all([
    world.startService({ service: "passenger-portal", host: 11, outbounds }),
    world.startService({ service: "check-in-api", host: 12 }),
    world.startService({ service: "flight-control", host: 13, outbounds }),
  ]);
  const url = `${appUrl(world, "passenger-portal")}/call/check-in-api/`;
  await until("the portal reaches check-in", async () => (await fetch(url)).ok);
});
after(() => world.stop());

/** Valid for us, who do not read the language of such expressions; Envoy does. */
const REFUSED_BY_ENVOY = "%CEL(not an expression)%";

function meshHttpRoute(header: string): string {
  return `type: MeshHTTPRoute
mesh: ${world.mesh}
name: route-portal
spec:
  targetRef: {kind: Dataplane, labels: {app: passenger-portal}}
  to:
    - targetRef: {kind: MeshService, name: check-in-api}
      rules:
        - matches: [{path: {type: PathPrefix, value: /}}]
          default:
            filters:
              - type: RequestHeaderModifier
                requestHeaderModifier: {set: [{name: x-class, value: '${header}'}]}
`;
}

function meshTimeout(seconds: number): object {
  const spec = {
    to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout: `${seconds}s` } } }],
  };
  return { type: "MeshTimeout", mesh: world.mesh, name: "everybody", spec };
}

async function statusOf(name: string): Promise<unknown> {
  const items = listAt(await api.get(`/meshes/${world.mesh}/_proxy-status?size=1000`), "items");
  return items.find((item) => at(item, "name") === name);
}

async function untilState(name: string, state: string): Promise<unknown> {
  return await until(
    `${name} is ${state}`,
    async () => {
      const status = await statusOf(name);
      if (at(status, "state") !== state) throw new Error(JSON.stringify(status));
      return status;
    },
    { timeoutMs: 10_000 },
  );
}

const KRI = /kri_mhttpr_kong-air-mesh_[a-z0-9_-]*route-portal_/;

test("a policy that a real Envoy refuses: it keeps what it has, it is named, others go on", async (t) => {
  const url = `${appUrl(world, "passenger-portal")}/call/check-in-api/`;
  await withTraffic({ url, rate: 40 }, () => refuseOnePolicy(t));
});

async function refuseOnePolicy(t: TestContext): Promise<void> {
  await t.test("apply --wait says which proxy refused what, why, and from which policy it came", async () => {
    const output = await world.ctl(["apply", "-f", "-", WAIT], {
      stdin: meshHttpRoute(REFUSED_BY_ENVOY),
    });
    const said = output.stdout + output.stderr;
    assert.equal(output.code, 3, said);
    assert.match(said, /passenger-portal/);
    assert.match(said, /CEL|expression/i, "Envoy's own words");
    assert.match(said, KRI);
  });

  await t.test("proxy-status, the DataplaneInsight and the change name resource and policy", async () => {
    const status = await untilState("passenger-portal", "rejected");
    const rejected = listAt(status, "rejected");
    assert.ok(rejected.length > 0);
    for (const each of rejected) {
      assert.match(String(at(each, "name")), /check-in-api/);
      assert.match(String(listAt(each, "policies").join()), KRI);
    }
    const table = await world.ctl(["proxy-status", "-m", world.mesh]);
    const row = table.stdout.split("\n").find((line) => line.includes("passenger-portal")) ?? "";
    assert.match(row, /rejected/);
    assert.match(row, KRI);
    const insight = await until("the insight has it", async () => {
      const found = await api.get(`/meshes/${world.mesh}/dataplane-insights/passenger-portal`);
      return listAt(found, "rejections").length > 0 && found;
    });
    assert.match(listAt(insight, "rejections", 0, "origins").join(), KRI);
    assert.match(String(at(insight, "rejections", 0, "resource")), /check-in-api/);
    const others = await Promise.all(
      ["check-in-api", "flight-control"].map((name) => untilState(name, "in-sync")),
    );
    for (const other of others) assert.deepEqual(listAt(other, "rejected"), []);
  });

  await t.test("later changes reach the others", async () => {
    const counts = await api.settled(
      await api.put(`/meshes/${world.mesh}/meshtimeouts/everybody`, meshTimeout(7)),
    );
    assert.deepEqual(
      [counts.affected, counts.acknowledged, counts.rejected],
      [2, 1, 1],
      "flight-control has it",
    );
    const dump = await portal.sidecar.admin("/config_dump?include_eds");
    assert.doesNotMatch(
      dump.replaceAll(/"error_state":[\s\S]*?\}/g, ""),
      /not an expression/,
      "the refused one is nowhere in use",
    );
  });

  await t.test("nothing is sent again and again", async () => {
    const rejections = async (): Promise<number> => {
      const stats = await portal.sidecar.stats("update_rejected$");
      return [...stats.values()].reduce((sum, each) => sum + each, 0);
    };
    const before = await rejections();
    assert.ok(before > 0);
    for (let round = 0; round < 3; round++) {
      await api.settled(
        await api.put(`/meshes/${world.mesh}/meshtimeouts/check-in`, {
          ...meshTimeout(20 + round),
          name: "check-in",
          spec: {
            targetRef: { kind: "Dataplane", labels: { app: "check-in-api" } },
            rules: [{ default: { http: { requestTimeout: `${20 + round}s` } } }],
          },
        }),
      );
    }
    assert.equal(await rejections(), before);
  });

  await t.test("a repaired policy is taken, and nothing is left of the refusal", async () => {
    const output = await world.apply(meshHttpRoute("economy"), [WAIT]);
    assert.match(output.stdout, /acknowledged/);
    assert.deepEqual(listAt(await untilState("passenger-portal", "in-sync"), "rejected"), []);
    const dump = await portal.sidecar.admin("/config_dump");
    assert.match(dump, /"value": "economy"/);
    assert.match(dump, /"timeout": "7s"/, "what changed meanwhile has come along");
    await until("the insight is clean", async () => {
      const insight = await api.get(`/meshes/${world.mesh}/dataplane-insights/passenger-portal`);
      return listAt(insight, "rejections").length === 0;
    });
  });
}

test("a proxy that refuses everything from the start is named, and holds nobody up", async () => {
  using bad = connectBare(world, { name: "refuser", token: await api.dataplaneToken({ mesh: world.mesh }) });
  const refused = refuseEverything(bad);
  const status = await until("the refuser is known", async () => {
    const found = await statusOf("refuser");
    return listAt(found, "rejected").length > 0 && found;
  });
  assert.equal(at(status, "state"), "rejected");
  for (const each of listAt(status, "rejected"))
    assert.match(String(at(each, "message")), /no such thing here/);

  const fleet = await joinFleet(world, api, 10);
  try {
    for (let round = 0; round < 5; round++) {
      const change = await api.put(`/meshes/${world.mesh}/meshtimeouts/everybody`, meshTimeout(30 + round));
      const counts = await api.settled(change);
      assert.ok((counts.acknowledged ?? 0) >= 10, JSON.stringify(counts));
      const item = listAt(await api.get(`/_changes/${change}?size=100`), "items").find(
        (each) => at(each, "name") === "refuser",
      );
      assert.notEqual(at(item, "state"), "acknowledged");
    }
    assert.ok(refused() < 100, `${refused()} refusals: it is sent the same over and over`);
    assert.equal(bad.ended, undefined, "it stays connected");
    for (const name of ["passenger-portal", "check-in-api", "flight-control", simulatedName(0)])
      await untilState(name, "in-sync");
    const insight = await until("its insight", async () => {
      const found = await api.get(`/meshes/${world.mesh}/dataplane-insights/refuser`);
      return listAt(found, "rejections").length > 0 && found;
    });
    assert.match(String(at(insight, "rejections", 0, "message")), /no such thing here/);
    assert.ok(String(at(insight, "rejections", 0, "resource")).length > 0);
  } finally {
    fleet.close();
  }
});
