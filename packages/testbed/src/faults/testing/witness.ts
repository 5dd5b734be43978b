import assert from "node:assert/strict";
import { startTraffic, summary, type Traffic } from "../../traffic.ts";

/** What {@link withTraffic} lets its body see. */
export type Witness = Pick<Traffic, "report">;

/** Sends requests all through `body`, and asserts that not one of them failed. */
export async function withTraffic<T>(
  options: { readonly url: string; readonly rate: number },
  body: (witness: Witness) => Promise<T>,
): Promise<T> {
  const traffic = startTraffic(options);
  let result: T;
  try {
    result = await body(traffic);
  } finally {
    await traffic.stop();
  }
  const report = traffic.report();
  assert.ok(report.sent > 10, summary(report));
  assert.deepEqual(report.failures, [], summary(report));
  return result;
}
