import { join } from "node:path";
import { workspaceCommands } from "@skein/testbed/world/commands";
import { layProgram, type PROGRAMS } from "../../tools/bundle.ts";

const OUT = join(import.meta.dirname, "../../build/bench");

/** How a program is started as it is published, which is what users run: bundled, without sources. */
export async function published(name: (typeof PROGRAMS)[number]): Promise<readonly string[]> {
  const [node = process.execPath] = workspaceCommands().controlPlane;
  const [file = ""] = await layProgram(name, join(OUT, name));
  return [node, file];
}
