import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A directory that goes when the test ends. */
export function tempDir(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "skein-store-"));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
