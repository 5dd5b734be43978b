import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./until.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** A launcher that a test started, with all that it wrote. */
export class Launched implements AsyncDisposable {
  readonly child: ChildProcess;
  #output = "";

  /** `temporary` becomes its TMPDIR, so that a test sees what is left behind. */
  constructor(args: readonly string[], temporary: string, env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, TMPDIR: temporary, ...env },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString("utf8");
      });
    }
  }

  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Resolves with the exit code, or with the name of the signal that ended it. */
  async ended(): Promise<number | string> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    return this.child.exitCode ?? this.child.signalCode ?? -1;
  }

  /** Process id of its Envoy. */
  envoyPid(): Promise<number> {
    return until("the launcher has an Envoy", () =>
      childrenOf(this.pid).find((pid) => commandOf(pid).includes("envoy")),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const children = childrenOf(this.pid);
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGKILL");
      await this.ended();
    }
    for (const pid of children) await until(`process ${pid} is gone`, () => !isRunning(pid));
  }
}

/** Whether a process exists and has not ended. */
export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Resident memory in MB: all of it, and the part that belongs to this process alone. */
export function memoryOf(pid: number): { readonly rss: number; readonly anonymous: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const read = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(rollup)?.[1] ?? 0) / 1024;
  return { rss: read("Rss"), anonymous: read("Anonymous") };
}

function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, "utf8").trim().split(" ").filter(Boolean).map(Number) : [];
}

/** The command line of a process, separated by blanks. */
export function commandOf(pid: number): string {
  const file = join("/proc", String(pid), "cmdline");
  return existsSync(file) ? readFileSync(file, "utf8").replaceAll("\0", " ") : "";
}
