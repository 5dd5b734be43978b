import {
  bindAddress,
  type DataplaneNetworking,
  type DataplaneResource,
  DEFAULT_OUTBOUND_ADDRESS,
  isIp,
} from "@skein/model";

/** Parts of a Dataplane that are valid and do nothing, and listeners that would be in each other's way. */
export function effectWarnings({ spec }: DataplaneResource): readonly string[] {
  const networking = spec.networking ?? {};
  const warnings: string[] = [];
  if (networking.gateway?.type === "BUILTIN" && networking.gateway.tags === undefined) {
    warnings.push(
      "networking.gateway.tags: there are none, so no MeshGateway can select this proxy and it listens on nothing; give it the tag kuma.io/service",
    );
  }
  for (const [i, inbound] of (networking.inbound ?? []).entries()) {
    const address = inbound.serviceAddress || bindAddress(inbound, networking);
    if (inbound.serviceProbe === undefined || isIp(address)) continue;
    warnings.push(
      `networking.inbound[${i}].serviceProbe: cannot be made to the name "${address}", so the inbound stays as it is; set serviceAddress to the application's IP address`,
    );
  }
  if (spec.probes !== undefined) {
    warnings.push(
      "probes: nothing listens on this port, as it is for Kubernetes only; use serviceProbe of an inbound",
    );
  }
  if (spec.metrics !== undefined) {
    warnings.push("metrics: the settings of a single proxy have no effect in this version");
  }
  return [...warnings, ...takenPorts(networking)];
}

/** A warning where no probe is made at all. */
export function probeWarnings({ spec }: Pick<DataplaneResource, "spec">): readonly string[] {
  return (spec.networking?.inbound ?? []).flatMap(({ serviceProbe }, i) =>
    serviceProbe === undefined
      ? []
      : [
          `networking.inbound[${i}].serviceProbe: has no effect, as dpServer.hds.enabled of the control plane is false`,
        ],
  );
}

/** Envoy refuses the second of two listeners on one address and port. */
function takenPorts(networking: DataplaneNetworking): readonly string[] {
  const owners = new Map<string, string>();
  for (const [i, inbound] of (networking.inbound ?? []).entries()) {
    if (inbound.state === "Ignored") continue;
    owners.set(`${bindAddress(inbound, networking)}:${inbound.port}`, `networking.inbound[${i}]`);
  }
  for (const [i, listener] of (networking.listeners ?? []).entries()) {
    owners.set(`${bindAddress(listener, networking)}:${listener.port}`, `networking.listeners[${i}]`);
  }
  return (networking.outbound ?? []).flatMap(({ address, port }, i) => {
    const place = `${address || DEFAULT_OUTBOUND_ADDRESS}:${port}`;
    const owner = owners.get(place);
    if (owner === undefined) {
      owners.set(place, `networking.outbound[${i}]`);
      return [];
    }
    return [`networking.outbound[${i}]: ${place} is taken by ${owner} already, so the proxy refuses it`];
  });
}
