import assert from "node:assert/strict";
import { test } from "node:test";
import { liveWorld, put } from "../preview/testing/live-world.ts";

const of = { mesh: "default" };
const DB = { kind: "MeshService", name: "db" };
const policy = (type: string, name: string, spec: object, labels: object = {}) => ({
  ...{ type, ...of, name, labels, spec },
});
const matches = [{ path: { type: "PathPrefix", value: "/" } }];

/** `web` calls `db`, whose port has no appProtocol. */
async function world(...policies: readonly Readonly<Record<string, unknown>>[]) {
  const { api } = liveWorld();
  const dataplane = (app: string, protocol: string, outbound: readonly object[] = []) => ({
    ...{ type: "Dataplane", ...of, name: `${app}-0`, labels: { app } },
    networking: {
      address: `127.1.1.${app.length}`,
      inbound: [{ name: "main", port: 8080, protocol, tags: { "kuma.io/service": app } }],
      outbound,
    },
  });
  await put(
    api,
    {
      type: "Mesh",
      name: "default",
      meshServices: { mode: "Exclusive" },
      skipCreatingInitialPolicies: ["*"],
    },
    policy("MeshService", "db", {
      selector: { dataplaneLabels: { matchLabels: { app: "db" } } },
      ports: [{ port: 5432, targetPort: 8080 }],
    }),
    dataplane("db", "tcp"),
    dataplane("web", "http", [{ port: 10_001, backendRef: { ...DB, port: 5432 } }]),
    ...policies,
  );
  return async (name: string) => {
    const { json } = await api.call("GET", `/meshes/default/dataplanes/${name}/_rules`);
    return Object.fromEntries(
      json.rules.flatMap(({ type, warnings }: { type: string; warnings: string[] }) =>
        warnings.length === 0 ? [] : [[type, warnings]],
      ),
    );
  };
}

test("_rules says what is about requests and has no effect, because the service speaks bytes", async () => {
  const warnings = await world(
    policy("MeshHTTPRoute", "routes", { to: [{ targetRef: DB, rules: [{ matches, default: {} }] }] }),
    policy("MeshRetry", "retries", {
      to: [
        { targetRef: { kind: "Mesh" }, default: { http: { numRetries: 1 } } },
        { targetRef: DB, default: { http: { numRetries: 1 } } },
      ],
    }),
    policy(
      "MeshHTTPRoute",
      "trial",
      { to: [{ targetRef: DB, rules: [{ matches, default: {} }] }] },
      { "kuma.io/effect": "shadow" },
    ),
    policy("MeshHTTPRoute", "of-others", {
      targetRef: { kind: "Dataplane", labels: { app: "db" } },
      to: [{ targetRef: DB, rules: [{ matches, default: {} }] }],
    }),
  );
  assert.deepEqual(await warnings("web-0"), {
    MeshHTTPRoute: [
      "routes to[0]: db:5432 speaks tcp only, so its rules have no effect; set appProtocol on its port",
    ],
    MeshRetry: [
      "retries to[1]: db:5432 speaks tcp only, so its HTTP part has no effect; set appProtocol on its port",
    ],
  });
  assert.deepEqual(await warnings("db-0"), {}, "it calls nobody");
});

test("_rules says so of rules for an inbound that speaks bytes, too", async () => {
  const faults = { http: [{ abort: { httpStatus: 500, percentage: 1 } }] };
  const warnings = await world(
    policy("MeshFaultInjection", "faults", {
      targetRef: { kind: "Dataplane", labels: { app: "db" } },
      rules: [{ default: faults }],
    }),
    policy("MeshFaultInjection", "everywhere", { rules: [{ default: faults }] }),
  );
  assert.deepEqual(await warnings("db-0"), {
    MeshFaultInjection: [
      "faults rules[0]: inbound main speaks tcp only, so its HTTP part has no effect; set its protocol",
    ],
  });
  assert.deepEqual(await warnings("web-0"), {});
});
