import { getOrMake } from "../get-or-make.ts";
/** The two things that an agent fetches. */
export type AgentPart = "bundle" | "discovery";

export interface AgentKey {
  readonly mesh: string;
  readonly name: string;
}

interface Version {
  /** The version that the agent named when it last asked; it names one when it decides by it. */
  named: string | undefined;
  /** The version that was handed out since. */
  handed: string | undefined;
}

interface Agent {
  readonly parts: Map<AgentPart, Version>;
  readonly holds: Set<() => void>;
}

export interface AgentVersionsOptions {
  /** The versions that an agent should have; a part that it need not have is not there. */
  readonly wanted: (agent: AgentKey) => ReadonlyMap<AgentPart, string>;
  /** How long a change waits for an agent, in milliseconds. */
  readonly patienceMs: number;
  readonly log: { warn(message: string, fields?: Readonly<Record<string, unknown>>): void };
}

/**
 * Follows which version of its rules each agent decides by, so that a change is settled when they do. An agent that has
 * taken a version up names it in its next question; one that could not names another, or none.
 */
export class AgentVersions {
  readonly #options: AgentVersionsOptions;
  readonly #agents = new Map<string, Agent>();

  constructor(options: AgentVersionsOptions) {
    this.#options = options;
  }

  /** An agent asks for a part, and says which version it has. */
  asked(key: AgentKey, part: AgentPart, named: string | undefined): void {
    const agent = this.#agent(key);
    const { handed } = agent.parts.get(part) ?? {};
    agent.parts.set(part, { named, handed: undefined });
    if (handed !== undefined && handed !== named) {
      if (agent.holds.size > 0) {
        this.#options.log.warn("an agent did not take up its rules, see its own log", { ...key, part });
      }
      this.#release(agent);
      return;
    }
    if (this.#isCurrent(key, agent)) this.#release(agent);
  }

  /** An agent was given a version of a part. */
  handed(key: AgentKey, part: AgentPart, version: string): void {
    const known = this.#agent(key).parts.get(part);
    if (known !== undefined) known.handed = version;
  }

  /** Ends when an agent decides by what it should, has refused to, or has taken too long. */
  hold(key: AgentKey, release: () => void): void {
    const agent = this.#agent(key);
    const end = () => {
      clearTimeout(timer);
      agent.holds.delete(end);
      release();
    };
    const timer = setTimeout(() => {
      this.#options.log.warn("an agent has not asked for its new rules", { ...key });
      end();
    }, this.#options.patienceMs);
    timer.unref();
    agent.holds.add(end);
  }

  /** An agent's proxy is gone. */
  forget(key: AgentKey): void {
    const agent = this.#agents.get(id(key));
    if (agent !== undefined) this.#release(agent);
    this.#agents.delete(id(key));
  }

  /** Nobody is waited for any more. */
  close(): void {
    for (const agent of this.#agents.values()) this.#release(agent);
  }

  #isCurrent(key: AgentKey, { parts, holds }: Agent): boolean {
    if (holds.size === 0) return false;
    for (const [part, version] of this.#options.wanted(key)) {
      if (parts.get(part)?.named !== version) return false;
    }
    return true;
  }

  #release({ holds }: Agent): void {
    for (const end of [...holds]) end();
  }

  #agent(key: AgentKey): Agent {
    return getOrMake(this.#agents, id(key), (): Agent => ({ parts: new Map(), holds: new Set() }));
  }
}

function id({ mesh, name }: AgentKey): string {
  return `${mesh}/${name}`;
}
