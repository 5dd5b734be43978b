import { becomeEnvoy, becomeSupervisor, type ModuleCache } from "./become.ts";
import { LaunchError } from "./launch-error.ts";
import { createLogger } from "./log.ts";
import { resolveOptions } from "./options.ts";
import { describeViolations, prepare } from "./prepare.ts";
import type { FlagValues } from "./settings.ts";

export interface RunInputs {
  readonly flags: FlagValues;
  readonly variables: readonly string[];
  readonly cache: ModuleCache | undefined;
  readonly signal: AbortSignal;
}

/** `skein-dp run`: prepares the sidecar, then becomes its supervisor, or Envoy itself. Does not return when it succeeds. */
export async function run(inputs: RunInputs): Promise<void> {
  const outcome = resolveOptions(inputs.flags, process.env);
  if (outcome.kind === "invalid") {
    throw new LaunchError(
      "invalid-options",
      describeViolations("The settings are not valid", outcome.violations),
    );
  }
  const { options } = outcome;
  const log = createLogger({ level: options.logLevel, json: options.logJson });
  if (options.skipVerify) log.warn("--skip-verify: the control plane's certificate is not verified");
  const plan = await prepare({
    options,
    variables: inputs.variables,
    env: process.env,
    log,
    signal: inputs.signal,
  });
  log.info("starting Envoy", { mode: plan.mode, workDir: plan.workDir, pid: process.pid });
  if (plan.mode === "lean") {
    inputs.cache?.remove();
    return becomeEnvoy(plan);
  }
  const { loadParts } = await import("./supervisor.ts");
  await loadParts(plan);
  becomeSupervisor(plan, inputs.cache);
}
