import { processIo } from "./io.ts";
import { runCli } from "./run.ts";

process.stdout.on("error", stopQuietly);
process.stderr.on("error", stopQuietly);
process.exitCode = await runCli(process.argv.slice(2), processIo());

/** A reader that has seen enough (`| head`) is no error. */
function stopQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(process.exitCode);
  throw error;
}
