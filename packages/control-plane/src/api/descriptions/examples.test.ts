import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { previewBody } from "../preview.ts";
import { DescribedAnswers } from "../testing/described-answers.ts";
import { createWorld } from "../testing/world.ts";
import { describeApi } from "./describe-api.ts";

const PAGE = join(import.meta.dirname, "../../../../../docs/api-extensions.md");

/** What the examples below a heading are answers to. */
const ASKED: Readonly<Record<string, readonly [method: string, url: string]>> = {
  "Change ids": ["GET", "/_changes/42"],
  "Proxy status": ["GET", "/_proxy-status"],
  "The plan": ["GET", "/meshes/default/_access"],
  "Conditions of a policy": ["GET", "/meshes/default/meshtimeouts/q/_conditions"],
  Preview: ["POST", "/_preview"],
  Blame: ["GET", "/meshes/default/dataplanes/web-1/_blame"],
  Explain: ["GET", "/meshes/default/_explain"],
  Analysis: ["GET", "/meshes/default/_analysis"],
};

test("the examples on the page about our endpoints are as the API is described", () => {
  const answers = new DescribedAnswers(describeApi(createWorld().deps));
  const seen = new Set<string>();
  for (const section of readFileSync(PAGE, "utf8").split(/^## /m)) {
    const heading = section.split("\n", 1)[0] ?? "";
    for (const [, text = ""] of section.matchAll(/```json\n([\s\S]*?)```/g)) {
      const asked = ASKED[heading];
      assert.ok(asked, `the test does not know what the example below "${heading}" answers`);
      if (heading === "Preview" && previewBody.safeParse(JSON.parse(text)).success) continue;
      answers.check(...asked, { status: 200, contentType: "application/json", text });
      seen.add(heading);
    }
  }
  assert.deepEqual([...seen].toSorted(), Object.keys(ASKED).toSorted());
});
