import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stopPerimeter } from "../kong-air/perimeter.ts";
import { patiently } from "../patience.ts";
import { pause } from "../poll.ts";
import { pageVariables, writeShims } from "../world/shims.ts";
import { createWorld, type World } from "../world/world.ts";
import { mismatch } from "./match.ts";
import type { CommandStep, Step } from "./page.ts";
import { PageShell } from "./shell.ts";

/** A page being executed: its world, its directory, its shell. */
export interface PageSession {
  /** @throws Error that shows what was expected and what came. */
  run(step: Step): Promise<void>;
  logs(): string;
  close(): Promise<void>;
}

/** Makes an empty world and a shell inside it. */
export async function openPageSession(): Promise<PageSession> {
  const world = await createWorld();
  const cwd = join(world.site.dir, "page");
  const shell = new PageShell({ env: shellEnvironment(world), cwd, scratch: join(world.site.dir, "blocks") });
  return {
    run: async (step) => {
      if (step.kind === "file") writeFileSync(join(cwd, step.name), step.content);
      else await runCommand(shell, step);
    },
    logs: () => world.logs(),
    close: async () => {
      shell.close();
      await stopPerimeter(world);
      await world.stop();
    },
  };
}

/** Environment of a shell in which the pages' commands work. */
export function shellEnvironment(world: World): Record<string, string> {
  const bin = writeShims(world);
  return {
    ...world.environment,
    ...pageVariables(world),
    PATH: `${bin}:${world.environment.PATH ?? ""}`,
    COLUMNS: "100",
  };
}

async function runCommand(shell: PageShell, step: CommandStep): Promise<void> {
  const deadline = performance.now() + patiently(step.eventuallyMs);
  for (;;) {
    const { code, output } = await shell.run(step.script);
    const problem = problemOf(step, code, output);
    if (problem === undefined) return;
    if (performance.now() >= deadline) throw new Error(problem);
    await pause(100);
  }
}

function problemOf(step: CommandStep, code: number, output: string): string | undefined {
  if (code !== step.exit) return `exit code ${code} instead of ${step.exit}:\n${step.script}\n${output}`;
  if (step.expected === undefined) return undefined;
  const difference = mismatch(step.expected.lines, output);
  return difference === undefined ? undefined : `${step.script}\n${difference}`;
}
