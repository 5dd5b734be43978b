import { isHostName } from "../address.ts";
import { type DataSource, validateDataSource } from "../data-source.ts";
import { PROTOCOL_TAG, SERVICE_TAG, validateTags, ZONE_TAG } from "../tags.ts";
import type { Violation } from "../violation.ts";
import type { MeshGatewayListener, MeshGatewaySpec, MeshGatewayTls } from "./mesh-gateway.ts";

/** The host name of a listener that takes every name. */
const ANY_HOSTNAME = "*";

/** The host name of a listener: one name, all names below a domain (`*.example.com`), or all (`*`). */
export function listenerHostname({ hostname }: Pick<MeshGatewayListener, "hostname">): string {
  return hostname === undefined || hostname === "" ? ANY_HOSTNAME : hostname;
}

/** Tags that say what a proxy is: they stand in Dataplanes only. */
const OF_DATAPLANES = [SERVICE_TAG, ZONE_TAG, PROTOCOL_TAG, "kuma.io/external-service-name"];

/** All that a MeshGateway's schema cannot say. */
export function validateMeshGateway({ selectors = [], tags, conf }: MeshGatewaySpec): readonly Violation[] {
  const listeners = conf?.listeners ?? [];
  const isCrossMesh = listeners.some(({ crossMesh }) => crossMesh === true);
  return [
    ...(selectors.length === 0 ? [{ field: "selectors", reason: "must have at least one element" }] : []),
    ...(isCrossMesh && selectors.length > 1
      ? [{ field: "selectors", reason: "there can be at most one selector with a crossMesh listener" }]
      : []),
    ...selectors.flatMap(({ match = {} }, i) =>
      validateTags(match, `selectors[${i}].match`, { serviceRequired: true, wildcard: true }),
    ),
    ...validateOwnTags(tags, "tags"),
    ...(listeners.length === 0
      ? [{ field: "conf.listeners", reason: "must have at least one element" }]
      : listeners.flatMap((listener, i) => validateListener(listener, `conf.listeners[${i}]`))),
    ...validatePorts(listeners),
  ];
}

function validateOwnTags(tags: Readonly<Record<string, string>> = {}, field: string): readonly Violation[] {
  return [
    ...validateTags(tags, field),
    ...OF_DATAPLANES.filter((tag) => tags[tag] !== undefined).map((tag) => ({
      field: `${field}[${JSON.stringify(tag)}]`,
      reason:
        "must not be defined: it says what a proxy is, and stands in networking.gateway.tags of a Dataplane",
    })),
  ];
}

function validateListener(listener: MeshGatewayListener, field: string): readonly Violation[] {
  const { protocol, tls, tags, hostname, crossMesh } = listener;
  const violations: Violation[] = [...validateListenerHostname(hostname, `${field}.hostname`)];
  if (protocol === undefined || protocol === "NONE") {
    violations.push({ field: `${field}.protocol`, reason: "must be one of HTTP, HTTPS, TCP, TLS" });
  }
  if (crossMesh === true) {
    if (protocol !== "HTTP") {
      violations.push({ field: `${field}.protocol`, reason: "must be HTTP for a crossMesh listener" });
    }
    if (tls !== undefined) {
      violations.push({
        field: `${field}.tls`,
        reason: "must not be defined for a crossMesh listener: its callers use TLS of the mesh",
      });
    }
  } else if (protocol === "HTTPS" || protocol === "TLS") {
    violations.push(...validateTls(tls, protocol, `${field}.tls`));
  }
  return [...violations, ...validateOwnTags(tags, `${field}.tags`)];
}

/** A violation when a host name is neither a DNS name nor a wildcard; one that is not set stands for all hosts. */
export function validateListenerHostname(hostname: string | undefined, field: string): readonly Violation[] {
  if (hostname === undefined || hostname === "" || hostname === ANY_HOSTNAME) return [];
  const name = hostname.startsWith("*.") ? hostname.slice(2) : hostname;
  if (name.includes("*")) {
    return [{ field, reason: "a wildcard must be the whole first label, as in *.example.com" }];
  }
  if (isHostName(name) && !name.includes("_")) return [];
  return [{ field, reason: "must be a DNS name, a wildcard such as *.example.com, or *; without a port" }];
}

function validateTls(
  tls: MeshGatewayTls | undefined,
  protocol: "HTTPS" | "TLS",
  field: string,
): readonly Violation[] {
  if (tls === undefined) return [{ field, reason: `must be defined for protocol ${protocol}` }];
  const certificates = tls.certificates ?? [];
  switch (tls.mode ?? "NONE") {
    case "NONE":
      return [
        {
          field: `${field}.mode`,
          reason: protocol === "HTTPS" ? "must be TERMINATE" : "must be TERMINATE or PASSTHROUGH",
        },
      ];
    case "PASSTHROUGH":
      if (protocol === "HTTPS") {
        return [
          {
            field: `${field}.mode`,
            reason: "PASSTHROUGH is for protocol TLS: requests cannot be read without ending TLS",
          },
        ];
      }
      return certificates.length === 0
        ? []
        : [
            {
              field: `${field}.certificates`,
              reason: "must be empty for mode PASSTHROUGH: TLS is not ended here",
            },
          ];
    default:
      if (certificates.length === 0 || certificates.length > 2) {
        return [
          {
            field: `${field}.certificates`,
            reason: "must have one certificate, or two of which one has an RSA and one an ECDSA key",
          },
        ];
      }
      return certificates.flatMap((source, i) => validateCertificate(source, `${field}.certificates[${i}]`));
  }
}

function validateCertificate(source: DataSource, field: string): readonly Violation[] {
  if (source.file !== undefined) {
    return [
      {
        field: `${field}.file`,
        reason: "cannot be read: certificates come from a secret, inline or inlineString, not from files",
      },
    ];
  }
  return validateDataSource(source, field, "secret, inline or inlineString");
}

/** What listeners of one port must agree on, and where they must differ. */
function validatePorts(listeners: readonly MeshGatewayListener[]): readonly Violation[] {
  const firsts = new Map<number, { readonly listener: MeshGatewayListener; readonly index: number }>();
  const names = new Map<string, number>();
  const violations: Violation[] = [];
  for (const [index, listener] of listeners.entries()) {
    const field = `conf.listeners[${index}]`;
    const key = `${listener.port} ${listenerHostname(listener).toLowerCase()}`;
    const twin = names.get(key);
    if (twin !== undefined) {
      violations.push({
        field: `${field}.hostname`,
        reason: `must differ from that of conf.listeners[${twin}], which has the same port`,
      });
    }
    names.set(key, twin ?? index);
    const first = firsts.get(listener.port);
    if (first === undefined) {
      firsts.set(listener.port, { listener, index });
      continue;
    }
    const other = `conf.listeners[${first.index}], which has the same port`;
    if (listener.protocol !== first.listener.protocol) {
      violations.push({ field: `${field}.protocol`, reason: `must be equal to that of ${other}` });
    } else if (listener.protocol === "TCP" && twin === undefined) {
      violations.push({
        field: `${field}.port`,
        reason: `is taken by ${other}: connections of protocol TCP name no host to tell them apart`,
      });
    }
    if ((listener.crossMesh ?? false) !== (first.listener.crossMesh ?? false)) {
      violations.push({ field: `${field}.crossMesh`, reason: `must be equal to that of ${other}` });
    }
    if (listener.resources?.connectionLimit !== first.listener.resources?.connectionLimit) {
      violations.push({
        field: `${field}.resources.connectionLimit`,
        reason: `must be equal to that of ${other}`,
      });
    }
  }
  return violations;
}
