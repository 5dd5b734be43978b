import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "../../poll.ts";
import type { Child } from "../../process/child.ts";
import type { World } from "../../world/world.ts";

/** Makes a control plane's clocks jump. Start it with `settings`. */
export interface TestClock {
  readonly settings: Readonly<Record<string, string>>;
  /** Sets how far its clocks are off from now on, and resolves when they are. */
  shift(controlPlane: Child, by: { readonly wallMs?: number; readonly monotonicMs?: number }): Promise<void>;
}

export function createTestClock(world: World): TestClock {
  const file = join(world.site.dir, "clock.json");
  const done = `${file}.done`;
  const module = fileURLToPath(new URL("shifted-clock.ts", import.meta.url));
  return {
    settings: { NODE_OPTIONS: `--import=${module}`, SKEIN_TEST_CLOCK: file },
    async shift(controlPlane, { wallMs = 0, monotonicMs = 0 }) {
      const wanted = JSON.stringify({ wallMs, monotonicMs });
      rmSync(done, { force: true });
      writeFileSync(file, wanted);
      controlPlane.signal("SIGUSR2");
      await until("the clocks have jumped", () => existsSync(done) && readFileSync(done, "utf8") === wanted);
    },
  };
}
