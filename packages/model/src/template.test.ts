import assert from "node:assert/strict";
import { test } from "node:test";
import { renderTemplate, templateLabels, templateVariables } from "./template.ts";

const labels: Record<string, string> = { team: "air" };
const render = (text: string) => renderTemplate(text, { Mesh: "m", Zone: "z" }, (key) => labels[key]);

test("variables and labels are filled in", () => {
  assert.deepEqual(render("{{ .Mesh }}.{{.Zone}}.mesh.local"), { ok: true, value: "m.z.mesh.local" });
  assert.deepEqual(render('/team/{{ label "team" }}'), { ok: true, value: "/team/air" });
  assert.deepEqual(render("/team/{{ label `team` }}"), { ok: true, value: "/team/air" });
  assert.deepEqual(render("a {{- .Mesh -}} b"), { ok: true, value: "amb" });
  assert.deepEqual(render("plain }} text"), { ok: true, value: "plain }} text" });
});

test("errors name what is wrong", () => {
  const errors: Record<string, RegExp> = {
    "{{ .Name }}": /unknown variable \.Name, choose from \.Mesh, \.Zone/,
    "{{ .constructor }}": /unknown variable/,
    '{{ label "x" }}': /label "x" is not set/,
    "{{ label team }}": /cannot read \{\{ label team \}\}/,
    "{{ if .Mesh }}": /cannot read/,
    "{{ }}": /cannot read/,
    "{{ .Mesh": /not closed/,
  };
  for (const [text, error] of Object.entries(errors)) {
    const rendered = render(text);
    assert.equal(rendered.ok, false, text);
    assert.match(rendered.ok ? "" : rendered.error, error, text);
  }
});

test("what a template reads", () => {
  const text = '{{ .Mesh }}-{{ label "a/b" }}-{{ .Zone }}';
  assert.deepEqual(templateLabels(text), ["a/b"]);
  assert.deepEqual(templateVariables(text), ["Mesh", "Zone"]);
});
