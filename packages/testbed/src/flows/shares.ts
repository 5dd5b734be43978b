import assert from "node:assert/strict";

/** How rarely a fair draw may be called unfair, on either side: with ten such looks, less than once in 10⁹ runs. */
const RARE = 5e-11;

/** Probabilities that of so many independent draws with that chance (inside 0 and 1) at most, and at least, so many hit. */
export function tails(hits: number, draws: number, chance: number): { atMost: number; atLeast: number } {
  const [hit, miss] = [Math.log(chance), Math.log1p(-chance)];
  let atMost = 0;
  let atLeast = 0;
  let logOfWays = 0;
  for (let n = 0; n <= draws; n++) {
    const probability = Math.exp(logOfWays + n * hit + (draws - n) * miss);
    if (n <= hits) atMost += probability;
    if (n >= hits) atLeast += probability;
    logOfWays += Math.log((draws - n) / (n + 1));
  }
  return { atMost, atLeast };
}

/** That so many hits of so many draws are what chance gives. */
export function assertShare(hits: number, draws: number, chance: number, about: string): void {
  const { atMost, atLeast } = tails(hits, draws, chance);
  assert.ok(
    Math.min(atMost, atLeast) > RARE,
    `${about}: ${hits} of ${draws}, where ${draws * chance} are due`,
  );
}
