import type { Violation } from "@skein/model";
import { ADDRESSED_TYPES, type AddressedType, VIP_SETTINGS } from "./addressed.ts";
import { type Ipv4Range, overlap, parseIpv4, parseIpv4Range } from "./ipv4-range.ts";
import { VipPool } from "./vips.ts";

const eighth = (address: string): Ipv4Range => ({ first: parseIpv4(address), size: 2 ** 24 });

/** The ranges of an unchanged configuration. */
export const DEFAULT_VIP_RANGES: VipRanges = {
  MeshService: eighth("241.0.0.0"),
  MeshExternalService: eighth("242.0.0.0"),
  MeshMultiZoneService: eighth("243.0.0.0"),
  TaggedService: { first: parseIpv4("240.0.0.0"), size: 2 ** 28 },
};

/** The range of addresses of each kind. */
export type VipRanges = Readonly<Record<AddressedType, Ipv4Range>>;

/** Where a zone's addresses come from: a pool for each kind, shared by all meshes. No address is in two pools. */
export class VipPools {
  readonly #pools: Readonly<Record<AddressedType, VipPool>>;

  constructor(ranges: VipRanges) {
    const pool = (type: AddressedType): VipPool => {
      const earlier = ADDRESSED_TYPES.slice(0, ADDRESSED_TYPES.indexOf(type));
      return new VipPool(
        ranges[type],
        earlier.map((other) => ranges[other]),
      );
    };
    this.#pools = {
      MeshService: pool("MeshService"),
      MeshExternalService: pool("MeshExternalService"),
      MeshMultiZoneService: pool("MeshMultiZoneService"),
      TaggedService: pool("TaggedService"),
    };
  }

  /** How often an address of any kind came free so far. */
  get releases(): number {
    return ADDRESSED_TYPES.reduce((sum, type) => sum + this.#pools[type].releases, 0);
  }

  of(type: AddressedType): VipPool {
    return this.#pools[type];
  }

  /** Whether some pool decides about an address. */
  cover(ip: string): boolean {
    return ADDRESSED_TYPES.some((type) => this.#pools[type].covers(ip));
  }
}

/** The CIDRs of a configuration, by the kind whose addresses they hold. */
export type VipCidrs = Readonly<Record<AddressedType, string>>;

/**
 * What is wrong with the ranges of a configuration. Those of `ipam` must not overlap each other; that of tags may, and
 * leaves out what the others have: by default it is around them.
 */
export function vipRangeViolations(cidrs: VipCidrs): readonly Violation[] {
  return ADDRESSED_TYPES.flatMap((type, at): readonly Violation[] => {
    const field = VIP_SETTINGS[type];
    const range = parseIpv4Range(cidrs[type]);
    if (range === undefined) {
      return [{ field, reason: `is ${cidrs[type]}, but must be an IPv4 range such as 241.0.0.0/8` }];
    }
    if (type === "TaggedService") return [];
    return ADDRESSED_TYPES.slice(0, at).flatMap((other) => {
      const earlier = parseIpv4Range(cidrs[other]);
      if (earlier === undefined || overlap(earlier, range) === undefined) return [];
      const reason = `is ${cidrs[type]}, which overlaps with ${VIP_SETTINGS[other]}, ${cidrs[other]}: give them ranges of their own`;
      return [{ field, reason }];
    });
  });
}

/**
 * Reads the ranges of a configuration.
 *
 * @throws Error that names the setting, when `vipRangeViolations` has any
 */
export function parseVipRanges(cidrs: VipCidrs): VipRanges {
  const [violation] = vipRangeViolations(cidrs);
  if (violation !== undefined) throw new Error(`${violation.field} ${violation.reason}`);
  const range = (type: AddressedType): Ipv4Range => parseIpv4Range(cidrs[type]) ?? DEFAULT_VIP_RANGES[type];
  return {
    MeshService: range("MeshService"),
    MeshExternalService: range("MeshExternalService"),
    MeshMultiZoneService: range("MeshMultiZoneService"),
    TaggedService: range("TaggedService"),
  };
}
