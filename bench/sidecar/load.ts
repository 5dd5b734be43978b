import { fork } from "node:child_process";
import type { LoadOrder, LoadResult } from "./load-process.ts";

/** Runs the load generator in a process of its own. */
export async function load(order: LoadOrder): Promise<LoadResult> {
  const child = fork(new URL("./load-process.ts", import.meta.url), { stdio: "inherit" });
  try {
    return await new Promise<LoadResult>((resolve, reject) => {
      child.once("message", ({ result, error }: { result?: LoadResult; error?: string }) => {
        if (result === undefined) reject(new Error(`the load generator failed: ${error}`));
        else if (result.failures > 0)
          reject(new Error(`${result.failures} of ${result.requests} requests failed`));
        else resolve(result);
      });
      child.once("exit", (code) => reject(new Error(`the load generator ended with ${code}`)));
      child.send(order);
    });
  } finally {
    if (child.connected) child.disconnect();
  }
}
