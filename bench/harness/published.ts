import { join } from "node:path";
import { layProgram } from "../../tools/bundle.ts";

const OUT = join(import.meta.dirname, "../../build/bench");

/** How a program is started as it is published, which is what users run: bundled, without sources. */
export async function published(name: "control-plane" | "cli"): Promise<readonly string[]> {
  const [file = ""] = await layProgram(name, join(OUT, name));
  return [process.execPath, file];
}
