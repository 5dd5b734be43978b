import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { allocateBlock, type Block, thisProcess } from "../net/block.ts";
import { clearedAtExit } from "../process/at-exit.ts";
import { reap, WORLD_MARK } from "../process/reap.ts";

/** Where a world is: its id, its loopback addresses, its directory. */
export interface Site {
  readonly id: string;
  readonly block: Block;
  /** Short, because Unix sockets below it may have 107 characters. */
  readonly dir: string;
  /** Ends whatever still runs and removes the directory and the lock. Synchronous, and harmless when done twice. */
  clear(): void;
}

/** Takes a block of addresses and a temporary directory, and gives them back however this process ends. */
export async function occupySite(): Promise<Site> {
  const id = randomBytes(4).toString("hex");
  const base = realpathSync(tmpdir());
  const dir = mkdtempSync(join(base, "skein-"));
  const block = await allocateBlock({
    lockDir: join(base, `skein-testbed-${userInfo().username}`),
    world: id,
    dir,
    owner: thisProcess(),
    onAbandoned: (lock) => {
      reap(lock.world);
      if (lock.dir.startsWith(join(base, "skein-"))) rmSync(lock.dir, { recursive: true, force: true });
    },
  });
  const site: Site = {
    id,
    block,
    dir,
    clear: clearedAtExit(() => {
      reap(id);
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
      block.release();
    }),
  };
  mkdirSync(join(dir, "logs"));
  return site;
}

/** The site that a surrounding shell or test has set up, told by the environment; it stays theirs to clear. */
export function joinSite(env: NodeJS.ProcessEnv): Site {
  const id = env[WORLD_MARK];
  const prefix = env.SKEIN_BLOCK;
  const dir = env.SKEIN_DIR;
  if (id === undefined || prefix === undefined || dir === undefined) {
    throw new Error("this command works inside a testbed shell: start one with `make shell`");
  }
  return {
    id,
    dir,
    block: { prefix, address: (host) => `${prefix}.${host}`, release: () => {} },
    clear: () => {},
  };
}
