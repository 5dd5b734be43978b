import { accessSync, constants } from "node:fs";
import { becomeEnvoy, becomeSupervisor, type ModuleCache } from "./become.ts";
import { LaunchError } from "./launch-error.ts";
import { createLogger, type Logger } from "./log.ts";
import { type RunOptions, resolveOptions } from "./options.ts";
import { describeViolations, prepare } from "./prepare.ts";
import { becomeUser, chooseUser, lookUpUser, madeDirectory, type User } from "./proxy-user.ts";
import { withRedirectedDns } from "./redirected-dns.ts";
import type { FlagValues } from "./settings.ts";
import { readTransparentProxy, type TransparentSettings } from "./transparent-proxy.ts";

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
  const transparent = options.transparentProxy && readTransparentProxy(options.transparentProxy, process.env);
  settleUser(inputs, options, transparent, log);
  if (options.lean && transparent !== undefined)
    log.warn("lean mode serves no DNS: install the rules without --redirect-dns");
  const plan = await prepare({
    options: withRedirectedDns(options, transparent),
    transparentProxy: transparent?.proxy,
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

/** Becomes the user that Envoy must run as, before anything is read or made that is this user's business. */
function settleUser(
  { cache }: RunInputs,
  options: RunOptions,
  transparent: TransparentSettings | undefined,
  log: Logger,
): void {
  const { inbound, outbound } = transparent?.proxy.redirect ?? {};
  const choice = chooseUser({
    wanted: options.user ?? transparent?.user,
    uid: process.geteuid?.() ?? 0,
    isTransparent: inbound?.enabled === true || outbound?.enabled === true,
    lookUp: lookUpUser,
  });
  if (choice.kind === "refuse") throw new LaunchError("invalid-options", `--user: ${choice.message}`);
  if (choice.kind === "stay") {
    if (choice.warning !== undefined) log.warn(choice.warning);
    return;
  }
  const { user } = choice;
  const workDir = options.workDir === undefined ? undefined : madeDirectory(options.workDir);
  becomeUser(user, [cache?.directory, workDir]);
  log.info("became another user", { uid: user.uid, gid: user.gid, name: user.name });
  requireProgram(user);
}

/** The supervisor is a program of its own. */
function requireProgram(user: User): void {
  try {
    accessSync(process.execPath, constants.X_OK);
  } catch {
    throw new LaunchError(
      "invalid-options",
      `--user: ${user.name ?? user.uid} may not run ${process.execPath}; install Node where every user may`,
    );
  }
}
