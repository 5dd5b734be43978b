/** Deadlines are so many times as long: for a machine that is slow altogether. See CONTRIBUTING.md. */
const PATIENCE = Number(process.env.SKEIN_TESTBED_PATIENCE || 1);

/** Polls until `condition` holds. @throws after the deadline, with what it waited for */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  givenMs = 10_000,
): Promise<void> {
  const deadlineMs = givenMs * PATIENCE;
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
