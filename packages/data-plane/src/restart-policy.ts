/** How one run of Envoy ended. */
export interface EnvoyExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly uptimeMs: number;
}

export interface RestartState {
  /** Crashes in a row, each after less than {@link STABLE_MS} of work. */
  readonly crashes: number;
  /** Envoy has accepted its bootstrap at least once. */
  readonly everStarted: boolean;
}

export type RestartDecision =
  | { readonly kind: "restart"; readonly delayMs: number; readonly crashes: number }
  | { readonly kind: "give-up"; readonly reason: string };

/** An Envoy that ran this long was healthy: its crashes are counted anew. */
export const STABLE_MS = 60_000;
/** Crashes in a row before the launcher gives up and leaves the decision to whoever started it. */
export const MAX_CRASHES = 10;
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;

/**
 * What to do after Envoy ended by itself. An Envoy that leaves with an error code before it ever started has refused
 * its bootstrap: starting it again would only say so again.
 */
export function decideRestart(state: RestartState, exit: EnvoyExit): RestartDecision {
  if (!state.everStarted && exit.signal === null && exit.code !== 0) {
    return {
      kind: "give-up",
      reason: `Envoy refused to start (exit code ${exit.code}); its last lines say why`,
    };
  }
  const crashes = exit.uptimeMs >= STABLE_MS ? 1 : state.crashes + 1;
  if (crashes > MAX_CRASHES)
    return { kind: "give-up", reason: `Envoy crashed ${MAX_CRASHES} times in a row` };
  return { kind: "restart", crashes, delayMs: Math.min(FIRST_DELAY_MS * 2 ** (crashes - 1), MAX_DELAY_MS) };
}
