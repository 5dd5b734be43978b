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

  /** Number of addresses held, of all kinds. */
  get size(): number {
    return ADDRESSED_TYPES.reduce((sum, type) => sum + this.#pools[type].size, 0);
  }

  of(type: AddressedType): VipPool {
    return this.#pools[type];
  }
}

/**
 * Reads the ranges of a configuration.
 *
 * @throws Error that names the setting, when one is not an IPv4 range or two of `ipam` overlap
 */
export function parseVipRanges(cidrs: Readonly<Record<AddressedType, string>>): VipRanges {
  const ranges = new Map<AddressedType, Ipv4Range>();
  for (const type of ADDRESSED_TYPES) {
    const range = parseIpv4Range(cidrs[type]);
    if (range === undefined) {
      throw new Error(
        `${VIP_SETTINGS[type]} is ${cidrs[type]}, but must be an IPv4 range such as 241.0.0.0/8`,
      );
    }
    // The range of tags leaves out what the others have: by default it is around them.
    const other = [...ranges].find(([, each]) => type !== "TaggedService" && overlap(each, range));
    if (other !== undefined) {
      throw new Error(
        `${VIP_SETTINGS[type]} is ${cidrs[type]}, which overlaps with ${VIP_SETTINGS[other[0]]}, ${cidrs[other[0]]}: give them ranges of their own`,
      );
    }
    ranges.set(type, range);
  }
  return Object.fromEntries(ranges) as unknown as VipRanges;
}
