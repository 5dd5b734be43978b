import { type Output, run } from "../../process/run.ts";
import { controlPlaneSettings } from "../../world/control-plane.ts";
import type { World } from "../../world/world.ts";

/** Runs `skein-cp run` where it should end by itself; exit code 124 means that it kept running. */
export async function runControlPlane(
  world: World,
  settings: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<Output> {
  const [program = "", ...rest] = world.commands.controlPlane;
  return await run(program, [...rest, "run", ...args], {
    cwd: world.site.dir,
    env: { ...world.environment, ...controlPlaneSettings(world.site), ...settings },
    timeoutMs: 15_000,
  });
}

/** Asserts that a start was refused with one clear sentence, and gives that. */
export function refusal(output: Output): string {
  const lines = output.stderr.trimEnd().split("\n");
  const [line = ""] = lines;
  const isSentence = output.code === 1 && lines.length === 1 && line.startsWith("skein-cp: ");
  if (!isSentence) {
    const seen = `exit code ${output.code}\n${output.stderr}\n${output.stdout}`;
    throw new Error(`not one sentence and exit code 1:\n${seen}`);
  }
  return line.slice("skein-cp: ".length);
}
