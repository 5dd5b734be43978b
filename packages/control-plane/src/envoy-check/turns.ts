const SLICE_MS = 8;

/** Gives the event loop its turn in long work: await the function it makes after each piece. */
export function turns(now: () => number): () => Promise<void> {
  let began = now();
  return async () => {
    if (now() - began < SLICE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    began = now();
  };
}
