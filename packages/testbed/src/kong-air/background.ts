import { isAlive } from "../net/owner.ts";
import { until } from "../poll.ts";
import type { World } from "../world/world.ts";

/** Starts steady calls as a process of the world, so that the shell is free while they go on. */
export async function startBackgroundTraffic(world: World, command: readonly string[]): Promise<void> {
  await world.startPart("traffic", "traffic", command);
}

/** Ends the steady calls and answers with the log file whose last line is the report. */
export async function stopBackgroundTraffic(world: World): Promise<string> {
  const part = world.parts.find((candidate) => candidate.kind === "traffic");
  if (part === undefined) throw new Error("no traffic runs; start it with `kong-air traffic start FROM TO`");
  if (!isAlive(part.owner)) throw new Error(`the traffic ended by itself; see ${part.logFile}`);
  process.kill(part.owner.pid, "SIGTERM");
  await until("the traffic ends", () => !isAlive(part.owner), { timeoutMs: 15_000 });
  world.forgetPart("traffic", "traffic");
  return part.logFile;
}
