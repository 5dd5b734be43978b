import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENVOY } from "../../xds/testing/envoy-process.ts";

/** What the real Envoy has against a bootstrap; empty where it takes it. */
export async function complaints(bootstrap: unknown): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "skein-validate-"));
  try {
    const file = join(directory, "bootstrap.json");
    writeFileSync(file, JSON.stringify(bootstrap));
    const options = ["-l", "error", "--disable-hot-restart", "--concurrency", "1"];
    const child = spawn(ENVOY, ["--mode", "validate", "-c", file, ...options], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    const code = await new Promise((resolve) => child.once("close", resolve));
    return code === 0 ? "" : output || `exit code ${String(code)}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
