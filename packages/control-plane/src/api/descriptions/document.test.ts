import assert from "node:assert/strict";
import { test } from "node:test";
import { documentSchemaOf } from "./json-schema.ts";
import { openApiDocument } from "./openapi.ts";
import { coreKinds, createRegistry } from "./registry.ts";

const registry = createRegistry(coreKinds);
const document = openApiDocument(registry);

test("the document is plain JSON", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
});

test("every kind has its routes and its schema, without references inside", () => {
  for (const kind of registry.kinds) {
    const collection = kind.scope === "Mesh" ? `/meshes/{mesh}/${kind.path}` : `/${kind.path}`;
    const item = document.paths[`${collection}/{name}`];
    assert.ok(document.paths[collection]?.get, collection);
    assert.ok(item?.get, kind.type);
    assert.equal(item.put !== undefined, kind.writableOn.global || kind.writableOn.zone, kind.type);
    const schema = document.components.schemas[`${kind.type}Item`];
    assert.ok(schema, kind.type);
    assert.doesNotMatch(JSON.stringify(schema), /\$ref|\$schema|\$defs|propertyNames|9007199254740991/);
  }
});

test("every reference leads somewhere, and operations have distinct names", () => {
  const text = JSON.stringify(document);
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    assert.ok(name in document.components.schemas, name);
  }
  const operations = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(operations).size, operations.length);
});

test("a schema says what the user may write", () => {
  const kind = registry.byType("MeshService");
  assert.ok(kind);
  assert.deepEqual(documentSchemaOf(kind).required, ["type", "mesh", "name", "spec"]);
  const properties = JSON.parse(JSON.stringify(documentSchemaOf(kind))).properties;
  assert.equal(properties.spec.properties.state.default, "Unavailable");
  assert.deepEqual(properties.spec.properties.ports.items.required, ["port"]);
  assert.deepEqual(properties.spec.properties.ports.items.properties.port, {
    type: "integer",
    minimum: 1,
    maximum: 65535,
  });
  assert.equal(properties.status.readOnly, true);
});
