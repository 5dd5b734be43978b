import { isUnspecifiedIp } from "../address.ts";
import { validateHost, validateIp } from "../fields.ts";
import { labelKeyProblems, labelValueProblems } from "../names.ts";
import { validatePrometheusConf } from "../prometheus-conf.ts";
import { PROTOCOLS, parseProtocol, SERVICE_TAG, validateTags } from "../tags.ts";
import type { Violation } from "../violation.ts";
import type {
  DataplaneInbound,
  DataplaneListener,
  DataplaneNetworking,
  DataplaneOutbound,
  DataplaneSpec,
} from "./dataplane.ts";

/** An inbound with this port carries no traffic: it only gives the proxy an identity. */
export const SERVICELESS_INBOUND_PORT = 49151;

/** The address an outbound listens on where it gives none. */
export const DEFAULT_OUTBOUND_ADDRESS = "127.0.0.1";

/** The section name of an inbound or listener: its name, else its port. */
export function sectionName(entry: { readonly name?: string | undefined; readonly port: number }): string {
  return entry.name === undefined || entry.name === "" ? String(entry.port) : entry.name;
}

/** The address an inbound or listener binds: its own, else the proxy's. */
export function bindAddress(
  entry: { readonly address?: string | undefined },
  networking: DataplaneNetworking,
): string {
  return entry.address === undefined || entry.address === "" ? (networking.address ?? "") : entry.address;
}

/** Labels that follow from a Dataplane's content: what kind of proxy it is and which zone listeners it has. */
export function dataplaneLabels(spec: DataplaneSpec): Readonly<Record<string, string | undefined>> {
  const has = (type: string): string | undefined =>
    spec.networking?.listeners?.some((listener) => listener.type === type) === true ? "enabled" : undefined;
  return {
    "kuma.io/proxy-type": spec.networking?.gateway?.type === "BUILTIN" ? "gateway" : "sidecar",
    "kuma.io/listener-zoneingress": has("ZoneIngress"),
    "kuma.io/listener-zoneegress": has("ZoneEgress"),
  };
}

/** All that a Dataplane's schema cannot say. */
export function validateDataplane(spec: DataplaneSpec): readonly Violation[] {
  const networking = spec.networking;
  if (networking === undefined) return [{ field: "networking", reason: "must be defined" }];
  const at = "networking";
  return [
    ...validateAddress(networking.address, `${at}.address`),
    ...(set(networking.advertisedAddress)
      ? validateAddress(networking.advertisedAddress, `${at}.advertisedAddress`)
      : []),
    ...(networking.gateway === undefined ? [] : validateGateway(spec, networking)),
    ...(networking.inbound ?? []).flatMap((inbound, index) =>
      validateInbound(inbound, networking, `${at}.inbound[${index}]`),
    ),
    ...(networking.outbound ?? []).flatMap((outbound, index) =>
      validateOutbound(outbound, `${at}.outbound[${index}]`),
    ),
    ...(networking.listeners ?? []).flatMap((listener, index) =>
      validateListener(listener, `${at}.listeners[${index}]`),
    ),
    ...validateSections(networking),
    ...validateAdminPort(networking),
    ...validateRedirects(networking),
    ...(networking.transparentProxying?.reachableBackends?.refs ?? []).flatMap((ref, index) =>
      validateRef(ref, `${at}.transparentProxying.reachableBackends.refs[${index}]`),
    ),
    ...validateProbes(spec.probes),
    ...validatePrometheusConf(spec.metrics?.conf, "metrics.conf"),
  ];
}

