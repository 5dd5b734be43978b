import { chooseBackend } from "./choose-backend.ts";
import type { Config } from "./config/config.ts";
import type { Context } from "./context.ts";
import { lockNamespace } from "./host/lock.ts";
import type { Outcome } from "./install.ts";
import { carryOut, changesTo, readStanding } from "./transaction.ts";

/** What of the configuration matters for taking rules away. */
export type UninstallConfig = Pick<Config, "executables" | "patience" | "verbose">;

/**
 * Takes away all that an install made, by whatever flags, in whichever packet filter, by this or by Kuma; rules of others
 * stay as they are. Needs root.
 *
 * @throws Error when it could not be done, with what the tools said, and whether it could be put back.
 */
export async function uninstall(config: UninstallConfig, context: Context): Promise<Outcome> {
  using _ = await lockNamespace(config.patience.waitSeconds * 1_000);
  const backends = await chooseBackend(config);
  const changes = changesTo([], await readStanding(backends));
  const changed = await carryOut(changes, config, context);
  const backend = changes.list.filter(({ before }) => before.own.size > 0).map(({ backend }) => backend.name);
  return { changed, backend: backend.join(", ") };
}

/** Prints what {@link uninstall} would give to the packet filter, and changes nothing. Needs root, to read it. */
export async function previewUninstall(config: UninstallConfig, context: Context): Promise<void> {
  const backends = await chooseBackend(config);
  let count = 0;
  for (const { backend, before, goal } of changesTo([], await readStanding(backends)).list) {
    for (const step of await backend.steps(before, goal)) {
      context.print(`### ${step.title} ###\n# ${step.command}\n${step.text.trimEnd()}\n`);
      count++;
    }
  }
  if (count === 0) context.note("nothing to remove: there are no rules of the transparent proxy");
}
