#!/usr/bin/env node

/**
 * The entry point of `skein-dp` (and of `kuma-dp`, whose flags and variables it takes). Imports nothing up front, so
 * that what `run` compiles on its way can be kept for the supervisor.
 */
process.title = "skein-dp";
process.exitCode = await commandLine();

async function commandLine(): Promise<number> {
  const { openModuleCache } = await import("./become.ts");
  const cache = process.argv[2] === "run" ? openModuleCache() : undefined;
  const { LaunchError } = await import("./launch-error.ts");
  const { createLogger } = await import("./log.ts");
  const { buildProgram } = await import("./program.ts");
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  const { signal } = interrupt;
  const program = buildProgram({
    run: async (flags, variables) => (await import("./run.ts")).run({ flags, variables, cache, signal }),
    drain: async (inputs) => (await import("./drain-command.ts")).drainLean({ ...inputs, signal }),
  });
  try {
    await program.parseAsync();
    return 0;
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    createLogger({ level: "info", json: process.env.SKEIN_LOG_FORMAT === "json" }).error(error.message);
    return error.code === "interrupted" ? 130 : 1;
  } finally {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
  }
}
