import { isIpv4, type NewResource } from "@skein/model";
import { type AddressedDraft, type AddressedStatus, vipsOf } from "./addressed.ts";
import { revised } from "./draft.ts";
import { formatIpv4, type Ipv4Range, overlap, parseIpv4 } from "./ipv4-range.ts";

/**
 * Who has which address of a range. No address is ever held twice and no holder has two; the holder keeps its address
 * until it is released. New addresses are given in ascending order and a freed one only when all after it, and round
 * to it, have had their turn: whoever still has it cached must not reach a stranger.
 *
 * The pool remembers nothing by itself. After a restart it is told of the stored addresses with `claim`, before it is
 * asked for new ones, and of the stored turn with `resume`; without one, the turn goes on after the highest address.
 *
 * What the store says stands above what was given: an address that was taken and is not stored yet goes to the service
 * that the store gives it to, and its holder gets another when it asks again.
 */
export class VipPool {
  readonly #range: Ipv4Range;
  readonly #reserved: readonly Ipv4Range[];
  readonly #capacity: number;
  readonly #holders = new Map<number, string>();
  readonly #addresses = new Map<string, number>();
  readonly #unstored = new Set<string>();
  #next = 0;
  #hasTurn = false;
  #releases = 0;

  /** `reserved`: ranges of which nothing is given; they do not overlap each other. */
  constructor(range: Ipv4Range, reserved: readonly Ipv4Range[] = []) {
    this.#range = range;
    this.#reserved = reserved.flatMap((other) => overlap(range, other) ?? []);
    this.#capacity = this.#reserved.reduce((left, { size }) => left - size, range.size);
  }

  /** Number of addresses held. */
  get size(): number {
    return this.#holders.size;
  }

  /** How often an address came free so far. */
  get releases(): number {
    return this.#releases;
  }

  /** The address whose turn it is next. */
  get turn(): string {
    return formatIpv4(this.#range.first + (this.#next % this.#range.size));
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

  /** Goes on with the turn that was stored, if it is of this range. */
  resume(turn: string): void {
    const offset = isIpv4(turn) ? parseIpv4(turn) - this.#range.first : -1;
    if (offset < 0 || offset >= this.#range.size) return;
    this.#next = offset;
    this.#hasTurn = true;
  }

  /**
   * Gives `holder` the address that the store has for it, in exchange for the one it has. False where the store gave it
   * to somebody else before.
   */
  claim(holder: string, ip: string): boolean {
    const offset = this.#offset(ip);
    if (offset === undefined) return false;
    const other = this.#holders.get(offset);
    if (other === holder) {
      this.#unstored.delete(holder);
      return true;
    }
    if (other !== undefined && !this.#unstored.has(other)) return false;
    if (other !== undefined) this.release(other);
    this.release(holder);
    this.#hold(holder, offset);
    if (!this.#hasTurn && offset >= this.#next) this.#next = offset + 1;
    return true;
  }

  /** The address of `holder`, a new one where it has none; `undefined` where the range is used up. */
  take(holder: string): string | undefined {
    const held = this.#addresses.get(holder);
    if (held !== undefined) return formatIpv4(this.#range.first + held);
    if (this.#holders.size >= this.#capacity) return undefined;
    for (;;) {
      if (this.#next >= this.#range.size) this.#next = 0;
      const reserved = this.#reservedAt(this.#next);
      if (reserved !== undefined) {
        this.#next = reserved.first + reserved.size - this.#range.first;
        continue;
      }
      const offset = this.#next++;
      if (this.#holders.has(offset)) continue;
      this.#hold(holder, offset);
      this.#unstored.add(holder);
      return formatIpv4(this.#range.first + offset);
    }
  }

  /** Frees the address of `holder`, if it has one. True where it had. */
  release(holder: string): boolean {
    const offset = this.#addresses.get(holder);
    if (offset === undefined) return false;
    this.#addresses.delete(holder);
    this.#unstored.delete(holder);
    this.#holders.delete(offset);
    this.#releases++;
    return true;
  }

  #hold(holder: string, offset: number): void {
    this.#holders.set(offset, holder);
    this.#addresses.set(holder, offset);
  }

  #offset(ip: string): number | undefined {
    if (!isIpv4(ip)) return undefined;
    const offset = parseIpv4(ip) - this.#range.first;
    if (offset < 0 || offset >= this.#range.size) return undefined;
    return this.#reservedAt(offset) === undefined ? offset : undefined;
  }

  #reservedAt(offset: number): Ipv4Range | undefined {
    const address = this.#range.first + offset;
    return this.#reserved.find(({ first, size }) => address >= first && address < first + size);
  }
}

/** Under which name a service holds its address. */
export function vipHolder(service: { readonly mesh: string; readonly name: string }): string {
  return `${service.mesh}/${service.name}`;
}

/** The address of the pool that a stored service has; `undefined` where it has none, or only one from elsewhere. */
export function storedVip(service: { readonly status?: unknown }, pool: VipPool): string | undefined {
  return vipsOf(service).find((ip) => pool.covers(ip));
}

/**
 * The service with its address. One that it has stays, also one that does not come from the pool (a cluster IP), unless
 * it is of another pool now (`isOthers`), because ranges have been changed. A stored address that another service holds
 * is replaced. Without an address where the pool is used up.
 */
export function withVip<D extends AddressedDraft>(
  draft: D,
  pool: VipPool,
  isOthers: (ip: string) => boolean = () => false,
): D {
  const foreign = vipsOf(draft).filter((ip) => !pool.covers(ip) && !isOthers(ip));
  const own = storedVip(draft, pool);
  if (own === undefined && foreign.length > 0) return draft;
  const holder = vipHolder(draft);
  const ip = own !== undefined && pool.claim(holder, own) ? own : pool.take(holder);
  if (ip === undefined) return withoutVip(draft);
  const vips = [...foreign, ip].map((each) => ({ ip: each }));
  const held = draft.type === "MeshExternalService" ? { vip: { ip } } : { vips };
  return revised<NewResource>(draft, { status: { ...(draft.status as object), ...held } }) as D;
}

function withoutVip<D extends AddressedDraft>(draft: D): D {
  if (vipsOf(draft).length === 0) return draft;
  const { vip: _, vips: __, ...status } = draft.status as AddressedStatus;
  return revised<NewResource>(draft, { status }) as D;
}
