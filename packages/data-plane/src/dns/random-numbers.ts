const BATCH = 512;

/** A source of whole numbers from 0, below its argument (at most 65,536), that nobody can foresee. */
export function randomNumbers(): (below: number) => number {
  const batch = new Uint32Array(BATCH);
  let used = BATCH;
  return (below) => {
    if (used === BATCH) {
      crypto.getRandomValues(batch);
      used = 0;
    }
    return (batch[used++] ?? 0) % below;
  };
}
