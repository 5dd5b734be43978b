import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { patiently } from "../patience.ts";
import { tail } from "./logs.ts";

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Gets both stdout and stderr; appended to, so that a restart keeps what came before. */
  readonly logFile: string;
  /** Outlive this process: for worlds that a command sets up and leaves running. */
  readonly detach?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of a world, in a process group of its own, so that a Ctrl-C on the terminal does not hit it first. */
export class Child {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;

  /** @throws Error when the command cannot be started at all. */
  static async start(options: ChildOptions): Promise<Child> {
    mkdirSync(dirname(options.logFile), { recursive: true });
    const log = openSync(options.logFile, "a");
    try {
      const child = spawn(options.command, options.args, {
        cwd: options.cwd,
        env: options.env,
        stdio: ["ignore", log, log],
        detached: true,
      });
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", reject);
      });
      if (options.detach === true) child.unref();
      return new Child(options, child);
    } finally {
      closeSync(log);
    }
  }

  private constructor(options: ChildOptions, child: ChildProcess) {
    if (child.pid === undefined) throw new Error(`${options.name} has no pid`);
    this.name = options.name;
    this.pid = child.pid;
    this.logFile = options.logFile;
    this.#process = child;
    this.exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) process.kill(this.pid, signal);
  }

  /** SIGTERM, and after the grace period SIGKILL for it and its group. Resolves when it is gone. */
  async stop(graceMs = 5_000): Promise<Exit> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.#killGroup(), patiently(graceMs));
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGKILL, as an out-of-memory killer would do it: no grace, and not for its children. */
  async kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return await this.exited;
  }

  tail(lines?: number): string {
    return tail(this.logFile, lines);
  }

  #killGroup(): void {
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      this.signal("SIGKILL");
    }
  }
}
