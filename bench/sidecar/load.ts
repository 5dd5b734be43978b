import { fileURLToPath } from "node:url";
import { run } from "@skein/testbed/process/run";
import type { LoadOrder, LoadResult } from "./load-process.ts";

const PROGRAM = fileURLToPath(new URL("./load-process.ts", import.meta.url));
const STARTING_SECONDS = 60;

/**
 * Runs the load generator in a process of its own, whose command line `within` may change to one that runs it elsewhere.
 *
 * @throws Error where a request was not answered well
 */
export async function load(
  order: LoadOrder,
  within: (words: readonly string[]) => readonly string[] = (words) => words,
): Promise<LoadResult> {
  const [program = "", ...args] = within([process.execPath, PROGRAM, JSON.stringify(order)]);
  const { code, stdout, stderr } = await run(program, args, {
    env: { PATH: process.env.PATH ?? "" },
    cwd: process.cwd(),
    timeoutMs: (order.seconds + STARTING_SECONDS) * 1000,
  });
  if (code !== 0) throw new Error(`the load generator ended with ${code}: ${stderr}`);
  const result = JSON.parse(stdout) as LoadResult;
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.requests} requests failed`);
  return result;
}
