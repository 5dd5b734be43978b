import assert from "node:assert/strict";
import { test } from "node:test";
import { listenerDraft } from "../testing/drafts.ts";
import { listenerInput, problems, valid } from "../testing/resources.ts";
import { meshOpa } from "./policy.ts";

const spec = (targetRef: unknown) => ({
  targetRef,
  default: { appendPolicies: [{ rego: { inlineString: "package edge" } }] },
});
const EDGE = { kind: "MeshGateway", name: "edge" };

test("requests of a gateway are decided on by its own agent", () => {
  const draft = listenerDraft();
  const input = listenerInput([valid(meshOpa.kind, spec(EDGE))], { extAuthzAddress: "127.0.0.1:9999" });
  meshOpa.translateListener?.(meshOpa.planListener?.(input), draft);
  assert.deepEqual(
    draft.hcm?.httpFilters.map(({ name }) => name),
    ["envoy.filters.http.ext_authz"],
  );
  assert.deepEqual([...draft.services.keys()], ["opa-agent:127.0.0.1:9999"]);
  assert.equal(meshOpa.planListener?.({ ...input, protocol: "tcp" }), undefined);
});

test("a proxy has one agent, so its listeners cannot be told apart", () => {
  assert.deepEqual(problems(meshOpa.kind, spec({ ...EDGE, tags: { port: "https" } })), [
    "spec.targetRef.tags: must not be set with kind MeshGateway here",
  ]);
});
