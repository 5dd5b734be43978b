import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "../process/child.ts";
import { type Output, run } from "../process/run.ts";
import { setFile, setResolvers } from "./namespace.ts";

/** Whose process it is; a process without this is root's. */
export interface RunAs {
  readonly uid: number;
  /** Default: the uid's number. */
  readonly gid?: number;
}

/** How a command runs in a host. */
export interface HostRunOptions {
  readonly as?: RunAs;
  /** Beside `PATH`, which is this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the network's directory. */
  readonly cwd?: string;
}

interface HostSite {
  readonly name: string;
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly dir: string;
}

/** One host of a {@link Network}: a network namespace with loopback, `eth0`, and a `resolv.conf` of its own. */
export class NetworkHost {
  readonly name: string;
  /** Name of its namespace, for `ip netns`. */
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly #dir: string;
  readonly #children: Child[] = [];

  constructor(site: HostSite) {
    this.name = site.name;
    this.namespace = site.namespace;
    this.ipv4 = site.ipv4;
    this.ipv6 = site.ipv6;
    this.#dir = site.dir;
  }

  /**
   * The words that run a command in this host, for whoever starts processes in a way of their own. The process that
   * they start is the command itself: its pid, its exit code, its signals.
   */
  command(words: readonly string[], as?: RunAs): readonly string[] {
    const identity =
      as === undefined
        ? []
        : [
            "setpriv",
            `--reuid=${as.uid}`,
            `--regid=${as.gid ?? as.uid}`,
            "--clear-groups",
            "--inh-caps=-all",
            "--",
            // setpriv looks programs up with what root may; env does it with what the user may.
            "env",
          ];
    return ["ip", "netns", "exec", this.namespace, ...identity, ...words];
  }

  /** Runs a command to its end. Never rejects for a failing command: look at `code`. */
  async run(
    words: readonly string[],
    options: HostRunOptions & { readonly stdin?: string; readonly timeoutMs?: number } = {},
  ): Promise<Output> {
    const { as, env, cwd, ...rest } = options;
    const [program = "", ...args] = this.command(words, as);
    return await run(program, args, { ...rest, env: this.#environment(env), cwd: cwd ?? this.#dir });
  }

  /** As `run`, but a command that fails is an error with its output. Answers what it printed. */
  async check(words: readonly string[], options: Parameters<NetworkHost["run"]>[1] = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(words, options);
    if (code !== 0)
      throw new Error(`${words.join(" ")} ended with ${code} in ${this.name}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Starts a process; its output is in `logs/<host>-<name>.log` of the network's directory. */
  async start(name: string, words: readonly string[], options: HostRunOptions = {}): Promise<Child> {
    const [command = "", ...args] = this.command(words, options.as);
    const child = await Child.start({
      name: `${this.name}/${name}`,
      command,
      args,
      env: this.#environment(options.env),
      cwd: options.cwd ?? this.#dir,
      logFile: join(this.#dir, "logs", `${this.name}-${name}.log`),
    });
    this.#children.push(child);
    return child;
  }

  /** Has the host look names up at these servers; none to begin with. */
  resolvers(addresses: readonly string[]): void {
    setResolvers(this.namespace, addresses);
  }

  /** The last lines of what its processes wrote. */
  logs(lines?: number): string {
    return this.#children
      .map((child) => `--- ${child.name} (pid ${child.pid})\n${child.tail(lines)}\n`)
      .join("");
  }

  /** Adds users to those of this machine, for processes that are started from now on. */
  users(users: readonly { readonly name: string; readonly uid: number }[]): void {
    const lines = users.map(({ name, uid }) => `${name}:x:${uid}:${uid}::/:/usr/sbin/nologin\n`);
    setFile(this.namespace, "passwd", `${readFileSync("/etc/passwd", "utf8")}${lines.join("")}`);
  }

  /** Resolves when every started process is gone. */
  async ended(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.exited));
  }

  #environment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", ...env };
  }
}
