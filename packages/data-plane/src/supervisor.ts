import { join } from "node:path";
import { files } from "./files.ts";
import { type LaunchPlan, readLaunchPlan } from "./launch-plan.ts";
import { supervise } from "./supervise.ts";

/** Loads what only some sidecars need, while what the preparing process compiled of it is still there. */
export async function loadParts({ dns }: Pick<LaunchPlan, "dns">): Promise<void> {
  if (dns !== undefined) await import("./dns/run-dns.ts");
}

/**
 * The program of the supervising process: `node supervisor.ts WORKDIR`. Its imports are its memory; keep them few.
 * Only `skein-dp run` starts it.
 */
if (import.meta.main) {
  const workDir = process.argv[2] ?? "";
  process.title = "skein-dp";
  const plan = readLaunchPlan(workDir);
  await loadParts(plan);
  files.rmSync(join(workDir, "modules"), { recursive: true, force: true });
  process.exitCode = await supervise(plan);
}
