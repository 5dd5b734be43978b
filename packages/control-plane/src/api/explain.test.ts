import assert from "node:assert/strict";
import { test } from "node:test";
import type { Question } from "../explain/explanation.ts";
import { createWorld, seed } from "./testing/world.ts";

/** A world whose plans answer with the question that they are asked. */
async function echoing() {
  const world = createWorld();
  await seed(world.store, { type: "Mesh", name: "default" });
  const asked: Question[] = [];
  Object.assign(world.deps.plans, {
    explain: (question: Question) => {
      asked.push(question);
      if (question.source === "portal") return { ok: true, value: { verdict: "allowed" } };
      const kind = question.source === "two" ? "ambiguous" : "unknown";
      return { ok: false, error: { kind, field: "source", message: "who?", suggestions: ["portal"] } };
    },
  });
  return { world, asked };
}

const at = "/meshes/default/_explain";

test("the query becomes the question", async () => {
  const { world, asked } = await echoing();
  const url = `${at}?source=portal&destination=check-in&port=80&method=post&path=/x&header=X-User%3Danna&header=a:b`;
  assert.deepEqual((await world.call("GET", url)).json, { verdict: "allowed" });
  assert.deepEqual(asked, [
    {
      mesh: "default",
      source: "portal",
      destination: "check-in",
      port: 80,
      method: "POST",
      path: "/x",
      headers: { "x-user": "anna", a: "b" },
    },
  ]);
});

test("what is not known is 404, what is not clear 400, each with its field", async () => {
  const { world } = await echoing();
  const unknown = await world.call("GET", `${at}?source=x&destination=y`);
  assert.deepEqual([unknown.status, unknown.json.detail], [404, "who?"]);
  assert.deepEqual(unknown.json.invalid_parameters, [{ field: "source", reason: "who?" }]);
  assert.equal((await world.call("GET", `${at}?source=two&destination=y`)).status, 400);
  for (const [query, field] of [
    ["destination=y", "source"],
    ["source=portal", "destination"],
    ["source=portal&destination=y&port=0", "port"],
    ["source=portal&destination=y&header=x", "header"],
  ]) {
    const answer = await world.call("GET", `${at}?${query}`);
    assert.equal(answer.status, 400, query);
    assert.equal(answer.json.invalid_parameters[0].field, field);
  }
  assert.equal((await world.call("GET", "/meshes/none/_explain?source=a&destination=b")).status, 404);
});

test("the description of the API has the question, and every part of the answer", async () => {
  const { json } = await createWorld().call("GET", "/openapi.json");
  const { get } = json.paths["/meshes/{mesh}/_explain"];
  const parameters = json.paths["/meshes/{mesh}/_explain"].parameters.concat(get.parameters);
  assert.deepEqual(
    parameters.map(({ name, required }: { name: string; required: boolean }) => [name, required]),
    [
      ["mesh", true],
      ["source", true],
      ["destination", true],
      ["port", false],
      ["method", false],
      ["path", false],
      ["header", false],
    ],
  );
  assert.deepEqual(get.responses["200"].content["application/json"].schema, {
    $ref: "#/components/schemas/Explanation",
  });
  const { properties } = json.components.schemas.Explanation;
  assert.deepEqual(properties.hops.items.properties.at.enum, [
    "source",
    "gateway",
    "outbound",
    "route",
    "cluster",
    "tls",
    "inbound",
    "permission",
    "application",
  ]);
  assert.ok(properties.branches.items.properties.attempts);
});
