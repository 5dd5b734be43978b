import { spawn } from "node:child_process";
import { patiently } from "../patience.ts";

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin?: string;
  /** Default 60 s; a command that takes longer is killed and answers with code 124. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end. Never rejects for a failing command: look at `code`. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    let timedOut = false;
    const timer = setTimeout(
      () => {
        timedOut = true;
        child.kill("SIGKILL");
      },
      patiently(options.timeoutMs ?? 60_000),
    );
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: timedOut ? 124 : (code ?? 137), stdout, stderr });
    });
    // A command that ends without reading its input breaks the pipe; that is its right.
    child.stdin.on("error", () => {});
    child.stdin.end(options.stdin ?? "");
  });
}
