const waiting = new Set<() => void>();
let guarded = false;

/**
 * Makes a function that clears something up once, and calls it itself however this process ends: returns, throws, or is
 * told to stop by a signal. `clear` is synchronous, because an exit waits for nothing.
 */
export function clearedAtExit(clear: () => void): () => void {
  const once = (): void => {
    if (waiting.delete(once)) clear();
  };
  waiting.add(once);
  guardExit();
  return once;
}

function guardExit(): void {
  if (guarded) return;
  guarded = true;
  process.on("exit", () => {
    for (const clear of [...waiting]) clear();
  });
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => {
      // Whoever listens too (the demo) ends gracefully by itself; without anybody else, leave now.
      if (process.listenerCount(signal) === 1) process.exit(code);
    });
  }
}
