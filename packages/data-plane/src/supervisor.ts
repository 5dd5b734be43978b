import { join } from "node:path";
import { files } from "./files.ts";
import { readLaunchPlan } from "./launch-plan.ts";
import { supervise } from "./supervise.ts";

/**
 * The program of the supervising process: `node supervisor.ts WORKDIR`. Its imports are its memory; keep them few.
 * Only `skein-dp run` starts it.
 */
if (import.meta.main) {
  const workDir = process.argv[2] ?? "";
  process.title = "skein-dp";
  files.rmSync(join(workDir, "modules"), { recursive: true, force: true });
  process.exitCode = await supervise(readLaunchPlan(workDir));
}
