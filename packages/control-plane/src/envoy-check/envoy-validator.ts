import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { harmless } from "./harmless.ts";

/** What Envoy says of a configuration. */
export type EnvoyVerdict =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused"; readonly message: string }
  /** It could not be asked. */
  | { readonly kind: "unknown"; readonly reason: string };

export interface EnvoyValidatorOptions {
  /** Path of the binary. */
  readonly envoy: string;
  /** How long one question may take. */
  readonly timeoutMs: number;
}

/** Asks an Envoy whether it would take a configuration. One question at a time, each a process of its own. */
export class EnvoyValidator {
  readonly #options: EnvoyValidatorOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: EnvoyValidatorOptions) {
    this.#options = options;
  }

  /** `bootstrap` is a whole bootstrap as JSON; see `staticBootstrap`. Never rejects. */
  validate(bootstrap: unknown): Promise<EnvoyVerdict> {
    const checked = harmless(bootstrap);
    if (checked.kind !== "harmless") return Promise.resolve({ kind: "unknown", reason: checked.reason });
    const verdict = this.#last.then(() => this.#ask(checked.config));
    this.#last = verdict;
    return verdict;
  }

  async #ask(config: unknown): Promise<EnvoyVerdict> {
    let directory: string | undefined;
    try {
      directory = await mkdtemp(join(tmpdir(), "skein-envoy-check-"));
      const file = join(directory, "config.json");
      await writeFile(file, JSON.stringify(config), { mode: 0o600 });
      return await this.#run(directory, file);
    } catch (error) {
      return { kind: "unknown", reason: error instanceof Error ? error.message : String(error) };
    } finally {
      if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    }
  }

  #run(directory: string, file: string): Promise<EnvoyVerdict> {
    const { envoy, timeoutMs } = this.#options;
    const options = ["--mode", "validate", "-c", file, "-l", "critical"];
    const child = spawn(envoy, [...options, "--disable-hot-restart", "--concurrency", "1"], {
      cwd: directory,
      env: {},
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    let isLate = false;
    child.stderr.on("data", (chunk: Buffer) => {
      if (output.length < 100_000) output += chunk.toString();
    });
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    return new Promise((resolve) => {
      child.once("error", (error) => {
        clearTimeout(timer);
        resolve({ kind: "unknown", reason: `${envoy} does not run: ${error.message}` });
      });
      child.once("close", (code, signal) => {
        clearTimeout(timer);
        if (isLate) resolve({ kind: "unknown", reason: `Envoy did not answer within ${timeoutMs} ms` });
        else if (code === 0) resolve({ kind: "accepted" });
        else if (signal !== null) resolve({ kind: "refused", message: `Envoy crashes on it (${signal})` });
        else resolve(readComplaint(output, code));
      });
    });
  }
}

/** Envoy's own words, without the marks of its log. */
function readComplaint(output: string, code: number | null): EnvoyVerdict {
  const complaint = /error initializing configuration '[^']*': ([\s\S]*)/.exec(output)?.[1];
  if (complaint === undefined) return { kind: "unknown", reason: `Envoy ended with code ${code}` };
  const message = (complaint.split(/\n\[\d{4}-/)[0] ?? complaint).trim().replaceAll(/\s*\n\s*/g, " ");
  return { kind: "refused", message: message.length > 1_000 ? `${message.slice(0, 1_000)}…` : message };
}
