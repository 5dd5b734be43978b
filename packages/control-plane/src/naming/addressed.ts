import type {
  HostnameGeneratorStatus,
  MeshExternalServiceResource,
  MeshMultiZoneServiceResource,
  ServiceAddress,
} from "@skein/model";
import type { MeshServiceDraft } from "./draft.ts";
import type { TaggedServiceDraft } from "./tagged-service.ts";

/**
 * The kinds whose resources have an address and host names, with the setting of the range that the address is from.
 * Where ranges overlap, an address belongs to the range that is named first.
 */
export const VIP_SETTINGS = {
  MeshService: "ipam.meshService.cidr",
  MeshExternalService: "ipam.meshExternalService.cidr",
  MeshMultiZoneService: "ipam.meshMultiZoneService.cidr",
  TaggedService: "dnsServer.CIDR",
} as const;

/** A kind whose resources have an address and host names. */
export type AddressedType = keyof typeof VIP_SETTINGS;

/** All of them, in the order in which they are evaluated: what others depend on comes first. */
export const ADDRESSED_TYPES = Object.keys(VIP_SETTINGS) as readonly AddressedType[];

/** A resource with an address on its way to the store. */
export type AddressedDraft =
  | MeshServiceDraft
  | MeshExternalServiceResource
  | MeshMultiZoneServiceResource
  | TaggedServiceDraft;

/** What the statuses of these kinds have in common; a MeshExternalService has `vip`, the others `vips`. */
export interface AddressedStatus {
  readonly addresses?: readonly ServiceAddress[] | undefined;
  readonly hostnameGenerators?: readonly HostnameGeneratorStatus[] | undefined;
  readonly vips?: readonly { readonly ip?: string | undefined }[] | undefined;
  readonly vip?: { readonly ip?: string | undefined } | undefined;
}

/** The addresses that a resource has, wherever its kind keeps them. */
export function vipsOf({ status }: { readonly status?: unknown }): readonly string[] {
  const { vips = [], vip } = (status ?? {}) as AddressedStatus;
  return [...vips, ...(vip === undefined ? [] : [vip])].flatMap(({ ip }) => ip || []);
}
