import { createClient } from "@redis/client";
import type { Counters } from "./counters.ts";

/** How long a question may wait for Redis: Envoy itself waits for tens of milliseconds only. */
const TIMEOUT_MS = 1_000;

/**
 * Counts in Redis, shared by every rate limit service that uses it. `url` is `redis[s]://[user:password@]host:port/db`.
 * A connection that breaks is made again; until then questions fail at once, and Envoy lets requests through.
 */
export async function redisCounters(url: string, onError: (error: unknown) => void): Promise<Counters> {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: TIMEOUT_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 2_000),
    },
  });
  client.on("error", onError);
  await client.connect();
  return {
    async add(key, hits, ttlSeconds) {
      const [count] = await client.multi().incrBy(key, hits).expire(key, ttlSeconds).exec();
      return Number(count);
    },
    async close() {
      await client.close();
    },
  };
}
