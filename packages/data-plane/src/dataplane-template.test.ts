import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseProxyResource, parseVariables, renderTemplate } from "./dataplane-template.ts";

function variables(...pairs: readonly string[]): Readonly<Record<string, unknown>> {
  const outcome = parseVariables(pairs);
  assert.equal(outcome.kind, "ok");
  return outcome.kind === "ok" ? outcome.value : {};
}

describe("variables", () => {
  test("are a tree, and may come several at a time", () => {
    assert.deepEqual(variables("name=a", "net.address=10.0.0.1,net.port=80", "note=a,b=c=d"), {
      name: "a",
      net: { address: "10.0.0.1", port: "80" },
      note: "a",
      b: "c=d",
    });
    assert.deepEqual(variables("list=a,b"), { list: "a,b" });
  });

  test("that are no pairs or contradict each other are named", () => {
    for (const pairs of [
      ["name"],
      ["=x"],
      ["a=1", "a.b=2"],
      ["a.b=2", "a=1"],
      ["__proto__.x=1"],
      ["a..b=1"],
    ]) {
      assert.equal(parseVariables(pairs).kind, "invalid", pairs.join(" "));
    }
  });
});

describe("a template", () => {
  test("is filled in without escaping, dotted names included", () => {
    assert.deepEqual(
      renderTemplate("name: {{ name }} {{net.address}}", variables("name=a&b<c>", "net.address=::1")),
      {
        kind: "ok",
        value: "name: a&b<c> ::1",
      },
    );
  });

  test("with a missing variable is refused, with its line and what to pass", () => {
    assert.deepEqual(renderTemplate("type: Dataplane\nname: {{ name }}\nx: {{{ a.b }}}\n", {}), {
      kind: "invalid",
      violations: [
        { field: "line 2", reason: "{{ name }} has no value; pass -v name=VALUE" },
        { field: "line 3", reason: "{{ a.b }} has no value; pass -v a.b=VALUE" },
      ],
    });
  });

  test("may ask whether a variable is there", () => {
    const template = "{{#zone}}zone: {{ zone }}{{/zone}}{{^zone}}none{{/zone}}";
    assert.deepEqual(renderTemplate(template, {}), { kind: "ok", value: "none" });
    assert.deepEqual(renderTemplate(template, variables("zone=east")), { kind: "ok", value: "zone: east" });
    assert.equal(renderTemplate("{{^zone}}{{ other }}{{/zone}}", {}).kind, "invalid");
  });

  test("with an open section is refused", () => {
    assert.equal(renderTemplate("{{#zone}}", {}).kind, "invalid");
  });

  test("without variables stays as it is", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("{{")),
        (text) => assert.deepEqual(renderTemplate(text, {}), { kind: "ok", value: text }),
      ),
    );
  });
});

describe("a rendered document", () => {
  test("gets the default mesh", () => {
    const outcome = parseProxyResource("type: Dataplane\nname: a\nlabels: {team: x}\n", "dataplane");
    assert.deepEqual(outcome, {
      kind: "ok",
      value: {
        type: "Dataplane",
        mesh: "default",
        name: "a",
        document: { type: "Dataplane", mesh: "default", name: "a", labels: { team: "x" } },
      },
    });
    assert.equal(parseProxyResource('{"type":"ZoneIngress","name":"zi"}', "ingress").kind, "ok");
  });

  test("with a YAML mistake names line and column", () => {
    const outcome = parseProxyResource("type: Dataplane\nname: [a\nmesh: b\n", "dataplane");
    assert.equal(outcome.kind, "invalid");
    assert.match(JSON.stringify(outcome), /line 3, column \d+/);
  });

  test("of another kind, or without a name, is refused", () => {
    for (const text of [
      "type: ZoneEgress\nname: a",
      "name: a",
      "type: Dataplane",
      "type: Dataplane\nname: 5",
      "- a",
      "",
    ]) {
      assert.equal(parseProxyResource(text, "dataplane").kind, "invalid", text);
    }
  });
});
