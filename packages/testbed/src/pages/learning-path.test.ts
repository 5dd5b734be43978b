import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ROOT } from "../world/commands.ts";
import { type Page, parsePage, type Step } from "./page.ts";
import { openPageSession, type PageSession } from "./session.ts";

const folder = join(ROOT, "docs/learning-path");
const only = process.env.PAGE;
const pages = readdirSync(folder)
  .filter((name) => /^\d\d-.*\.md$/.test(name) && (only === undefined || name.startsWith(only)))
  .toSorted();

for (const name of pages) {
  const page = parsePage(name, readFileSync(join(folder, name), "utf8"));
  describe(`${name}: ${page.title}`, { skip: needsRoot(page) && "its machines are for root to make" }, () => {
    let session: PageSession;
    let broken = false;
    before(async () => {
      session = await openPageSession();
    });
    after(async () => {
      if (broken) process.stderr.write(`${session.logs()}\n`);
      await session.close();
    });
    for (const step of page.steps) {
      it(`${name}:${step.line} ${headline(step)}`, async (t) => {
        if (broken) return t.skip("an earlier block of this page failed");
        broken = true;
        await session.run(step);
        broken = false;
      });
    }
  });
}

/** Whether the page makes machines of its own, and this user may not. */
function needsRoot({ steps }: Page): boolean {
  const makes = steps.some(
    (step) => step.kind === "command" && step.script.includes("kong-air perimeter up"),
  );
  return makes && process.geteuid?.() !== 0;
}

function headline(step: Step): string {
  return step.kind === "file" ? step.name : (step.script.split("\n", 1)[0] ?? "");
}
