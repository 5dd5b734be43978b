import type { Backend, Snapshot } from "./backend.ts";
import type { Backends } from "./choose-backend.ts";
import type { Config } from "./config/config.ts";
import type { Context } from "./context.ts";
import {
  loopbackName,
  type PassthroughAddress,
  passthroughAddress,
  providePassthroughAddress,
  removePassthroughAddress,
} from "./host/addresses.ts";
import type { RuleSet } from "./rules/rule.ts";

/** A packet filter, and what is to be in it. */
interface Change {
  readonly backend: Backend;
  readonly before: Snapshot;
  readonly goal: readonly RuleSet[];
}

/** What is to become of all packet filters of this machine. */
export interface Changes {
  readonly list: readonly Change[];
}

/** Everything that stands in the packet filters now. */
export interface Standing {
  readonly chosen: Snapshot;
  /** The chosen one first: traffic is captured at any time while rules move from one to another. */
  readonly all: readonly (readonly [Backend, Snapshot])[];
}

/** @throws Error with what a tool said. */
export async function readStanding({ chosen, others }: Backends): Promise<Standing> {
  const all: (readonly [Backend, Snapshot])[] = [];
  for (const backend of [chosen, ...others]) all.push([backend, await backend.read()]);
  const [first] = all;
  if (first === undefined) throw new Error("there is no packet filter");
  return { chosen: first[1], all };
}

/** Rules in the chosen packet filter, none of ours in the others. */
export function changesTo(sets: readonly RuleSet[], { all }: Standing): Changes {
  return {
    list: all.map(([backend, before], index) => ({ backend, before, goal: index === 0 ? sets : [] })),
  };
}

/**
 * Brings the changes about and then asks `verify`; where any of it fails or is aborted, all is put back.
 *
 * @returns whether anything had to be changed.
 * @throws Error why not. It says so where something could not be put back.
 */
export async function carryOut(
  changes: Changes,
  config: Pick<Config, "patience" | "verbose">,
  context: Context,
  verify: () => Promise<void> = async () => {},
): Promise<boolean> {
  const loopback = loopbackName();
  const addressBefore = passthroughAddress();
  const needsAddress = changes.list.some(({ goal }) => goal.some(({ family }) => family === "ipv6"));
  try {
    context.signal.throwIfAborted();
    // There before the rules and gone after them, so that the proxy never finds rules without it.
    let changed = needsAddress && (await providePassthroughAddress(loopback));
    for (const change of changes.list) changed = (await applyChange(change, config, context)) || changed;
    if (!needsAddress) changed = (await removePassthroughAddress(loopback)) || changed;
    await expectGoals(changes);
    await verify();
    context.signal.throwIfAborted();
    return changed;
  } catch (error) {
    throw undone(error, await putBack(changes, addressBefore, loopback));
  }
}

/** Applies step by step; what is refused is tried again from what is then there. */
async function applyChange(
  { backend, goal }: Change,
  config: Pick<Config, "patience" | "verbose">,
  context: Context,
): Promise<boolean> {
  const { retries, pauseMs } = config.patience;
  let changed = false;
  for (let attempt = 0; ; attempt++) {
    try {
      for (const step of await backend.steps(await backend.read(), goal)) {
        context.signal.throwIfAborted();
        if (config.verbose) context.print(`# ${step.command}\n${step.text.trimEnd()}`);
        await step.apply();
        changed = true;
      }
      return changed;
    } catch (error) {
      if (attempt >= retries || context.signal.aborted) throw error;
      context.note(
        `refused, trying again in ${pauseMs / 1_000} s (${attempt + 1} of ${retries}): ${messageOf(error)}`,
      );
      await pause(pauseMs, context.signal);
    }
  }
}

/** The tools said that they did it; what the kernel holds now counts. */
async function expectGoals(changes: Changes): Promise<void> {
  for (const { backend, goal } of changes.list) {
    const [left] = await backend.steps(await backend.read(), goal);
    if (left !== undefined) {
      throw new Error(
        `${backend.name} does not hold the rules (${left.title}) that it took; does another program change them?`,
      );
    }
  }
}

async function putBack(
  changes: Changes,
  addressBefore: PassthroughAddress,
  loopback: string,
): Promise<readonly string[]> {
  const troubles: string[] = [];
  for (const { backend, before } of changes.list.toReversed()) {
    try {
      for (const step of await backend.steps(await backend.read(), before)) await step.apply();
      const [left] = await backend.steps(await backend.read(), before);
      if (left !== undefined) troubles.push(`${backend.name} (${left.title}) is other than before`);
    } catch (error) {
      troubles.push(messageOf(error));
    }
  }
  try {
    if (addressBefore === "none") await removePassthroughAddress(loopback);
    else await providePassthroughAddress(loopback);
  } catch (error) {
    troubles.push(messageOf(error));
  }
  return troubles;
}

function undone(error: unknown, troubles: readonly string[]): Error {
  const outcome =
    troubles.length === 0
      ? "everything is as it was before"
      : `AND IT COULD NOT BE PUT BACK (${troubles.join("; ")}): run uninstall transparent-proxy, or look at the rules yourself`;
  return new Error(`${messageOf(error)}; ${outcome}`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
