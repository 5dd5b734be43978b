import { displayName, formatKri, type KindDefinition, LABEL, sniOf } from "@skein/model";
import type { DestinationPlan } from "@skein/policies";

/** A resource that traffic can be sent to. */
interface CallableResource {
  readonly mesh: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One port of a resource as a destination: what it is called everywhere follows from its kind, its place and the port. */
export function resourceDestination(
  kind: Pick<KindDefinition, "shortName"> & { readonly type: string },
  resource: CallableResource,
  servicePort: { readonly port: number; readonly name?: string | undefined },
  { protocol, serverIds }: Pick<DestinationPlan, "protocol" | "serverIds">,
): DestinationPlan {
  const { mesh, name, labels } = resource;
  const { port } = servicePort;
  const shortName = kind.shortName ?? "";
  const section = servicePort.name || String(port);
  const place = {
    mesh,
    zone: labels[LABEL.zone] ?? "",
    namespace: labels[LABEL.kubernetesNamespace] ?? "",
    name: displayName(resource),
  };
  const kri = formatKri({ shortName, ...place, section });
  return {
    kind: kind.type as DestinationPlan["kind"],
    ...{ mesh, name, kri },
    routeName: kri,
    ...{ labels, port },
    portName: section,
    protocol,
    sni: sniOf(kind, resource, servicePort),
    serverIds,
    legacyName: [mesh, place.name, place.namespace, place.zone, shortName, port].join("_"),
  };
}
