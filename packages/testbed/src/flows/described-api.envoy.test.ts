import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Described,
  DescribedAnswers,
  operationsOf,
} from "@skein/control-plane/api/testing/described-answers";
import { ALLOW_ALL, identity } from "./documents.ts";
import { documents, inSync, MESH, meshYaml, reachable, withScene } from "./scene.ts";

/** The control plane takes it, because it does not read the language of such expressions; Envoy does not. */
const REJECTED = {
  ...{ type: "MeshHTTPRoute", mesh: MESH, name: "nowhere" },
  spec: {
    targetRef: { kind: "Dataplane", labels: { app: "passenger-portal" } },
    to: [
      {
        targetRef: { kind: "MeshService", name: "check-in-api" },
        rules: [
          {
            matches: [{ path: { type: "PathPrefix", value: "/" } }],
            default: {
              filters: [
                {
                  type: "RequestHeaderModifier",
                  requestHeaderModifier: { set: [{ name: "x-class", value: "%CEL(not an expression)%" }] },
                },
              ],
            },
          },
        ],
      },
    ],
  },
};

test("a control plane with real proxies answers as its own description says", async () => {
  await withScene(documents(meshYaml(), identity(), ALLOW_ALL), async (scene) => {
    const { api } = scene.world.controlPlane;
    await reachable(scene);
    await inSync(scene.world);
    const document = (await (await fetch(`${api}/openapi.json`)).json()) as Described;
    const answers = new DescribedAnswers(document);
    const ask = async (method: string, path: string, body?: unknown) => {
      const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const response = await fetch(`${api}${path}`, { method, ...(body === undefined ? {} : json) });
      const text = await response.text();
      const contentType = response.headers.get("content-type") ?? "";
      answers.check(method, path, { status: response.status, contentType, text });
      return { status: response.status, text, json: () => JSON.parse(text) };
    };
    const timeout = {
      ...{ type: "MeshTimeout", mesh: MESH, name: "quick" },
      spec: { to: [{ targetRef: { kind: "Mesh" }, default: { connectionTimeout: "3s" } }] },
    };
    const settled = async (path: string, document: object) => {
      const { changeId } = (await ask("PUT", path, document)).json();
      return (await ask("GET", `/_changes/${changeId}?wait=60s`)).json();
    };
    const taken = await settled(`/meshes/${MESH}/meshtimeouts/quick`, timeout);
    assert.deepEqual([taken.state, taken.items[0].state], ["settled", "acknowledged"]);
    const refused = await settled(`/meshes/${MESH}/meshhttproutes/nowhere`, REJECTED);
    assert.equal(refused.items[0].state, "rejected", JSON.stringify(refused));

    for (const dataplane of ["passenger-portal", "check-in-api"]) {
      const base = `/meshes/${MESH}/dataplanes/${dataplane}`;
      for (const what of ["xds", "xds?include_eds=true", "stats", "stats?format=json", "clusters"]) {
        assert.equal((await ask("GET", `${base}/${what}`)).status, 200, what);
      }
      assert.equal((await ask("GET", `${base}/clusters?format=json`)).status, 200);
      for (const what of ["_plan", "_rules", "_blame", "_config", "_layout", "_overview"]) {
        assert.equal((await ask("GET", `${base}/${what}`)).status, 200, what);
      }
    }
    // Everything that needs no name but the mesh's: its resources, insights and answers of its own.
    for (const { method, path } of operationsOf(document)) {
      const url = path.replace("/meshes/{}/", `/meshes/${MESH}/`);
      if (method === "GET" && !url.includes("{}")) await ask("GET", url);
    }
    const [accepted] = (await ask("GET", `/meshes/${MESH}/meshhttproutes/nowhere/_conditions`)).json()
      .conditions;
    assert.equal(accepted.status, "False", JSON.stringify(accepted));
    const proxies = (await ask("GET", `/meshes/${MESH}/_proxy-status`)).json();
    const portal = proxies.items.find(({ name }: { name: string }) => name === "passenger-portal");
    assert.equal(portal.state, "rejected");
    assert.ok(portal.identity, "its identity is not shown");
    for (const id of ["getChange", "getProxyStatusList", "getStats", "getClusters", "getXds"]) {
      assert.ok(answers.fulfilled.has(id), id);
    }
  });
});
