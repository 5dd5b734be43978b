import assert from "node:assert/strict";
import { test } from "node:test";
import { agentConfig, parseAgentConfig } from "./agent-config.ts";

const RULES = {
  service: "kmesh",
  resource: "/opa/m/n/bundle.tar.gz",
  polling: { long_polling_timeout_seconds: 30 },
};
const configured = (given: Record<string, unknown>, bundlePath: string | undefined = RULES.resource) =>
  agentConfig({ bundlePath, address: "localhost:9191", given });

test("what an agent has that no policy configures", () => {
  assert.deepEqual(configured({}), {
    bundles: { kmesh: RULES },
    plugins: { envoy_ext_authz_grpc: { addr: "localhost:9191", path: "implicitkmesh/allow" } },
  });
});

test("a policy adds services, bundles, logs and settings of the decision", () => {
  const mine = { service: "s3", resource: "rules.tar.gz" };
  assert.deepEqual(
    configured({
      decision_logs: { console: true },
      services: { s3: { url: "https://s3" } },
      bundles: { mine },
      plugins: { envoy_ext_authz_grpc: { path: "mine/allow", "dry-run": true }, other: {} },
    }),
    {
      decision_logs: { console: true },
      services: { s3: { url: "https://s3" } },
      bundles: { mine, kmesh: RULES },
      plugins: {
        other: {},
        envoy_ext_authz_grpc: { addr: "localhost:9191", path: "mine/allow", "dry-run": true },
      },
    },
  );
});

test("a policy does not take the agent away from its control plane or its Envoy", () => {
  assert.deepEqual(
    configured({
      discovery: { name: "x" },
      services: { kmesh: { url: "https://elsewhere" } },
      bundles: { kmesh: { service: "elsewhere" } },
      plugins: { envoy_ext_authz_grpc: { addr: ":1" } },
    }),
    configured({}),
  );
});

test("without rules the agent has what its own configuration names, whose bundles may own everything", () => {
  assert.deepEqual(
    agentConfig({ bundlePath: undefined, address: "a:1", given: { bundles: { mine: {} } } }).bundles,
    {
      mine: {},
    },
  );
});

test("YAML that is no object is no configuration", () => {
  assert.deepEqual(parseAgentConfig("a: {b: 1}"), { a: { b: 1 } });
  for (const text of ["", "text", "- 1", "{", "a: b: c"])
    assert.equal(parseAgentConfig(text), undefined, text);
});
