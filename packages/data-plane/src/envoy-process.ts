import { type ChildProcess, spawn } from "node:child_process";
import type { CallAdmin } from "./envoy-admin.ts";
import type { LaunchPlan } from "./launch-plan.ts";
import type { Logger } from "./log.ts";
import { decideRestart, type EnvoyExit, type RestartState } from "./restart-policy.ts";
import { pause } from "./wait.ts";

const START_PROBE_MS = 100;
const KILL_AFTER_MS = 5_000;

/**
 * Keeps one Envoy running. It has a process group of its own, so that Ctrl-C in a terminal reaches the launcher only
 * and inbound requests can still be drained; its output goes where ours goes.
 */
export class EnvoyProcess {
  readonly #plan: LaunchPlan;
  readonly #admin: CallAdmin;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #state: RestartState = { crashes: 0, everStarted: false };

  constructor(plan: LaunchPlan, admin: CallAdmin, log: Logger) {
    this.#plan = plan;
    this.#admin = admin;
    this.#log = log;
  }

  /** Process id of the Envoy that runs now. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Runs Envoy, again after each crash. Resolves with the launcher's exit code: 0 after {@link stop}, 1 when starting
   * it once more makes no sense.
   */
  async run(): Promise<number> {
    for (;;) {
      const exit = await this.#runOnce();
      if (this.#stopping.signal.aborted) return 0;
      const decision = decideRestart(this.#state, exit);
      if (decision.kind === "give-up") {
        this.#log.error(decision.reason);
        return 1;
      }
      this.#state = { ...this.#state, crashes: decision.crashes };
      this.#log.error("Envoy ended by itself; starting it again", {
        code: exit.code ?? undefined,
        signal: exit.signal ?? undefined,
        crashes: decision.crashes,
        delayMs: decision.delayMs,
      });
      await pause(decision.delayMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return 0;
    }
  }

  /** Ends Envoy at once, by force if it does not obey. {@link run} resolves when it is gone. */
  stop(): void {
    this.#stopping.abort();
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
    child.once("exit", () => clearTimeout(timer));
  }

  async #runOnce(): Promise<EnvoyExit> {
    const started = performance.now();
    const { file, args } = this.#plan.command;
    const { NODE_COMPILE_CACHE: _unused, ...env } = process.env;
    const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit"], detached: true, env });
    this.#child = child;
    const ended = new Promise<EnvoyExit>((resolve) => {
      const finish = (code: number | null, signal: string | null) =>
        resolve({ code, signal, uptimeMs: performance.now() - started });
      child.once("exit", finish);
      child.once("error", (error) => {
        this.#log.error("Envoy cannot be started", { file, reason: error.message });
        finish(127, null);
      });
    });
    const gone = new AbortController();
    const noticed = this.#noticeStart(gone.signal);
    const exit = await ended;
    this.#child = undefined;
    gone.abort();
    await noticed;
    return exit;
  }

  /** The admin interface answers as soon as the bootstrap is accepted, long before the first configuration. */
  async #noticeStart(gone: AbortSignal): Promise<void> {
    while (!gone.aborted && !this.#state.everStarted) {
      try {
        await this.#admin("GET", "/ready");
        this.#state = { ...this.#state, everStarted: true };
      } catch {
        await pause(START_PROBE_MS, gone);
      }
    }
  }
}
