import { until } from "../poll.ts";

/**
 * Waits until the connections that came before a change of a filter chain are gone: they keep what they began with.
 * Envoy hands a change to its workers before it counts what drains, so one look at rest is not enough.
 */
export async function drained(
  stats: (filter: string) => Promise<ReadonlyMap<string, number>>,
): Promise<void> {
  let looks = 0;
  await until(
    "connections of before have drained",
    async () => {
      const pending = await stats("listener_manager.total_(filter_chains|listeners)_(draining|warming)$");
      const atRest = pending.size > 0 && [...pending.values()].every((count) => count === 0);
      looks = atRest ? looks + 1 : 0;
      return looks === 4;
    },
    { timeoutMs: 30_000 },
  );
}
