import assert from "node:assert/strict";
import { test } from "node:test";
import { callingBytes, DB, document } from "./testing/bytes.ts";

const matches = [{ path: { type: "PathPrefix", value: "/" } }];

async function world(...policies: readonly Readonly<Record<string, unknown>>[]) {
  const api = await callingBytes(["web"], ...policies);
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
    document("MeshHTTPRoute", "routes", { to: [{ targetRef: DB, rules: [{ matches, default: {} }] }] }),
    document("MeshRetry", "retries", {
      to: [
        { targetRef: { kind: "Mesh" }, default: { http: { numRetries: 1 } } },
        { targetRef: DB, default: { http: { numRetries: 1 } } },
      ],
    }),
    document(
      "MeshHTTPRoute",
      "trial",
      { to: [{ targetRef: DB, rules: [{ matches, default: {} }] }] },
      { "kuma.io/effect": "shadow" },
    ),
    document("MeshHTTPRoute", "of-others", {
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
    document("MeshFaultInjection", "faults", {
      targetRef: { kind: "Dataplane", labels: { app: "db" } },
      rules: [{ default: faults }],
    }),
    document("MeshFaultInjection", "everywhere", { rules: [{ default: faults }] }),
  );
  assert.deepEqual(await warnings("db-0"), {
    MeshFaultInjection: [
      "faults rules[0]: inbound main speaks tcp only, so its HTTP part has no effect; set its protocol",
    ],
  });
  assert.deepEqual(await warnings("web-0"), {});
});
