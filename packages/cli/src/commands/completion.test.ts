import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { createSandbox } from "../testing/run-command.ts";

/** What bash would offer for a line, with the cursor behind its last word. */
function completeInBash(script: string, words: readonly string[]): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const probe = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _skeinctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-c", probe], { encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

test("the bash script completes commands, types and flags", async () => {
  using sandbox = createSandbox();
  const script = (await sandbox.run("completion", "bash")).out;
  assert.ok(completeInBash(script, ["skeinctl", ""]).includes("proxy-status"));
  assert.deepEqual(completeInBash(script, ["skeinctl", "ap"]), ["apply"]);
  assert.deepEqual(completeInBash(script, ["skeinctl", "config", "control-planes", "sw"]), ["switch"]);
  assert.deepEqual(completeInBash(script, ["skeinctl", "-m", "config", "get", "meshtim"]), [
    "meshtimeouts",
    "meshtimeout",
  ]);
  assert.deepEqual(completeInBash(script, ["skeinctl", "inspect", "dataplane", "--incl"]), [
    "--include-eds",
    "--include",
  ]);
  assert.deepEqual(completeInBash(script, ["skeinctl", "apply", "--validate", ""]), []);
});

test("zsh and fish scripts name every command under the program's own name", async () => {
  using sandbox = createSandbox({ programName: "kumactl" });
  const zsh = (await sandbox.run("completion", "zsh")).out;
  assert.match(zsh, /^#compdef kumactl\n/);
  assert.match(zsh, /'config control-planes'\) words_here=\('add:/);
  const fish = (await sandbox.run("completion", "fish")).out;
  assert.ok(fish.includes(`complete -c kumactl -f -n '__kumactl_at ""' -a 'apply'`));
  assert.ok(fish.includes(`-n '__kumactl_at "generate"' -a 'zone-token'`));
  const unknown = await sandbox.run("completion", "tcsh");
  assert.deepEqual([unknown.code, /Allowed choices are bash, zsh, fish/.test(unknown.err)], [2, true]);
});
