import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { documentSchemaOf, jsonSchemasOf } from "./json-schema.ts";
import { meshServiceKind } from "./kinds/mesh-service.ts";

test("a schema says what the user may write", () => {
  const schema = documentSchemaOf(meshServiceKind);
  assert.deepEqual(schema.required, ["type", "mesh", "name", "spec"]);
  const properties = JSON.parse(JSON.stringify(schema)).properties;
  assert.equal(properties.spec.properties.state.default, "Unavailable");
  assert.deepEqual(properties.spec.properties.ports.items.required, ["port"]);
  assert.deepEqual(properties.spec.properties.ports.items.properties.port, {
    type: "integer",
    minimum: 1,
    maximum: 65535,
  });
  assert.equal(properties.status.readOnly, true);
});

test("schemas with names refer to each other by them, and describe each use", () => {
  const inner = z.object({ a: z.int() });
  const schemas = jsonSchemasOf({
    Inner: inner,
    Outer: z.object({ list: z.array(inner), one: inner.exactOptional().describe("One of them.") }),
  });
  assert.deepEqual(schemas, {
    Inner: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] },
    Outer: {
      type: "object",
      properties: {
        list: { type: "array", items: { $ref: "#/components/schemas/Inner" } },
        one: { description: "One of them.", $ref: "#/components/schemas/Inner" },
      },
      required: ["list"],
    },
  });
});
