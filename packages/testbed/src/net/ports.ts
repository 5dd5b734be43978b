/** Ports of a block that are the block's own on the whole machine, because their servers listen on every address. */
export interface BlockPorts {
  /** Bootstrap and xDS. */
  readonly dataplanes: number;
  readonly diagnostics: number;
}

/**
 * The first block, which is the demo's where nothing else runs, has the usual ports 5678 and 5680. The others have a
 * pair each below the range that the kernel takes ephemeral ports from.
 */
export function blockPorts(prefix: string): BlockPorts {
  const [, a = 64, b = 0] = prefix.split(".").map(Number);
  const index = (a - 64) * 256 + b;
  if (index === 0) return { dataplanes: 5678, diagnostics: 5680 };
  const base = 20_000 + 2 * (((index % 4096) + 4096) % 4096);
  return { dataplanes: base, diagnostics: base + 1 };
}
