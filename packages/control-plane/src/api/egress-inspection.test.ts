import assert from "node:assert/strict";
import { test } from "node:test";
import { liveWorld, put } from "../preview/testing/live-world.ts";

const of = { mesh: "default" };
const base = "/meshes/default/dataplanes/way-out";

/** An egress with two listeners, and one service outside. */
async function egress() {
  const { api, world } = liveWorld();
  await put(
    api,
    { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" }, routing: { zoneEgress: true } },
    {
      ...{ type: "MeshIdentity", ...of, name: "everybody" },
      spec: {
        selector: { dataplane: { matchLabels: {} } },
        spiffeID: { trustDomain: "air.test", path: "/{{ .Workload }}" },
        provider: {
          type: "Bundled",
          bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
        },
      },
    },
    {
      ...{ type: "MeshExternalService", ...of, name: "pay" },
      spec: {
        match: { type: "HostnameGenerator", port: 443, protocol: "http" },
        endpoints: [{ address: "192.0.2.1", port: 443 }],
      },
    },
    {
      ...{
        type: "Dataplane",
        ...of,
        name: "way-out",
        labels: { app: "egress", "kuma.io/workload": "egress" },
      },
      networking: {
        address: "127.0.9.2",
        listeners: [
          { type: "ZoneEgress", port: 10_002 },
          { type: "ZoneEgress", port: 10_003, name: "ze-port" },
        ],
      },
    },
    {
      ...{ type: "MeshTimeout", ...of, name: "out" },
      spec: {
        targetRef: { kind: "Dataplane", labels: { app: "egress" }, sectionName: "ze-port" },
        rules: [{ default: { http: { requestTimeout: "7s" } } }],
      },
    },
  );
  world.mesh("default").stage.set("kri_mid_default_zone-1__everybody_", "enforced");
  return api;
}

test("the layout has the listeners by which others leave the mesh", async () => {
  const api = await egress();
  const { listeners, inbounds } = (await api.call("GET", `${base}/_layout`)).json;
  assert.deepEqual(inbounds, []);
  assert.deepEqual(listeners, [
    {
      kri: "kri_dp_default_zone-1__way-out_10002",
      type: "ZoneEgress",
      port: 10_002,
      proxyResourceName: "self_zoneegress_dp_10002",
    },
    {
      kri: "kri_dp_default_zone-1__way-out_ze-port",
      type: "ZoneEgress",
      port: 10_003,
      proxyResourceName: "self_zoneegress_dp_ze-port",
    },
  ]);
});

test("the policies of one such listener, with the rule behind each field", async () => {
  const api = await egress();
  const policiesOf = async (section: string) => {
    const { json } = await api.call(
      "GET",
      `${base}/_inbounds/kri_dp_default_zone-1__way-out_${section}/_policies`,
    );
    return json.policies.find(({ kind }: { kind: string }) => kind === "MeshTimeout");
  };
  assert.deepEqual((await policiesOf("ze-port")).fields, [
    { path: "http.requestTimeout", value: "7s", kri: "kri_mt_default_zone-1__out_", rule: "rules[0]" },
  ]);
  assert.equal(await policiesOf("10002"), undefined);
});
