import type { Reach } from "../fanout/mesh-model.ts";

/** What the person who runs a benchmark chose. */
export interface BenchOptions {
  /** Sizes of the fan-out: proxies and services. */
  readonly sizes: readonly { readonly proxies: number; readonly services: number }[];
  /** The size that was chosen, if any: benchmarks with a size of their own take it instead. */
  readonly chosen:
    | { readonly proxies: number | undefined; readonly services: number | undefined }
    | undefined;
  /** Policies of mixed kinds in the mesh; where nobody chose, each benchmark has its own. */
  readonly policies: number | undefined;
  /** How the proxies of the fan-out know whom they may call. */
  readonly reach: Reach;
  readonly repetitions: number;
  /** Directory for CPU profiles of what is measured; none where absent. */
  readonly profileDir: string | undefined;
  /** Measured seconds of one load run. */
  readonly loadSeconds: number;
}

const SMALL = { proxies: 500, services: 100 };
const LARGE = { proxies: 2_000, services: 400 };

/**
 * Reads `PROXIES`, `SERVICES`, `POLICIES`, `TRANSPARENT`, `REACH`, `REPETITIONS`, `PROFILE` and `SECONDS`.
 *
 * @throws Error naming the one that has no such value
 */
export function benchOptions(env: NodeJS.ProcessEnv): BenchOptions {
  const proxies = positive(env, "PROXIES");
  const services = positive(env, "SERVICES");
  const reach = reachOf(env);
  const isChosen = proxies !== undefined || services !== undefined;
  const size = {
    proxies: proxies ?? 500,
    services: services ?? Math.max(1, Math.round((proxies ?? 500) / 5)),
  };
  return {
    chosen: isChosen ? { proxies, services } : undefined,
    // Where each may call all, the large one would be eight hundred thousand clusters: only for who asks for it.
    sizes: isChosen ? [size] : reach === "all" ? [SMALL] : [SMALL, LARGE],
    policies: whole(env, "POLICIES", 0),
    reach,
    repetitions: positive(env, "REPETITIONS") ?? 15,
    profileDir: env.PROFILE || undefined,
    loadSeconds: positive(env, "SECONDS") ?? 10,
  };
}

function reachOf(env: NodeJS.ProcessEnv): Reach {
  const isTransparent = oneOf(env, "TRANSPARENT", ["1", "0"]) === "1";
  const chosen = oneOf(env, "REACH", ["listed", "all"]);
  if (chosen !== undefined && !isTransparent)
    throw new Error("REACH is about transparent proxies: give TRANSPARENT=1, too");
  return isTransparent ? (chosen ?? "listed") : "outbounds";
}

function oneOf<T extends string>(env: NodeJS.ProcessEnv, name: string, values: readonly T[]): T | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = values.find((each) => each === text);
  if (value === undefined) throw new Error(`${name} must be ${values.join(" or ")}, not "${text}"`);
  return value;
}

function positive(env: NodeJS.ProcessEnv, name: string): number | undefined {
  return whole(env, name, 1);
}

function whole(env: NodeJS.ProcessEnv, name: string, least: number): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`${name} must be a whole number of at least ${least}, not "${text}"`);
  return value;
}
