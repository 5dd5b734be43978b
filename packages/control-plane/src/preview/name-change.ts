import { keyString, LABEL, type Resource } from "@skein/model";
import { ADDRESSED_TYPES, type AddressedStatus, type AddressedType, vipsOf } from "../naming/addressed.ts";
import type { VipCidrs } from "../naming/vip-pools.ts";
import type { Change } from "../store/store.ts";
import type { Difference, NameChange } from "./report.ts";

/** How to tell of names and addresses. */
export interface NameTerms {
  readonly vipCidrs: VipCidrs;
  /** How long a service outlives its last instance. */
  readonly gracePeriodMs: number;
  /** Whose turn it is in each range. */
  readonly areTurnsKnown: boolean;
  /** The change is made at once, so the order in which services get addresses is known. */
  readonly isAtOnce: boolean;
}

/**
 * What becomes of services, their names and their addresses, in the order of their keys: of all changes to one service
 * what they come to. Where the address that a service would get is not known, because it depends on the order of the
 * writes for example, the range is told instead.
 */
export function nameChanges(changes: readonly Change[], terms: NameTerms): readonly NameChange[] {
  const net = new Map<string, Pick<Change, "before" | "after">>();
  for (const { before, after } of changes) {
    const resource = after ?? before;
    if (resource === undefined || !isAddressed(resource.type)) continue;
    const key = keyString(resource);
    const first = net.get(key);
    net.set(key, { before: first === undefined ? before : first.before, after });
  }
  const all = [...net].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, each]) => nameChange(each, terms));
  return all.map((each) => (isKnown(each, all, terms) ? each : withRange(each, terms.vipCidrs)));
}

function nameChange(
  { before, after }: Pick<Change, "before" | "after">,
  { gracePeriodMs }: NameTerms,
): readonly NameChange[] {
  const resource = after ?? before;
  if (resource === undefined) return [];
  const { mesh, name } = resource;
  const hostnames = difference(hostnamesOf(before), hostnamesOf(after));
  const addresses = difference(before && vipsOf(before), after && vipsOf(after));
  const began = graceBegan(after);
  const goesAt =
    began === undefined || began === graceBegan(before)
      ? {}
      : { goesAt: new Date(Date.parse(began) + gracePeriodMs).toISOString() };
  const change = before === undefined ? "appears" : after === undefined ? "goes" : "changes";
  const isSame =
    change === "changes" &&
    [hostnames, addresses].every(({ added, removed }) => added.length + removed.length === 0) &&
    !("goesAt" in goesAt);
  const type = resource.type as AddressedType;
  return isSame ? [] : [{ mesh, type, name, change, hostnames, addresses, ...goesAt }];
}

/** Whether the addresses that a service would get are certain. */
function isKnown(
  { type, addresses }: NameChange,
  all: readonly NameChange[],
  { areTurnsKnown, isAtOnce }: NameTerms,
): boolean {
  if (addresses.added.length === 0) return true;
  const rivals = all.filter((each) => each.type === type && each.addresses.added.length > 0);
  return areTurnsKnown && (isAtOnce || rivals.length === 1);
}

/** With the range in place of the addresses that come from it. */
function withRange(change: NameChange, cidrs: VipCidrs): NameChange {
  const { type, addresses } = change;
  return { ...change, addresses: { ...addresses, added: [`an address of ${cidrs[type]}`] } };
}

function isAddressed(type: string): boolean {
  return ADDRESSED_TYPES.some((each) => each === type);
}

function hostnamesOf(resource: Resource | undefined): readonly string[] {
  const { addresses = [] } = (resource?.status ?? {}) as AddressedStatus;
  return addresses.flatMap(({ hostname }) => hostname ?? []);
}

function graceBegan(resource: Resource | undefined): string | undefined {
  return resource?.labels[LABEL.deletionGracePeriodStartedAt];
}

function difference(before: readonly string[] = [], after: readonly string[] = []): Difference {
  return {
    added: after.filter((each) => !before.includes(each)),
    removed: before.filter((each) => !after.includes(each)),
  };
}
