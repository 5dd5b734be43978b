import type { IdentityStage } from "../plan/identities.ts";

export interface RolloutOptions {
  /** Every proxy of the mesh has acknowledged all it should hold, and has the certificates that it will need. */
  readonly isSettled: (mesh: string) => boolean;
  readonly setStage: (mesh: string, issuer: string, stage: IdentityStage | undefined) => void;
  /** After this long the next stage begins all the same: one broken proxy must not hold up a mesh. */
  readonly stageTimeoutMs: number;
  readonly onTimeout: (mesh: string, issuer: string, stage: IdentityStage) => void;
}

interface Rollout {
  readonly mesh: string;
  readonly issuer: string;
  stage: IdentityStage;
  timer: NodeJS.Timeout | undefined;
  readonly finished: () => void;
}

/** Something that has to wait until a mesh is settled. */
interface Wait {
  readonly mesh: string;
  readonly then: () => void;
  timer: NodeJS.Timeout | undefined;
}

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

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /** An issuer became ready; `finished` is called when everybody has acknowledged that it is enforced, or it is gone. */
  start(mesh: string, issuer: string, finished: () => void): void {
    if (this.#rollouts.has(issuer)) {
      finished();
      return;
    }
    const rollout: Rollout = { mesh, issuer, stage: "announced", timer: undefined, finished };
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

  /** Something was acknowledged: whoever waited for that moves on. */
  progress(): void {
    for (const wait of [...this.#waits]) if (this.#options.isSettled(wait.mesh)) this.#end(wait);
    for (const rollout of this.#rollouts.values()) {
      if (rollout.stage !== "enforced" && this.#options.isSettled(rollout.mesh)) this.#advance(rollout);
    }
  }

  close(): void {
    for (const { timer } of this.#rollouts.values()) clearTimeout(timer);
    for (const { timer } of this.#waits) clearTimeout(timer);
    this.#waits.clear();
  }

  #end(wait: Wait): void {
    clearTimeout(wait.timer);
    if (this.#waits.delete(wait)) wait.then();
  }

  #advance(rollout: Rollout): void {
    const next = NEXT[rollout.stage];
    if (next !== undefined) this.#enter(rollout, next);
  }

  #enter(rollout: Rollout, stage: IdentityStage): void {
    const { setStage, stageTimeoutMs, onTimeout } = this.#options;
    clearTimeout(rollout.timer);
    rollout.stage = stage;
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
