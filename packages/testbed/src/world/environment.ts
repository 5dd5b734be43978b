import { dirname } from "node:path";
import { PATIENCE } from "../patience.ts";
import { WORLD_MARK } from "../process/reap.ts";
import type { Commands } from "./commands.ts";
import type { Site } from "./site.ts";

/**
 * The environment of every process of a world. It holds little, so that nothing of the caller's machine leaks in, and
 * `HOME` is the world's, so that nothing is written into the caller's.
 */
export function processEnvironment(site: Site, commands: Commands): Record<string, string> {
  return {
    PATH: [dirname(commands.envoy), dirname(process.execPath), process.env.PATH ?? "/usr/bin:/bin"].join(":"),
    HOME: site.dir,
    LANG: "C.UTF-8",
    NO_COLOR: "1",
    [WORLD_MARK]: site.id,
    SKEIN_TESTBED_PATIENCE: String(PATIENCE),
    SKEIN_BLOCK: site.block.prefix,
    SKEIN_DIR: site.dir,
    SKEIN_ENVOY: commands.envoy,
  };
}
