import { chooseBackend } from "./choose-backend.ts";
import type { Config } from "./config/config.ts";
import type { Context } from "./context.ts";
import { loopbackName, passthroughAddress } from "./host/addresses.ts";
import { lockNamespace } from "./host/lock.ts";
import { printFresh } from "./iptables/own-rules.ts";
import { planRules } from "./plan.ts";
import { carryOut, changesTo, readStanding } from "./transaction.ts";
import { type Probe, probesOf } from "./verify/probes.ts";

/** What an install or uninstall came to. */
export interface Outcome {
  /** Whether anything is other than before. */
  readonly changed: boolean;
  /** Name of the packet filter that was chosen. */
  readonly backend: string;
}

/**
 * Redirects this machine's traffic to the proxy. Afterwards everything is as the configuration says, or, when anything
 * fails or `signal` is aborted, as it was before. Rules of others are not touched. Needs root.
 *
 * @throws SettingError when this machine does not fit the configuration; Error when it could not be done, with what the
 * tools said, and whether it could be put back.
 */
export async function install(config: Config, context: Context): Promise<Outcome> {
  using _ = await lockNamespace(config.patience.waitSeconds * 1_000);
  const backends = await chooseBackend(config);
  const standing = await readStanding(backends);
  const { sets, user } = await planRules(config, standing.chosen, context);
  for (const { family } of sets) backends.chosen.requireFamily(family);
  const probes = await whatWorks(
    probesOf(
      sets.map(({ family }) => family),
      user,
    ),
  );
  const changed = await carryOut(changesTo(sets, standing), config, context, () => expectToWork(probes));
  return { changed, backend: backends.chosen.name };
}

/** Prints what {@link install} would give to the packet filter, and changes nothing. */
export async function previewInstall(config: Config, context: Context, isRoot: boolean): Promise<void> {
  if (!isRoot) {
    const { sets } = await planRules(config, undefined, context);
    context.warn(
      "only root can see the present rules: this is what a machine without any of ours would be given",
    );
    for (const set of sets) context.print(printFresh(set).trimEnd());
    return;
  }
  const backends = await chooseBackend(config);
  const standing = await readStanding(backends);
  const { sets } = await planRules(config, standing.chosen, context);
  for (const { family } of sets) backends.chosen.requireFamily(family);
  let count = 0;
  if (sets.some(({ family }) => family === "ipv6") && passthroughAddress() === "none") {
    context.print(
      `### IPv6 ###\n# ip -6 address add ::6/128 dev ${loopbackName()} valid_lft forever preferred_lft 0\n`,
    );
    count++;
  }
  for (const { backend, before, goal } of changesTo(sets, standing).list) {
    for (const step of await backend.steps(before, goal)) {
      context.print(`### ${step.title} ###\n# ${step.command}\n${step.text.trimEnd()}\n`);
      count++;
    }
  }
  if (count === 0) context.note(`nothing to change: ${backends.chosen.name} holds these rules already`);
}

/** What cannot be reached before is no fault of the rules. */
async function whatWorks(probes: readonly Probe[]): Promise<readonly Probe[]> {
  const results = await Promise.all(probes.map(async (probe) => ({ probe, works: await probe.works() })));
  return results.filter(({ works }) => works === true).map(({ probe }) => probe);
}

async function expectToWork(probes: readonly Probe[]): Promise<void> {
  const results = await Promise.all(probes.map(async (probe) => ({ probe, works: await probe.works() })));
  const broken = results.filter(({ works }) => works === false).map(({ probe }) => probe.title);
  if (broken.length > 0)
    throw new Error(`with the rules this cannot be reached any more: ${broken.join("; ")}`);
}
