import assert from "node:assert/strict";
import { test } from "node:test";
import { mtlsIssuer } from "../plan/identities.ts";
import { liveWorld, put } from "../preview/testing/live-world.ts";

const of = { mesh: "default" };
const MESH = { kind: "Mesh" };

/** A mesh without MeshServices whose own CA makes certificates: services and callers are known by tags. */
async function tagged(...policies: readonly Readonly<Record<string, unknown>>[]) {
  const { api, world } = liveWorld();
  const tags = (service: string) => ({ "kuma.io/service": service, version: "1" });
  await put(
    api,
    {
      type: "Mesh",
      name: "default",
      mtls: { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] },
    },
    {
      ...{ type: "Dataplane", ...of, name: "api-0" },
      networking: {
        address: "127.1.1.1",
        inbound: [{ name: "main", port: 8080, tags: { ...tags("api"), "kuma.io/protocol": "http" } }],
      },
    },
    {
      ...{ type: "Dataplane", ...of, name: "web-0" },
      networking: {
        address: "127.1.2.1",
        inbound: [{ port: 8080, tags: { ...tags("web"), "kuma.io/protocol": "http" } }],
        outbound: [{ port: 10_080, tags: { "kuma.io/service": "api" } }],
      },
    },
    ...policies,
  );
  world.mesh("default").stage.set(mtlsIssuer("default", "ca"), "enforced");
  return async (dataplane: string, type: string) => {
    const { json } = await api.call("GET", `/meshes/default/dataplanes/${dataplane}/_rules`);
    return json.rules.find((each: { type: string }) => each.type === type);
  };
}

const policy = (type: string, name: string, spec: object) => ({ type, ...of, name, spec });
const metas = (list: readonly { name: string; kri: string }[]) => list.map(({ name, kri }) => [name, kri]);

test("what from says of callers is in fromRules, by the tags of the caller", async () => {
  const rules = await tagged(
    policy("MeshTrafficPermission", "callers", {
      from: [
        { targetRef: MESH, default: { action: "Deny" } },
        {
          targetRef: { kind: "MeshServiceSubset", name: "web", tags: { version: "1" } },
          default: { action: "Allow" },
        },
      ],
    }),
    policy("MeshFaultInjection", "faults", {
      targetRef: { kind: "Dataplane" },
      from: [
        {
          targetRef: { kind: "MeshSubset", tags: { version: "1" } },
          default: { http: [{ abort: { httpStatus: 503, percentage: 1 } }] },
        },
      ],
    }),
  );
  const permission = await rules("api-0", "MeshTrafficPermission");
  assert.deepEqual(permission.inboundRules, []);
  assert.equal(permission.fromRules.length, 1);
  const [{ inbound, rules: list }] = permission.fromRules;
  assert.deepEqual([inbound.name, inbound.port, inbound.tags["kuma.io/service"]], ["main", 8080, "api"]);
  assert.deepEqual(
    list.map(({ conf, matchers, origin }: { conf: object; matchers: object; origin: [] }) => [
      conf,
      matchers,
      metas(origin),
    ]),
    [
      [{ action: "Deny" }, [], [["callers", "kri_mtp_default_zone-1__callers_"]]],
      [
        { action: "Allow" },
        [
          { key: "kuma.io/service", value: "web", not: false },
          { key: "version", value: "1", not: false },
        ],
        [["callers", "kri_mtp_default_zone-1__callers_"]],
      ],
    ],
  );
  const faults = await rules("api-0", "MeshFaultInjection");
  assert.deepEqual(
    faults.fromRules[0].rules.map(({ conf, matchers }: { conf: object; matchers: object }) => [
      conf,
      matchers,
    ]),
    [
      [
        { http: [{ abort: { httpStatus: 503, percentage: 1 } }] },
        [{ key: "version", value: "1", not: false }],
      ],
    ],
  );
});

test("what to says of services that are known by a tag is in toRules", async () => {
  const rules = await tagged(
    policy("MeshTimeout", "calls", {
      to: [{ targetRef: { kind: "MeshService", name: "api" }, default: { http: { requestTimeout: "7s" } } }],
    }),
    policy("MeshTimeout", "inbounds", { rules: [{ default: { idleTimeout: "9s" } }] }),
  );
  const { toRules, toResourceRules, inboundRules, fromRules } = await rules("web-0", "MeshTimeout");
  assert.deepEqual(toResourceRules, []);
  assert.equal(toRules.length, 1);
  assert.deepEqual(toRules[0].matchers, [{ key: "kuma.io/service", value: "api", not: false }]);
  assert.equal(toRules[0].conf.http.requestTimeout, "7s");
  assert.ok(
    metas(toRules[0].origin).some(([name]) => name === "calls"),
    JSON.stringify(toRules[0].origin),
  );
  assert.ok(inboundRules.length > 0, "rules without callers stay where they are");
  assert.deepEqual(fromRules, []);
});
