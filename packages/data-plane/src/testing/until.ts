/** Deadlines are so many times as long: for a machine that is slow altogether. See CONTRIBUTING.md. */
export const PATIENCE: number = Number(process.env.SKEIN_TESTBED_PATIENCE || 1);

/** Looks until `look` answers something other than `undefined` or `false`; fails with `what` after the deadline. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  givenMs = 15_000,
): Promise<T> {
  const timeoutMs = givenMs * PATIENCE;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
