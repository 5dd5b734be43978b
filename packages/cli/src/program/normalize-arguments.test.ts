import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeArguments } from "./normalize-arguments.ts";
import { createProgram } from "./program.ts";

const program = createProgram("skeinctl", () => {
  throw new Error("no command is called");
});
const normalized = (line: string): string => normalizeArguments(line.split(" "), program).join(" ");

test("an option that may stand alone gets its value, by the command that it belongs to", () => {
  assert.equal(normalized("apply -f a --wait"), "apply -f a --wait=30s");
  assert.equal(normalized("delete --wait mesh default"), "delete --wait=30s mesh default");
  assert.equal(normalized("apply -f a --dry-run"), "apply -f a --dry-run=client");
  assert.equal(
    normalized("install transparent-proxy --wait 7 --dry-run"),
    "install transparent-proxy --wait 7 --dry-run",
  );
  assert.equal(
    normalized("uninstall transparent-proxy --dry-run=true"),
    "uninstall transparent-proxy --dry-run",
  );
});

test("a switch may be told true or false; false turns off what is on by itself", () => {
  assert.equal(normalized("get meshes --all-meshes=true"), "get meshes --all-meshes");
  assert.equal(normalized("get meshes -A=false"), "get meshes");
  assert.equal(
    normalized("install transparent-proxy --redirect-inbound=false --redirect-dns=false"),
    "install transparent-proxy --no-redirect-inbound",
  );
});

test("short options may have a value behind =, and nothing behind -- is touched", () => {
  assert.equal(normalized("get meshes -o=json"), "get meshes -o json");
  assert.equal(normalized("get meshes -- --wait -o=json"), "get meshes -- --wait -o=json");
});