function set(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

function validateAddress(address: string | undefined, field: string): readonly Violation[] {
  if (!set(address)) return [{ field, reason: "address can't be empty" }];
  if (isUnspecifiedIp(address)) {
    return [{ field, reason: "must not be 0.0.0.0 or ::, write the address that other proxies reach" }];
  }
  return validateHost(address, field);
}

function validateGateway(spec: DataplaneSpec, networking: DataplaneNetworking): readonly Violation[] {
  const gateway = networking.gateway;
  const violations: Violation[] = [];
  const exclude = (field: string, present: boolean): void => {
    if (present)
      violations.push({ field, reason: `${field.split(".").at(-1)} cannot be defined for gateways` });
  };
  exclude("networking.inbound", (networking.inbound ?? []).length > 0);
  exclude("networking.listeners", (networking.listeners ?? []).length > 0);
  if (gateway?.type === "BUILTIN") {
    exclude("networking.outbound", (networking.outbound ?? []).length > 0);
    exclude("probes", spec.probes !== undefined);
  }
  const tags = gateway?.tags ?? {};
  violations.push(
    ...validateTags(tags, "networking.gateway.tags", {
      serviceRequired: Object.keys(tags).length > 0,
      protocols: ["tcp"],
    }),
  );
  return violations;
}

function validateInbound(
  inbound: DataplaneInbound,
  networking: DataplaneNetworking,
  field: string,
): readonly Violation[] {
  const tags = inbound.tags ?? {};
  const address = bindAddress(inbound, networking);
  const servicePort =
    inbound.servicePort === undefined || inbound.servicePort === 0 ? inbound.port : inbound.servicePort;
  return [
    ...(set(inbound.address) ? validateIp(inbound.address, `${field}.address`) : []),
    ...(set(inbound.address) && isUnspecifiedIp(inbound.address)
      ? [{ field: `${field}.address`, reason: "must not be 0.0.0.0 or ::" }]
      : []),
    ...(set(inbound.serviceAddress) ? validateIp(inbound.serviceAddress, `${field}.serviceAddress`) : []),
    ...(set(inbound.serviceAddress) && inbound.serviceAddress === address && servicePort === inbound.port
      ? [
          {
            field: `${field}.serviceAddress`,
            reason:
              "serviceAddress and servicePort have to differ from address and port, or the proxy would call itself",
          },
        ]
      : []),
    ...(set(inbound.protocol) && parseProtocol(inbound.protocol) === undefined
      ? [{ field: `${field}.protocol`, reason: `must be one of ${PROTOCOLS.join(", ")}` }]
      : []),
    ...validateSectionName(inbound.name, `${field}.name`),
    ...validateTags(tags, `${field}.tags`, { serviceRequired: Object.keys(tags).length > 0 }),
    ...validateServiceProbe(inbound, `${field}.serviceProbe`),
  ];
}

function validateSectionName(name: string | undefined, field: string): readonly Violation[] {
  if (!set(name) || /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) return [];
  return [
    { field, reason: "must consist of at most 63 lower case alphanumeric characters or '-', as a DNS label" },
  ];
}

function validateServiceProbe(inbound: DataplaneInbound, field: string): readonly Violation[] {
  const probe = inbound.serviceProbe;
  if (probe === undefined) return [];
  const violations: Violation[] = [];
  for (const key of ["interval", "timeout"] as const) {
    const value = probe[key];
    if (value !== undefined && Number.parseFloat(value) <= 0) {
      violations.push({ field: `${field}.${key}`, reason: "must be greater than 0" });
    }
  }
  return violations;
}

function validateOutbound(outbound: DataplaneOutbound, field: string): readonly Violation[] {
  const address = set(outbound.address) ? validateIp(outbound.address, `${field}.address`) : [];
  const tags = outbound.tags ?? {};
  if (outbound.backendRef !== undefined) {
    if (Object.keys(tags).length > 0) {
      return [...address, { field, reason: "both backendRef and tags/service cannot be defined" }];
    }
    return [...address, ...validateRef(outbound.backendRef, `${field}.backendRef`, true)];
  }
  if (Object.keys(tags).length === 0) {
    return [...address, { field, reason: `must have a backendRef, or tags with ${SERVICE_TAG}` }];
  }
  return [...address, ...validateTags(tags, `${field}.tags`, { serviceRequired: true })];
}

function validateRef(
  ref: {
    readonly kind: string;
    readonly name?: string | undefined;
    readonly namespace?: string | undefined;
    readonly labels?: Readonly<Record<string, string>> | undefined;
    readonly port?: number | undefined;
  },
  field: string,
  portRequired = false,
): readonly Violation[] {
  const violations: Violation[] = [];
  const labelled = ref.labels !== undefined && Object.keys(ref.labels).length > 0;
  if (labelled && (set(ref.name) || set(ref.namespace))) {
    violations.push({
      field: `${field}.labels`,
      reason: "either labels or name and namespace can be set, not both",
    });
  }
  if (!labelled && !set(ref.name)) {
    violations.push({ field: `${field}.name`, reason: "must be set, or labels instead" });
  }
  for (const [key, value] of Object.entries(ref.labels ?? {})) {
    for (const reason of [...labelKeyProblems(key), ...labelValueProblems(value)]) {
      violations.push({ field: `${field}.labels[${JSON.stringify(key)}]`, reason });
    }
  }
  if (portRequired && ref.kind !== "MeshExternalService" && (ref.port ?? 0) === 0) {
    violations.push({ field: `${field}.port`, reason: `must be set for ${ref.kind}` });
  }
  return violations;
}

function validateListener(listener: DataplaneListener, field: string): readonly Violation[] {
  return [
    ...(listener.type === undefined
      ? [{ field: `${field}.type`, reason: "type must be ZoneIngress or ZoneEgress" }]
      : []),
    ...(set(listener.address) ? validateIp(listener.address, `${field}.address`) : []),
    ...validateSectionName(listener.name, `${field}.name`),
  ];
}

/** Two inbounds may share a port (two Kubernetes Services over one container port); a listener shares with nobody. */
function validateSections(networking: DataplaneNetworking): readonly Violation[] {
  const entries = [
    ...(networking.inbound ?? []).map((entry, index) => ({
      entry,
      at: `inbound[${index}]`,
      listener: false,
    })),
    ...(networking.listeners ?? []).map((entry, index) => ({
      entry,
      at: `listeners[${index}]`,
      listener: true,
    })),
  ];
  const violations: Violation[] = [];
  const addresses = new Map<string, boolean>();
  const sections = new Map<string, { readonly port: number; readonly listener: boolean }>();
  for (const { entry, at, listener } of entries) {
    const address = `${bindAddress(entry, networking)}:${entry.port}`;
    const sharer = addresses.get(address);
    if (sharer !== undefined && (sharer || listener)) {
      violations.push({
        field: `networking.${at}.port`,
        reason: `${address} is already used by another inbound or listener`,
      });
    }
    addresses.set(address, listener || sharer === true);
    const name = sectionName(entry);
    const namesake = sections.get(name);
    if (namesake !== undefined && (namesake.listener || listener || namesake.port !== entry.port)) {
      violations.push({
        field: `networking.${at}.name`,
        reason: `name "${name}" is already used by another inbound or listener`,
      });
    }
    sections.set(name, { port: entry.port, listener });
  }
  return violations;
}

function validateAdminPort(networking: DataplaneNetworking): readonly Violation[] {
  const port = networking.admin?.port;
  if (port === undefined || port === 0) return [];
  const field = "networking.admin.port";
  const onLoopback = (address: string): boolean => address === "127.0.0.1";
  if (
    (networking.inbound ?? []).some(
      (inbound) =>
        (inbound.port === port && onLoopback(bindAddress(inbound, networking))) ||
        (inbound.servicePort === port &&
          onLoopback(
            set(inbound.serviceAddress) ? inbound.serviceAddress : bindAddress(inbound, networking),
          )),
    )
  ) {
    return [{ field, reason: "must not be the port of an inbound on 127.0.0.1" }];
  }
  if (
    (networking.outbound ?? []).some(
      (outbound) => outbound.port === port && onLoopback(outbound.address ?? DEFAULT_OUTBOUND_ADDRESS),
    )
  ) {
    return [{ field, reason: "must not be the port of an outbound on 127.0.0.1" }];
  }
  return [];
}

function validateRedirects({ transparentProxying }: DataplaneNetworking): readonly Violation[] {
  const { redirectPortInbound, redirectPortOutbound } = transparentProxying ?? {};
  if (!redirectPortInbound || redirectPortInbound !== redirectPortOutbound) return [];
  const field = "networking.transparentProxying.redirectPortOutbound";
  return [{ field, reason: "must not be redirectPortInbound too: each direction needs a port of its own" }];
}

function validateProbes(probes: DataplaneSpec["probes"]): readonly Violation[] {
  if (probes === undefined) return [];
  const violations: Violation[] = [];
  const range = "port must be in the range [1, 65535]";
  if ((probes.port ?? 0) === 0) violations.push({ field: "probes.port", reason: range });
  for (const [index, endpoint] of (probes.endpoints ?? []).entries()) {
    const field = `probes.endpoints[${index}]`;
    if ((endpoint.inboundPort ?? 0) === 0) violations.push({ field: `${field}.inboundPort`, reason: range });
    for (const key of ["inboundPath", "path"] as const) {
      if (!(endpoint[key] ?? "").startsWith("/")) {
        violations.push({ field: `${field}.${key}`, reason: "must be a path that starts with '/'" });
      }
    }
  }
  return violations;
}
