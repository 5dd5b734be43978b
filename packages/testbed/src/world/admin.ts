import { request } from "node:http";
import { patiently } from "../patience.ts";

/** Asks an Envoy over its admin socket. @throws Error when it does not answer with 200 */
export function askAdmin(socketPath: string, path: string, method = "GET"): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method, timeout: patiently(5_000) }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () =>
        answer.statusCode === 200
          ? resolve(text)
          : reject(new Error(`${path}: ${answer.statusCode} ${text}`)),
      );
      answer.on("error", reject);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${path}: no answer in time`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Envoy's counters and gauges by name, `filter` being the admin endpoint's regular expression. */
export async function adminStats(socketPath: string, filter: string): Promise<ReadonlyMap<string, number>> {
  const text = await askAdmin(socketPath, `/stats?filter=${encodeURIComponent(filter)}`);
  const stats = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, value] = line.split(": ");
    if (name !== undefined && value !== undefined && /^\d+$/.test(value)) stats.set(name, Number(value));
  }
  return stats;
}
