import { usageError } from "./exit.ts";

/** How far a command that is only tried goes: it checks here, or asks the control plane what would happen. */
export type DryRun = "client" | "server";

/** The value of `--dry-run`; `undefined` where the command is meant. */
export function parseDryRun(text: string | undefined): DryRun | undefined {
  if (text === undefined || text === "false") return undefined;
  if (text === "client" || text === "true") return "client";
  if (text === "server") return text;
  throw usageError(`--dry-run="${text}" must be client or server`);
}
