import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { NetworkHost } from "../net/network-host.ts";
import { until } from "../poll.ts";
import type { Connections, LoadReport } from "./load.ts";
import { APP_UID } from "./transparent-scene.ts";

const PROGRAM = fileURLToPath(new URL("load-process.ts", import.meta.url));

/** GET requests that an application of a host sends, by its host's DNS and rules. */
export interface HostLoad {
  readonly name: string;
  /** Waits until so many requests more were sent. */
  goesOn(requests?: number): Promise<void>;
  /** Stops and reports. */
  stop(): Promise<LoadReport>;
}

/** Starts a load in a host. `name` is of its log. */
export async function loadInHost(
  host: NetworkHost,
  name: string,
  url: string,
  { connections = "new", rate = 20 }: { readonly connections?: Connections; readonly rate?: number } = {},
): Promise<HostLoad> {
  const words = [process.execPath, "--max-old-space-size=64", PROGRAM, url, connections, String(rate)];
  const child = await host.start(name, words, { as: { uid: APP_UID } });
  const report = (): LoadReport => {
    const line = readFileSync(child.logFile, "utf8").trimEnd().split("\n").at(-1) ?? "";
    return line.startsWith("{") ? (JSON.parse(line) as LoadReport) : { sent: 0, failures: [] };
  };
  return {
    name,
    goesOn: async (requests = 40) => {
      const before = report().sent;
      await until(`${requests} requests more are sent to ${url}`, () => report().sent >= before + requests, {
        timeoutMs: 60_000,
      });
    },
    stop: async () => {
      await child.stop(30_000);
      return report();
    },
  };
}
