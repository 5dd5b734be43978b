import type { NewResource, Resource, ServiceAddress } from "@skein/model";
import { revised } from "./draft.ts";
import { withGracePeriod } from "./grace-period.ts";
import type { Derived } from "./meshservice-generator.ts";
import type { ServiceOffer } from "./service-offer.ts";

/**
 * The kind under which the store keeps what a value of the tag `kuma.io/service` is called and where: for meshes whose
 * proxies call services by tag. Its resources are the control plane's own; the API does not show them.
 */
export const TAGGED_SERVICE = "TaggedService";

/** The ports of a service's inbounds, ascending. */
export interface TaggedServiceSpec {
  readonly ports: readonly number[];
}

/** The address of a service tag, and the names by which applications call it. */
export interface TaggedServiceStatus {
  readonly addresses?: readonly ServiceAddress[];
  readonly vips?: readonly { readonly ip?: string }[];
}

/** A stored TaggedService; its name is the value of the tag. */
export type TaggedServiceResource = Resource<TaggedServiceSpec, TaggedServiceStatus>;
/** A TaggedService on its way to the store. */
export type TaggedServiceDraft = NewResource<TaggedServiceSpec, TaggedServiceStatus> | TaggedServiceResource;

/** All that decides about one TaggedService. */
export interface TaggedServiceInput {
  readonly mesh: string;
  readonly name: string;
  /** The mesh's proxies call services by tag, and tags get addresses at all (`dnsServer.serviceVipEnabled`). */
  readonly enabled: boolean;
  /** What dataplanes offer under this name by tag, in any order. */
  readonly offers: readonly ServiceOffer[];
  readonly existing: TaggedServiceResource | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly gracePeriodMs: number;
}

/**
 * Derives one TaggedService from the dataplanes with the tag. When the last has gone, or the mesh gives tags up, it
 * stays for a grace period, so that the address is still its own when either comes back.
 */
export function deriveTaggedService(input: TaggedServiceInput): Derived<TaggedServiceDraft> {
  const { mesh, name, enabled, existing, offers, now } = input;
  if (!enabled || offers.length === 0) return withGracePeriod(existing, now, input.gracePeriodMs);
  const numbers = new Set(offers.flatMap((offer) => offer.ports.map(({ port }) => port)));
  const spec: TaggedServiceSpec = { ports: [...numbers].sort((a, b) => a - b) };
  if (existing === undefined) {
    const owner = { type: "Mesh", mesh: "", name: mesh };
    return { draft: { type: TAGGED_SERVICE, mesh, name, labels: {}, spec, owner }, problems: [] };
  }
  return { draft: revised(existing, { labels: {}, spec }), problems: [] };
}

/** The names of a service tag: `my_api.mesh`, and for programs that know no `_` in a name `my.api.mesh`. */
export function taggedHostnames(service: string, domain: string): readonly string[] {
  return [...new Set([`${service}.${domain}`, `${service.replaceAll("_", ".")}.${domain}`])];
}
