import {
  bindAddress,
  type DataplaneNetworking,
  type DataplaneResource,
  DEFAULT_OUTBOUND_ADDRESS,
  isIp,
  SERVICELESS_INBOUND_PORT,
  sectionName,
} from "@skein/model";
import { isMeant } from "../plan/callable.ts";
import type { Store } from "../store/store.ts";
import { listenerWarnings } from "./egress.ts";
import { callablesOf } from "./route.ts";

/** What of a Dataplane has no effect, or is in the way of something else of it. */
export function dataplaneWarnings(dataplane: DataplaneResource, store: Store): readonly string[] {
  const services = callablesOf(store, dataplane.mesh);
  const { outbound = [], transparentProxying } = dataplane.spec.networking ?? {};
  const missing = outbound.flatMap(({ backendRef }, i) => {
    if (backendRef?.name === undefined) return [];
    const { kind, name } = backendRef;
    if (services.some((service) => isMeant(backendRef, service))) return [];
    return [`networking.outbound[${i}].backendRef: there is no ${kind} "${name}" now`];
  });
  const needless =
    transparentProxying?.redirectPortOutbound && outbound.length > 0
      ? [
          "networking.outbound: is not needed with transparentProxying, and a proxy started with --transparent-proxy refuses its Dataplane while there are outbounds",
        ]
      : [];
  return [...missing, ...needless, ...effectWarnings(dataplane), ...listenerWarnings(dataplane, store)];
}

/** Parts of a Dataplane that are valid and do nothing, and listeners that would be in each other's way. */
function effectWarnings({ spec }: DataplaneResource): readonly string[] {
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

/** Envoy takes one listener for an address and port: of inbounds there the last has it (`inboundPlaces`), of others the first. */
function takenPorts(networking: DataplaneNetworking): readonly string[] {
  const owners = new Map<string, string>();
  const names = new Map<string, string>();
  const shadowed: string[] = [];
  for (const [i, inbound] of [...(networking.inbound ?? []).entries()].reverse()) {
    if (inbound.state === "Ignored" || inbound.port === SERVICELESS_INBOUND_PORT) continue;
    const [place, name] = [`${bindAddress(inbound, networking)}:${inbound.port}`, sectionName(inbound)];
    const owner = owners.get(place);
    if (owner === undefined) {
      owners.set(place, `networking.inbound[${i}]`);
      names.set(place, name);
    } else if (names.get(place) !== name) {
      shadowed.unshift(
        `networking.inbound[${i}]: ${place} is where ${owner} is, whose policies count, so this one has no effect; give both one name, or a port each`,
      );
    }
  }
  for (const [i, listener] of (networking.listeners ?? []).entries()) {
    owners.set(`${bindAddress(listener, networking)}:${listener.port}`, `networking.listeners[${i}]`);
  }
  const refused = (networking.outbound ?? []).flatMap(({ address, port }, i) => {
    const place = `${address || DEFAULT_OUTBOUND_ADDRESS}:${port}`;
    const owner = owners.get(place);
    if (owner === undefined) {
      owners.set(place, `networking.outbound[${i}]`);
      return [];
    }
    return [
      `networking.outbound[${i}]: ${place} is taken by ${owner} already, so this outbound has no effect`,
    ];
  });
  return [...shadowed, ...refused];
}
