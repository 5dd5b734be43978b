import { displayName, LABEL, type MeshServiceResource } from "@skein/model";
import type { DestinationKey } from "@skein/policies";
import type { Family, Graph, Readable } from "../../view/graph.ts";
import type { MeshView } from "../../view/mesh-view.ts";
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
export type AddressBook = Readonly<Partial<Record<ReachableRef["kind"], DestinationsOfKind>>>;

/** The addresses that naming gave to the destinations of a mesh. */
export function addressBook(graph: Graph, view: MeshView): AddressBook {
  return {
    MeshService: {
      names: view.serviceNames,
      at: graph.family<string, AddressedDestination | undefined>((name) => {
        const service = view.service.at(name).get();
        return service === undefined ? undefined : ofMeshService(service);
      }, sameJson).at,
    },
  };
}

function ofMeshService(service: MeshServiceResource): AddressedDestination {
  const ports = (service.spec.ports ?? []).map(({ port }) => port);
  return {
    kind: "MeshService",
    ...place(service),
    ports,
    addressed: addressedPorts(service.name, ports, service.status?.vips ?? []),
  };
}

function place(resource: {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}): Pick<AddressedDestination, "name" | "displayName" | "namespace" | "labels"> {
  const { name, labels } = resource;
  return {
    name,
    displayName: displayName(resource),
    namespace: labels[LABEL.kubernetesNamespace] ?? "",
    labels,
  };
}

/**
 * IPv4 addresses only, without a twin for `::ffff:a.b.c.d`: who connects there sends IPv4 packets, and Envoy finds the
 * listener by the address in those.
 */
function addressedPorts(
  key: string,
  ports: readonly number[],
  vips: readonly { readonly ip?: string | undefined }[],
): readonly AddressedPort[] {
  return vips.flatMap(({ ip }) =>
    ip === undefined || ip === ""
      ? []
      : ports.map((port): AddressedPort => ({ target: `${key}|${port}`, address: ip, port })),
  );
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
