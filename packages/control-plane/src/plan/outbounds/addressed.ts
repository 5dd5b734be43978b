import { displayName, LABEL } from "@skein/model";
import type { DestinationKey } from "@skein/policies";
import { vipsOf } from "../../naming/addressed.ts";
import type { Family, Graph, Readable } from "../../view/graph.ts";
import { legacyVip } from "../../view/legacy-vip.ts";
import type { MeshView } from "../../view/mesh-view.ts";
import { sameItems } from "../../view/same-items.ts";
import { destinationKey, tagDestination } from "../destination-keys.ts";
import type { ReachableRef } from "./reach.ts";

/** One address at which applications call one port of a destination, whichever proxy they are behind. */
export interface AddressedPort {
  readonly target: DestinationKey;
  readonly address: string;
  readonly port: number;
}

/** A destination of the mesh as those see it who look for what they may call. */
export interface AddressedDestination {
  readonly kind: ReachableRef["kind"];
  readonly name: string;
  readonly displayName: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** All port numbers. */
  readonly ports: readonly number[];
  /** By address, then by port; none while it has no address. */
  readonly addressed: readonly AddressedPort[];
}

/** The destinations of one kind. */
export interface DestinationsOfKind {
  /** Sorted. */
  readonly names: Readable<readonly string[]>;
  readonly at: Family<string, AddressedDestination | undefined>["at"];
}

/** Destinations by kind: a change of one is a change of its own entry and nothing else. */
export type AddressBook = Readonly<Record<ReachableRef["kind"], DestinationsOfKind>>;

/** Addresses of services that are known by their tag `kuma.io/service`. */
export interface TagAddresses {
  /** Values of the tag, sorted. */
  readonly names: Readable<readonly string[]>;
  readonly at: (service: string) => Readable<readonly AddressedPort[]>;
}

/** The addresses that naming gave to the destinations of a mesh. */
export function addressBook(graph: Graph, view: MeshView): AddressBook {
  const book = <R extends Addressable>(
    kind: ReachableRef["kind"],
    names: Readable<readonly string[]>,
    at: (name: string) => Readable<R | undefined>,
    ports: (resource: R) => readonly { readonly port: number }[],
  ): DestinationsOfKind => ({
    names,
    at: graph.family<string, AddressedDestination | undefined>((name) => {
      const resource = at(name).get();
      return resource === undefined ? undefined : addressed(kind, resource, ports(resource));
    }, sameJson).at,
  });
  const { externalServices, multiZoneServices } = view;
  return {
    MeshService: book(
      "MeshService",
      view.serviceNames,
      (name) => view.service.at(name),
      ({ spec }) => spec.ports ?? [],
    ),
    MeshExternalService: book(
      "MeshExternalService",
      externalServices.names,
      (name) => externalServices.at(name),
      ({ spec }) => [spec.match],
    ),
    MeshMultiZoneService: book(
      "MeshMultiZoneService",
      multiZoneServices.names,
      (name) => multiZoneServices.at(name),
      ({ spec }) => spec.ports,
    ),
  };
}

/** The addresses of service tags: each answers at the usual port of such addresses, and at the service's own ports. */
export function tagAddresses(graph: Graph, view: MeshView, servicePort: number): TagAddresses {
  const family = graph.family<string, readonly AddressedPort[]>((service) => {
    const vip = legacyVip(view, service);
    if (vip === undefined) return [];
    const { address } = vip;
    const target = tagDestination(service);
    return [...new Set([servicePort, ...vip.ports])].map((port) => ({ target, address, port }));
  }, sameJson);
  // A value whose last instance went keeps its address for a while, but there is nothing to call.
  const names = graph.derived(
    () => view.taggedServices.names.get().filter((service) => view.tagged.at(service).get().length > 0),
    sameItems,
  );
  return { names, at: family.at };
}

interface Addressable {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * IPv4 addresses only, without a twin for `::ffff:a.b.c.d`: who connects there sends IPv4 packets, and Envoy finds the
 * listener by the address in those.
 */
function addressed(
  kind: ReachableRef["kind"],
  resource: Parameters<typeof vipsOf>[0] & Addressable,
  ports: readonly { readonly port: number }[],
): AddressedDestination {
  const { name, labels } = resource;
  const numbers = ports.map(({ port }) => port);
  return {
    kind,
    name,
    displayName: displayName(resource),
    namespace: labels[LABEL.kubernetesNamespace] ?? "",
    labels,
    ports: numbers,
    addressed: vipsOf(resource).flatMap((address) =>
      numbers.map((port): AddressedPort => ({ target: destinationKey(kind, name, port), address, port })),
    ),
  };
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
