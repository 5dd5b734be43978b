import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stopPerimeter } from "../kong-air/perimeter.ts";
import { ROOT } from "../world/commands.ts";
import { createWorld } from "../world/world.ts";
import { parsePage } from "./page.ts";
import { shellEnvironment } from "./session.ts";

/**
 * `make shell`: an interactive bash in which the pages' commands work. Leaving it ends everything started in it.
 * With `PAGE=04` the YAML files of that page lie in its directory already.
 */
const world = await createWorld();
const cwd = join(world.site.dir, "page");
mkdirSync(cwd);
writePageFiles(process.env.PAGE);
console.log(`A testbed shell: skein-cp, skein-dp, skeinctl and kong-air are on PATH; addresses ${world.site.block.prefix}.x.
Leave it with exit or Ctrl-D: everything started in it ends, and its directory goes.`);
const bash = spawn("bash", ["--norc", "--noprofile", "-i"], {
  cwd,
  env: {
    ...shellEnvironment(world),
    TERM: process.env.TERM ?? "dumb",
    PS1: "skein$ ",
  },
  stdio: "inherit",
});
// The terminal sends Ctrl-C to both; it is meant for what runs in the shell.
process.on("SIGINT", () => {});
bash.once("exit", (code) => {
  stopPerimeter(world)
    .finally(() => world.stop())
    .then(() => process.exit(code ?? 0));
});

function writePageFiles(number: string | undefined): void {
  if (number === undefined) return;
  const folder = join(ROOT, "docs/learning-path");
  const name = readdirSync(folder).find((file) => file.startsWith(number) && file.endsWith(".md"));
  if (name === undefined) throw new Error(`no page ${number} in ${folder}`);
  for (const step of parsePage(name, readFileSync(join(folder, name), "utf8")).steps) {
    if (step.kind === "file") writeFileSync(join(cwd, step.name), step.content);
  }
}
