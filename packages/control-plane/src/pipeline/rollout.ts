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
  /** What the next stage waits for. */
  wait: Wait | undefined;
  readonly finished: () => void;
}

/** Something that has to wait until a mesh is settled. */
interface Wait {
  readonly mesh: string;
  /** Connections begun before that are waited for too. */
  readonly isQuiet: boolean;
  readonly then: () => void;
  timer: NodeJS.Timeout | undefined;
  /** The mesh is settled; such connections are being waited for. */
  lingers: boolean;
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

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /** An issuer became ready; `finished` is called when everybody has acknowledged that it is enforced, or it is gone. */
  start(mesh: string, issuer: string, finished: () => void): void {
    if (this.#rollouts.has(issuer)) {
      finished();
      return;
    }
    const rollout: Rollout = { mesh, issuer, stage: "announced", wait: undefined, finished };
    this.#rollouts.set(issuer, rollout);
    this.#enter(rollout, "announced");
  }

  /** An issuer is ready no more. */
  stop(issuer: string): void {
    const rollout = this.#rollouts.get(issuer);
    if (rollout === undefined) return;
    this.#drop(rollout.wait);
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
    this.#wait(mesh, issuer, false, then);
  }

  /** As `whenSettled`, and once the connections have come about that were begun before that. */
  whenQuiet(mesh: string, issuer: string, then: () => void): void {
    this.#wait(mesh, issuer, true, then);
  }

  /** Something was acknowledged: whoever waited for that moves on. */
  progress(): void {
    for (const wait of [...this.#waits]) {
      if (this.#waits.has(wait) && !wait.lingers && this.#options.isSettled(wait.mesh)) this.#settled(wait);
    }
  }

  close(): void {
    for (const wait of this.#waits) this.#drop(wait);
  }

  #wait(mesh: string, issuer: string, isQuiet: boolean, then: () => void): Wait {
    const wait: Wait = { mesh, isQuiet, then, timer: undefined, lingers: false };
    const { stageTimeoutMs, onTimeout } = this.#options;
    wait.timer = setTimeout(() => {
      onTimeout(mesh, issuer, this.stage(issuer) ?? "announced");
      this.#settled(wait);
    }, stageTimeoutMs);
    wait.timer.unref();
    this.#waits.add(wait);
    return wait;
  }

  #settled(wait: Wait): void {
    const end = (): void => {
      this.#drop(wait);
      wait.then();
    };
    const ms = wait.isQuiet ? this.#options.lingerMs(wait.mesh) : 0;
    if (ms === 0) {
      end();
      return;
    }
    clearTimeout(wait.timer);
    wait.lingers = true;
    wait.timer = setTimeout(end, ms);
  }

  #drop(wait: Wait | undefined): void {
    if (wait === undefined) return;
    clearTimeout(wait.timer);
    this.#waits.delete(wait);
  }

  #enter(rollout: Rollout, stage: IdentityStage): void {
    const { mesh, issuer, finished } = rollout;
    rollout.stage = stage;
    this.#options.setStage(mesh, issuer, stage);
    const next = NEXT[stage];
    // Until the last server has acknowledged the last stage, some still take plaintext.
    const then = next === undefined ? finished : () => this.#enter(rollout, next);
    rollout.wait = this.#wait(mesh, issuer, BEFORE_A_REFUSAL.has(stage), then);
  }
}
