import { join } from "node:path";
import { isOk } from "../net/http.ts";
import { ownerOf } from "../net/owner.ts";
import { until } from "../poll.ts";
import { Child } from "../process/child.ts";
import { tail } from "../process/logs.ts";
import { type Part, type Parts, partsIn } from "./part.ts";
import type { Site } from "./site.ts";

/** The processes of a world: those that this one started, and what is known of those that others did. */
export class Processes {
  readonly #site: Site;
  readonly #env: Readonly<Record<string, string>>;
  readonly #detach: boolean;
  readonly #parts: Parts;
  readonly #children = new Map<string, Child>();

  /** @param env of every process @param detach they outlive this process */
  constructor(site: Site, env: Readonly<Record<string, string>>, detach: boolean) {
    this.#site = site;
    this.#env = env;
    this.#detach = detach;
    this.#parts = partsIn(site.dir);
  }

  /** Started so far, by this process or by others. */
  get parts(): readonly Part[] {
    return this.#parts.list();
  }

  /** Starts one and writes it down. Not waited for. @param host number of its address in the block */
  async start(
    kind: Part["kind"],
    name: string,
    command: readonly string[],
    settings: Readonly<Record<string, string>>,
    host?: number,
  ): Promise<Child> {
    const [program = "", ...args] = command;
    const logFile = join(
      this.#site.dir,
      "logs",
      kind === "control-plane" ? `${kind}.log` : `${kind}-${name}.log`,
    );
    const env = { ...this.#env, ...settings };
    const child = await Child.start({
      name,
      command: program,
      args,
      env,
      cwd: this.#site.dir,
      logFile,
      detach: this.#detach,
    });
    const owner = ownerOf(child.pid) ?? { pid: child.pid, startedAt: "" };
    this.#parts.record({ name, kind, owner, logFile, ...(host === undefined ? {} : { host }) });
    this.#children.set(`${kind}/${name}`, child);
    return child;
  }

  /** One that this process started. */
  child(kind: Part["kind"], name: string = kind): Child {
    const child = this.#children.get(`${kind}/${name}`);
    if (child === undefined) throw new Error(`the ${kind} ${name} was not started by this process`);
    return child;
  }

  /** One that runs, whoever started it. */
  running(kind: Part["kind"], name: string): Part | undefined {
    return this.#parts.running(kind, name);
  }

  forget(kind: Part["kind"], name: string): void {
    this.#parts.forget(kind, name);
  }

  /** A host number that no process has. */
  freeHost(): number {
    const taken = new Set(this.parts.map((part) => part.host));
    for (let host = 11; host < 100; host++) if (!taken.has(host)) return host;
    throw new Error("a world holds at most 89 services");
  }

  /** The last lines of every process's log, for a failure's message. */
  logs(lines: number): string {
    return this.parts
      .map((part) => `--- ${part.kind} ${part.name} (pid ${part.owner.pid})\n${tail(part.logFile, lines)}`)
      .join("\n");
  }

  /** Ends those that this process started, the control plane last. */
  async stop(): Promise<void> {
    const children = [...this.#children.values()];
    await Promise.all(
      children.filter((child) => child.name !== "control-plane").map((child) => child.stop(2_000)),
    );
    await this.#children.get("control-plane/control-plane")?.stop(5_000);
  }
}

/** Waits until `url` answers 200. @throws Error with the end of its log when the process does not get there */
export async function untilAnswers(child: Child, url: string, timeoutMs: number): Promise<void> {
  const died = child.exited.then(({ code, signal }) => {
    throw new Error(
      `${child.name} ended (${signal ?? `exit code ${code}`}) before ${url} answered:\n${child.tail()}`,
    );
  });
  const ready = until(`${url} answers 200`, () => isOk(url), { timeoutMs }).catch((error: unknown) => {
    throw new Error(`${child.name} is not ready: ${String(error)}\n${child.tail()}`, { cause: error });
  });
  await Promise.race([ready, died]);
  died.catch(() => {});
}
