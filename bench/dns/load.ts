import { fork } from "node:child_process";
import type { DnsLoadOrder, DnsLoadResult } from "./load-process.ts";

/** Runs the load generator in a process of its own. @throws Error where a question was not answered */
export async function dnsLoad(order: DnsLoadOrder): Promise<DnsLoadResult> {
  const child = fork(new URL("./load-process.ts", import.meta.url), { stdio: "inherit" });
  try {
    return await new Promise<DnsLoadResult>((resolve, reject) => {
      child.once("message", ({ result, error }: { result?: DnsLoadResult; error?: string }) => {
        if (result === undefined) reject(new Error(`the load generator failed: ${error}`));
        else if (result.failures > 0)
          reject(new Error(`${result.failures} of ${result.answers} questions failed`));
        else resolve(result);
      });
      child.once("exit", (code) => reject(new Error(`the load generator ended with ${code}`)));
      child.send(order);
    });
  } finally {
    if (child.connected) child.disconnect();
  }
}
