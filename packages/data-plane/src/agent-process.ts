import { type ChildProcess, spawn } from "node:child_process";
import type { Command } from "./envoy-command.ts";
import { messageOf } from "./launch-error.ts";
import type { Logger } from "./log.ts";
import { pause } from "./wait.ts";

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;
/** An agent that ran this long was healthy. */
const STABLE_MS = 60_000;
const KILL_AFTER_MS = 5_000;

/**
 * Keeps the authorization agent running until it is stopped, however often it ends: Envoy answers for it meanwhile, as the
 * policy says. Unlike Envoy's, its end is not the proxy's.
 */
export class AgentProcess {
  readonly #command: Command;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #child: ChildProcess | undefined;

  constructor(command: Command, log: Logger) {
    this.#command = command;
    this.#log = log;
    this.#done = this.#run();
  }

  /** Ends the agent, by force if it does not obey; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill("SIGTERM");
    const timer = setTimeout(() => this.#child?.kill("SIGKILL"), KILL_AFTER_MS);
    await this.#done;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    for (let crashes = 0; !this.#stopping.signal.aborted; ) {
      const started = performance.now();
      const reason = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      crashes = performance.now() - started >= STABLE_MS ? 0 : crashes + 1;
      const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, crashes - 1), MAX_DELAY_MS);
      this.#log.error("the authorization agent ended; starting it again", { reason, delayMs });
      await pause(delayMs, this.#stopping.signal);
    }
  }

  #runOnce(): Promise<string> {
    return new Promise((resolve) => {
      const { NODE_COMPILE_CACHE: _unused, ...env } = process.env;
      const { file, args } = this.#command;
      const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit"], detached: true, env });
      this.#child = child;
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.once("error", (error) => resolve(messageOf(error)));
    });
  }
}
