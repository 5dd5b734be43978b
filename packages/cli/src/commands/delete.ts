import { apiErrorOf } from "../client/api-error.ts";
import { warnOfOtherVersion } from "../client/compatibility.ts";
import { warningsOf } from "../client/warnings.ts";
import { parseDryRun } from "../dry-run.ts";
import { CliError, usageError } from "../exit.ts";
import { kindPath } from "../kinds.ts";
import type { Session } from "../session.ts";
import { changeIdOf } from "../wait/change.ts";
import { parseWait } from "../wait/parse-wait.ts";
import { waitForChanges } from "../wait/wait.ts";

export interface DeleteOptions {
  readonly mesh: string;
  readonly wait?: string;
  readonly dryRun?: string;
  /** Of what `--dry-run=server` answers. */
  readonly output: string;
}

/** `delete TYPE NAME`, with `--wait` until every affected proxy has acknowledged; tried with `--dry-run=server`. */
export async function deleteResource(
  session: Session,
  type: string,
  name: string,
  options: DeleteOptions,
): Promise<void> {
  const waitMs = parseWait(options.wait);
  const kind = (await session.kinds()).demand(type);
  const dryRun = parseDryRun(options.dryRun);
  if (dryRun === "client") {
    throw usageError("what a deletion would do is known to the control plane only: use --dry-run=server");
  }
  if (dryRun === "server") {
    const mesh = kind.scope === "Mesh" ? options.mesh : "";
    const { printPreview } = await import("./preview.ts");
    await printPreview(session, [{ op: "delete", type: kind.type, mesh, name }], options);
    return;
  }
  const client = await session.client();
  const warning = warnOfOtherVersion(session);
  const response = await client.request("DELETE", kindPath(kind, options.mesh, name));
  await warning;
  if (response.status === 404) throw new CliError(`there is no ${kind.type} with name "${name}"`);
  if (response.status >= 400) throw apiErrorOf(response.status, response.body);
  session.io.out(`deleted ${kind.type} "${name}"\n`);
  for (const text of warningsOf(response)) session.io.err(`Warning: ${text}\n`);
  if (waitMs !== undefined) await waitForChanges(session, [changeIdOf(response)], waitMs);
}
