#!/usr/bin/env node
import { Command, InvalidArgumentError } from "commander";
import { memoryCounters } from "./counters.ts";
import { startRateLimitServer } from "./server.ts";

process.title = "skein-ratelimit";

interface Settings {
  readonly address: string;
  readonly port: number;
  readonly redis?: string;
}

const program = new Command("skein-ratelimit").description("Counts requests for MeshGlobalRateLimit.");
program
  .command("run")
  .description("serve Envoy's rate limit protocol until stopped")
  .option("--address <ip>", "where to listen", process.env.SKEIN_RATELIMIT_ADDRESS ?? "0.0.0.0")
  .option(
    "--port <n>",
    "port of the gRPC service",
    portOf,
    portOf(process.env.SKEIN_RATELIMIT_PORT ?? "10003"),
  )
  .option(
    "--redis <url>",
    "count in Redis, shared with other instances; in memory without",
    process.env.SKEIN_RATELIMIT_REDIS,
  )
  .action(run);
await program.parseAsync();

async function run({ address, port, redis }: Settings): Promise<void> {
  const report = reporter();
  try {
    const counters =
      redis === undefined
        ? memoryCounters(Date.now)
        : await (await import("./redis-counters.ts")).redisCounters(redis, report);
    const server = await startRateLimitServer({ address, port, counters, now: Date.now, onError: report });
    console.log(
      `skein-ratelimit: listening on ${address}:${server.port}, counting in ${redis === undefined ? "memory" : "Redis"}`,
    );
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, async () => {
        await server.close();
        await counters.close();
        process.exit(0);
      });
    }
  } catch (error) {
    console.error(`skein-ratelimit: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

/** At most one line a second: what fails, fails for every request. */
function reporter(): (error: unknown) => void {
  let silentUntil = 0;
  return (error) => {
    if (Date.now() < silentUntil) return;
    silentUntil = Date.now() + 1_000;
    console.error(`skein-ratelimit: ${error instanceof Error ? error.message : String(error)}`);
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError("must be a port, 0 to 65535");
}
