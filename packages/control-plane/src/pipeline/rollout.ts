import type { IdentityStage } from "../plan/identities.ts";

export interface RolloutOptions {
  /** Every proxy of the mesh has acknowledged all it should hold, and has the certificates that it will need. */
  readonly isSettled: (mesh: string) => boolean;
  readonly setStage: (mesh: string, issuer: string, stage: IdentityStage | undefined) => void;
  /** After this long the next stage begins all the same: one broken proxy must not hold up a mesh. */
  readonly stageTimeoutMs: number;
  readonly onTimeout: (mesh: string, issuer: string, stage: IdentityStage) => void;
  /**
   * How long connections may take that were begun before their proxies acknowledged something; 0 where nobody is
   * connected. A connection keeps the trust and the kind of encryption that it was begun with, and may wait in a busy
   * server's queue until after that server was told to go on.
   */
  readonly lingerMs: (mesh: string) => number;
}

interface Rollout {
  readonly mesh: string;
  readonly issuer: string;
  stage: IdentityStage;
  timer: NodeJS.Timeout | undefined;
  /** Everybody has acknowledged the stage; connections begun before that are waited for. */
  lingers: boolean;
  readonly finished: () => void;
}

/** Something that has to wait until a mesh is settled. */
interface Wait {
  readonly mesh: string;
  readonly then: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** Stages after which something is refused that was taken before: the old trust, and plaintext. */
const BEFORE_A_REFUSAL: ReadonlySet<IdentityStage> = new Set(["announced", "calling"]);

const NEXT: Readonly<Record<IdentityStage, IdentityStage | undefined>> = {
  announced: "serving",
  serving: "calling",
  calling: "enforced",
  enforced: undefined,
};

/**
 * Takes issuers of certificates through their stages: each begins when every proxy has acknowledged the one before, so
 * at no moment does a client offer what its server does not take, or a server demand what its client does not have.
 */
export class Rollouts {
  readonly #options: RolloutOptions;
  readonly #rollouts = new Map<string, Rollout>();
  readonly #waits = new Set<Wait>();
  readonly #lingering = new Set<Wait>();

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /** An issuer became ready; `finished` is called when everybody has acknowledged that it is enforced, or it is gone. */
  start(mesh: string, issuer: string, finished: () => void): void {
    if (this.#rollouts.has(issuer)) {
      finished();
      return;
    }
    const rollout: Rollout = { mesh, issuer, stage: "announced", timer: undefined, lingers: false, finished };
    this.#rollouts.set(issuer, rollout);
    this.#enter(rollout, "announced");
  }

  /** An issuer is ready no more. */
  stop(issuer: string): void {
    const rollout = this.#rollouts.get(issuer);
    if (rollout === undefined) return;
    clearTimeout(rollout.timer);
    this.#rollouts.delete(issuer);
    this.#options.setStage(rollout.mesh, issuer, undefined);
    rollout.finished();
  }

  stage(issuer: string): IdentityStage | undefined {
    return this.#rollouts.get(issuer)?.stage;
  }

  /**
   * Calls `then` once every proxy of the mesh has acknowledged all it should hold: at the next progress at the
   * earliest, and at the latest when a stage would begin all the same.
   */
  whenSettled(mesh: string, issuer: string, then: () => void): void {
    const wait: Wait = { mesh, then, timer: undefined };
    const { stageTimeoutMs, onTimeout } = this.#options;
    wait.timer = setTimeout(() => {
      onTimeout(mesh, issuer, this.stage(issuer) ?? "announced");
      this.#end(wait);
    }, stageTimeoutMs);
    wait.timer.unref();
    this.#waits.add(wait);
  }

  /** As `whenSettled`, and once the connections have come about that were begun before that. */
  whenQuiet(mesh: string, issuer: string, then: () => void): void {
    this.whenSettled(mesh, issuer, () => {
      const ms = this.#options.lingerMs(mesh);
      if (ms === 0) return then();
      const wait: Wait = { mesh, then, timer: undefined };
      wait.timer = setTimeout(() => {
        this.#lingering.delete(wait);
        then();
      }, ms);
      this.#lingering.add(wait);
    });
  }

  /** Something was acknowledged: whoever waited for that moves on. */
  progress(): void {
    for (const wait of [...this.#waits]) if (this.#options.isSettled(wait.mesh)) this.#end(wait);
    for (const rollout of this.#rollouts.values()) {
      if (rollout.stage === "enforced" || rollout.lingers) continue;
      if (this.#options.isSettled(rollout.mesh)) this.#acknowledged(rollout);
    }
  }

  close(): void {
    for (const { timer } of this.#rollouts.values()) clearTimeout(timer);
    for (const { timer } of this.#waits) clearTimeout(timer);
    for (const { timer } of this.#lingering) clearTimeout(timer);
    this.#waits.clear();
    this.#lingering.clear();
  }

  #end(wait: Wait): void {
    clearTimeout(wait.timer);
    if (this.#waits.delete(wait)) wait.then();
  }

  #acknowledged(rollout: Rollout): void {
    const ms = BEFORE_A_REFUSAL.has(rollout.stage) ? this.#options.lingerMs(rollout.mesh) : 0;
    if (ms === 0) {
      this.#advance(rollout);
      return;
    }
    clearTimeout(rollout.timer);
    rollout.lingers = true;
    rollout.timer = setTimeout(() => this.#advance(rollout), ms);
  }

  #advance(rollout: Rollout): void {
    const next = NEXT[rollout.stage];
    if (next !== undefined) this.#enter(rollout, next);
  }

  #enter(rollout: Rollout, stage: IdentityStage): void {
    const { setStage, stageTimeoutMs, onTimeout } = this.#options;
    clearTimeout(rollout.timer);
    rollout.stage = stage;
    rollout.lingers = false;
    setStage(rollout.mesh, rollout.issuer, stage);
    if (stage === "enforced") {
      // Until the last server has acknowledged, some still take plaintext.
      this.whenSettled(rollout.mesh, rollout.issuer, rollout.finished);
      return;
    }
    rollout.timer = setTimeout(() => {
      onTimeout(rollout.mesh, rollout.issuer, stage);
      this.#advance(rollout);
    }, stageTimeoutMs);
    rollout.timer.unref();
  }
}
