import { isIpv4, type MeshServiceStatus } from "@skein/model";
import { type MeshServiceDraft, revised } from "./draft.ts";
import { formatIpv4, type Ipv4Range, parseIpv4 } from "./ipv4-range.ts";

/**
 * Who has which address of a range. No address is ever held twice and no holder has two; the holder keeps its address
 * until it is released. New addresses are given in ascending order and a freed one only when all after it, and round
 * to it, have had their turn: whoever still has it cached must not reach a stranger.
 *
 * The pool remembers nothing by itself. After a restart it is told of the stored addresses with `claim`, before it is
 * asked for new ones; the turn then goes on after the highest of them.
 */
export class VipPool {
  readonly #range: Ipv4Range;
  readonly #holders = new Map<number, string>();
  readonly #addresses = new Map<string, number>();
  #next = 0;

  constructor(range: Ipv4Range) {
    this.#range = range;
  }

  /** Number of addresses held. */
  get size(): number {
    return this.#holders.size;
  }

  /** Whether the pool decides about an address. */
  covers(ip: string): boolean {
    return this.#offset(ip) !== undefined;
  }

  /** The holder of an address. */
  holder(ip: string): string | undefined {
    const offset = this.#offset(ip);
    return offset === undefined ? undefined : this.#holders.get(offset);
  }

  /** Gives `holder` a certain address, in exchange for the one it has. False where somebody else holds it. */
  claim(holder: string, ip: string): boolean {
    const offset = this.#offset(ip);
    if (offset === undefined) return false;
    const other = this.#holders.get(offset);
    if (other !== undefined) return other === holder;
    this.release(holder);
    this.#hold(holder, offset);
    if (offset >= this.#next) this.#next = offset + 1;
    return true;
  }

  /** The address of `holder`, a new one where it has none; `undefined` where the range is used up. */
  take(holder: string): string | undefined {
    const held = this.#addresses.get(holder);
    if (held !== undefined) return formatIpv4(this.#range.first + held);
    if (this.#holders.size >= this.#range.size) return undefined;
    for (;;) {
      if (this.#next >= this.#range.size) this.#next = 0;
      const offset = this.#next++;
      if (this.#holders.has(offset)) continue;
      this.#hold(holder, offset);
      return formatIpv4(this.#range.first + offset);
    }
  }

  /** Frees the address of `holder`, if it has one. True where it had. */
  release(holder: string): boolean {
    const offset = this.#addresses.get(holder);
    if (offset === undefined) return false;
    this.#addresses.delete(holder);
    this.#holders.delete(offset);
    return true;
  }

  #hold(holder: string, offset: number): void {
    this.#holders.set(offset, holder);
    this.#addresses.set(holder, offset);
  }

  #offset(ip: string): number | undefined {
    if (!isIpv4(ip)) return undefined;
    const offset = parseIpv4(ip) - this.#range.first;
    return offset >= 0 && offset < this.#range.size ? offset : undefined;
  }
}

/** Under which name a service holds its address. */
export function vipHolder(service: { readonly mesh: string; readonly name: string }): string {
  return `${service.mesh}/${service.name}`;
}

/** The address of the pool that a stored service has; `undefined` where it has none, or only one from elsewhere. */
export function storedVip(status: MeshServiceStatus | undefined, pool: VipPool): string | undefined {
  return status?.vips?.find(({ ip }) => ip !== undefined && pool.covers(ip))?.ip;
}

/**
 * The service with its address. One that it has stays, also one that does not come from the pool (a cluster IP); a
 * stored address that another service holds is replaced. The draft itself comes back where the pool is used up.
 */
export function withVip(draft: MeshServiceDraft, pool: VipPool): MeshServiceDraft {
  const vips = (draft.status?.vips ?? []).filter(({ ip }) => ip !== undefined && ip !== "");
  const own = storedVip(draft.status, pool);
  if (own === undefined && vips.length > 0) return draft;
  const holder = vipHolder(draft);
  const ip = own !== undefined && pool.claim(holder, own) ? own : pool.take(holder);
  if (ip === undefined) return draft;
  const foreign = vips.filter((vip) => vip.ip !== undefined && !pool.covers(vip.ip));
  return revised(draft, { status: { ...draft.status, vips: [...foreign, { ip }] } });
}
