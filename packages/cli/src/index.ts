export { type ExitCode, exitCode } from "./exit.ts";
export type { Io } from "./io.ts";
export { type RunOptions, runCli } from "./run.ts";
