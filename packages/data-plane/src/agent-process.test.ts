import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AgentProcess } from "./agent-process.ts";
import { createLogger } from "./log.ts";
import { until } from "./testing/until.ts";

const log = createLogger({ level: "off", json: false });

/** A shell script as an agent; each start writes its process id, a line each. */
function agentOf(t: TestContext, rest: string) {
  const directory = mkdtempSync(join(tmpdir(), "skein-agent-"));
  const file = join(directory, "starts");
  const agent = new AgentProcess({ file: "/bin/sh", args: ["-c", `echo $$ >> ${file}; ${rest}`] }, log);
  t.after(async () => {
    await agent.stop();
    rmSync(directory, { recursive: true });
  });
  const starts = (): readonly string[] =>
    existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").filter(Boolean) : [];
  return { agent, starts };
}

function isAlive(pid: string): boolean {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
}

test("an agent that ends is started again, until it is stopped", async (t) => {
  const { agent, starts } = agentOf(t, "exit 3");
  await until("it has started three times", () => starts().length >= 3);
  await agent.stop();
  const count = starts().length;
  await agent.stop();
  assert.equal(starts().length, count);
});

test("an agent that is killed is started again, and the one that runs ends with its proxy", async (t) => {
  const { agent, starts } = agentOf(t, "exec sleep 600");
  await until("it has started", () => starts().length === 1);
  process.kill(Number(starts()[0]), "SIGKILL");
  await until("it has started again", () => starts().length === 2);
  const [, pid = ""] = starts();
  assert.ok(isAlive(pid));
  await agent.stop();
  assert.ok(!isAlive(pid));
});

test("a program that cannot be started is tried again, and can be stopped", async () => {
  const agent = new AgentProcess({ file: "/nowhere/opa", args: [] }, log);
  await agent.stop();
});
