import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyDefinition } from "../definition.ts";
import { atGateway, effectOf, filtersOf, gatewayInput } from "../testing/gateway.ts";
import { problems, valid } from "../testing/resources.ts";
import { meshOpa } from "./policy.ts";

const FILTER = "envoy.filters.http.ext_authz";
const spec = (targetRef: unknown, more: object = {}) => ({
  targetRef,
  default: { appendPolicies: [{ rego: { inlineString: "package edge" } }], ...more },
});
const EDGE = { kind: "MeshGateway", name: "edge" };
const SUBSET = { kind: "MeshSubset", tags: { port: "https" } };
const opa = meshOpa as PolicyDefinition;

test("requests of a gateway are decided on by its own agent", () => {
  const decided = atGateway(opa, [valid(meshOpa.kind, spec(EDGE))], { extAuthzAddress: "127.0.0.1:9999" });
  assert.deepEqual(filtersOf(decided), [FILTER]);
  assert.deepEqual([...decided.chain.services.keys()], ["opa-agent:127.0.0.1:9999"]);
  assert.equal(
    meshOpa.planGateway?.(gatewayInput([valid(meshOpa.kind, spec(EDGE))], { isHttp: false })),
    undefined,
  );
});

test("some listeners of a port ask, others do not, and one asks in another way", () => {
  const hosts = { "a.example": [], "b.example": [valid(meshOpa.kind, spec(SUBSET))] };
  const some = atGateway(opa, [], { hosts });
  assert.deepEqual(filtersOf(some), [`(${FILTER})`]);
  assert.equal(effectOf(some, "a.example", "shop", FILTER), undefined);
  assert.equal(effectOf(some, "b.example", "shop", FILTER), "on");

  const lenient = valid(meshOpa.kind, spec(SUBSET, { authConfig: { onAgentFailure: "Allow" } }));
  const all = atGateway(opa, [valid(meshOpa.kind, spec(EDGE))], {
    hosts: { "a.example": [], "b.example": [lenient] },
  });
  assert.deepEqual(filtersOf(all), [FILTER, `(${FILTER}.2)`]);
  assert.equal(effectOf(all, "a.example", "shop", FILTER), undefined);
  assert.equal(effectOf(all, "b.example", "shop", FILTER), "off");
  assert.equal(effectOf(all, "b.example", "shop", `${FILTER}.2`), "on");
});

test("a proxy has one agent, so a policy cannot tell the gateway's listeners apart", () => {
  assert.deepEqual(problems(meshOpa.kind, spec({ ...EDGE, tags: { port: "https" } })), [
    "spec.targetRef.tags: must not be set with kind MeshGateway here",
  ]);
});
