import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LaunchPlan } from "./launch-plan.ts";

/** V8 settings of the supervisor: it holds next to nothing, so its heap is kept from growing. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=64", "--v8-pool-size=0"];

/** Directory of the compiled modules in the work directory; the supervisor removes it once it has read them. */
export const MODULES = "modules";

/** Lean mode: this process becomes Envoy, with the same process id. Does not return. */
export function becomeEnvoy(plan: LaunchPlan): void {
  execve(plan.command.file, plan.command.args, process.env);
}

/**
 * This process becomes the supervisor: a fresh Node without what preparing has loaded (YAML, templates, TLS, schemas),
 * which saves half of its memory. Does not return.
 */
export function becomeSupervisor(plan: LaunchPlan, cache: ModuleCache | undefined): void {
  const directory = cache?.moveInto(plan.workDir);
  const supervisor = fileURLToPath(import.meta.resolve("./supervisor.ts"));
  execve(process.execPath, [...NODE_FLAGS, supervisor, plan.workDir], {
    ...process.env,
    ...(directory === undefined ? {} : { NODE_COMPILE_CACHE: directory }),
  });
}

/** Compiled modules on their way from the preparing process to the supervisor. */
export interface ModuleCache {
  readonly directory: string;
  remove(): void;
  moveInto(workDir: string): string;
}

/**
 * Starts to keep compiled modules, in a directory that only we can write to. Run from its TypeScript sources, the
 * supervisor would otherwise load the compiler (18 MB) to read them again; a published package needs no such cache.
 */
export function openModuleCache(): ModuleCache | undefined {
  if (!import.meta.url.endsWith(".ts")) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "skein-dp-modules-"));
  enableCompileCache(directory);
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.on("exit", remove);
  return {
    directory,
    moveInto(workDir) {
      flushCompileCache();
      const target = join(workDir, MODULES);
      rmSync(target, { recursive: true, force: true });
      cpSync(directory, target, { recursive: true });
      remove();
      return target;
    },
    remove,
  };
}

function execve(file: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  if (process.execve === undefined)
    throw new Error("this platform cannot replace a process; leave out --lean");
  process.execve(file, [file, ...args], env);
}
