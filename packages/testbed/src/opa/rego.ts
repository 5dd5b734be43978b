import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../world/commands.ts";

/** Evaluates Rego in a process of its own, one question after the other. */
export class Rego {
  readonly #child: ChildProcess;
  readonly #open: ((line: string) => void)[] = [];

  constructor() {
    const env = { ...process.env, PYTHONPATH: join(ROOT, ".tools/regorus"), PYTHONDONTWRITEBYTECODE: "1" };
    const child = spawn("python3", [join(import.meta.dirname, "rego.py")], {
      stdio: ["pipe", "pipe", "inherit"],
      env,
    });
    child.once("exit", (code) => {
      for (const answer of this.#open.splice(0)) answer(JSON.stringify({ error: `ended with ${code}` }));
    });
    createInterface({ input: child.stdout }).on("line", (line) => this.#open.shift()?.(line));
    this.#child = child;
  }

  /** Replaces all modules, or keeps them all where one is wrong. */
  async load(modules: Readonly<Record<string, string>>): Promise<void> {
    await this.#ask({ modules });
  }

  /** The value of a query; `undefined` where it has none. */
  async evaluate(query: string, input: unknown): Promise<unknown> {
    return await this.#ask({ query, input });
  }

  close(): void {
    this.#child.stdin?.end();
  }

  #ask(message: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#open.push((line) => {
        const answer = JSON.parse(line) as { readonly result?: unknown; readonly error?: string };
        if (answer.error === undefined) resolve(answer.result);
        else reject(new Error(answer.error));
      });
      this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
    });
  }
}
