import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { patiently } from "../patience.ts";

export interface ShellOptions {
  readonly env: Readonly<Record<string, string>>;
  /** The page's directory: where its files are and its commands run. */
  readonly cwd: string;
  /** Where scripts and outputs are kept. */
  readonly scratch: string;
}

export interface ScriptResult {
  /** Exit code of the last command, or of the first that failed. */
  readonly code: number;
  /** stdout and stderr as they came. */
  readonly output: string;
}

/**
 * One bash for a whole page, so that variables and background jobs live on from block to block, as they do for somebody
 * who follows the page by hand.
 */
export class PageShell {
  readonly #bash: ChildProcess;
  readonly #options: ShellOptions;
  readonly #ended: Promise<never>;
  #waiting: ((code: number) => void) | undefined;
  #count = 0;

  constructor(options: ShellOptions) {
    this.#options = options;
    mkdirSync(options.cwd, { recursive: true });
    mkdirSync(options.scratch, { recursive: true });
    this.#bash = spawn("bash", ["--norc", "--noprofile"], {
      cwd: options.cwd,
      env: options.env,
      stdio: ["pipe", "ignore", "ignore", "pipe"],
      detached: true,
    });
    this.#ended = new Promise((_, reject) =>
      this.#bash.once("exit", () => reject(new Error("the page's shell ended"))),
    );
    this.#ended.catch(() => {});
    const reports = this.#bash.stdio[3];
    if (reports instanceof Readable) {
      createInterface({ input: reports }).on("line", (line) => this.#waiting?.(Number(line)));
    }
    this.#send(`set -o pipefail; trap 'failed=\${failed:-$?}' ERR\n`);
  }

  /** Runs one block to its end, or fails after `timeoutMs`. */
  async run(script: string, timeoutMs = patiently(120_000)): Promise<ScriptResult> {
    const base = join(this.#options.scratch, String(this.#count++).padStart(3, "0"));
    writeFileSync(`${base}.sh`, script);
    const done = new Promise<number>((resolve) => {
      this.#waiting = resolve;
    });
    this.#send(
      `failed=; source '${base}.sh' >'${base}.out' 2>&1 </dev/null 3>&-; echo "\${failed:-$?}" >&3\n`,
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`not done after ${timeoutMs / 1000} s:\n${script}`)),
        timeoutMs,
      );
    });
    try {
      const code = await Promise.race([done, late, this.#ended]);
      return { code, output: readFileSync(`${base}.out`, "utf8") };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the shell itself; what it started in the background is the world's to clear. */
  close(): void {
    this.#bash.stdin?.end();
    this.#bash.kill("SIGKILL");
  }

  #send(text: string): void {
    this.#bash.stdin?.write(text);
  }
}
