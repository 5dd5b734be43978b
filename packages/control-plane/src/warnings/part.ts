import type { PolicyResource, Protocol } from "@skein/policies";
import { type Callable, isCallableKind } from "../plan/callable.ts";
import { trafficProtocol } from "../plan/destinations.ts";
import { TIMEOUTS_OF_CONNECTIONS } from "./connection-fields.ts";
import { valueAt } from "./value-at.ts";

type Part = "http" | "grpc" | "tcp";

/** The part of these kinds that a protocol reads; of HTTP/2 it is that of HTTP. */
const PARTS: readonly Part[] = ["http", "grpc", "tcp"];
const KINDS_WITH_PARTS: readonly string[] = ["MeshRetry", "MeshHealthCheck"];

/** What holds for connections: by kind, the paths in `default`. */
const OF_CONNECTIONS: Readonly<Record<string, readonly string[]>> = {
  MeshTimeout: TIMEOUTS_OF_CONNECTIONS,
  MeshRetry: ["tcp"],
};

/** What hashes of a connection can be made of. */
const OF_BYTES: readonly unknown[] = ["Connection", "SourceIP", "FilterState"];

/**
 * Where an entry about a service says nothing in the part for its protocol. `services` are those that it means, with the
 * ports that it means. Where all of them speak bytes, an HTTP part is warned of elsewhere.
 */
export function partWarnings(
  { type }: PolicyResource,
  path: string,
  conf: unknown,
  services: readonly Callable[],
): readonly string[] {
  return services.flatMap(({ kind, name, ports }) => {
    const protocols = [...new Set(ports.map(({ appProtocol }) => trafficProtocol(appProtocol)))];
    if (!isCallableKind(kind) || protocols.length === 0) return [];
    const isBytes = protocols.every((protocol) => protocol === "tcp");
    if (type === "MeshLoadBalancingStrategy") {
      return isBytes ? hashWarnings(path, conf, `${kind} "${name}"`) : [];
    }
    if (!KINDS_WITH_PARTS.includes(type) || isBytes) return [];
    const said = PARTS.filter((part) => valueAt(conf, part) !== undefined);
    const own = [...new Set(protocols.map(partOf))];
    if (own.some((part) => said.includes(part))) return [];
    const remedy = type === "MeshHealthCheck" ? ", which may be disabled: true" : "";
    return said.map(
      (part) =>
        `${path}.${part}: ${kind} "${name}" speaks ${protocols.join(" and ")}, so it has no effect there; its part is ${own.join(" or ")}${remedy}`,
    );
  });
}

/** What an entry about a MeshHTTPRoute says of connections. */
export function routePartWarnings({ type }: PolicyResource, path: string, conf: unknown): readonly string[] {
  return (OF_CONNECTIONS[type] ?? []).flatMap((field) =>
    valueAt(conf, field) === undefined
      ? []
      : [
          `${path}.${field}: holds for connections, which requests of several routes share, so it has no effect in a rule about a MeshHTTPRoute`,
        ],
  );
}

function partOf(protocol: Protocol): Part {
  return protocol === "http2" ? "http" : protocol;
}

function hashWarnings(path: string, conf: unknown, service: string): readonly string[] {
  const policies = valueAt(conf, "hashPolicies");
  if (!Array.isArray(policies) || policies.length === 0) return [];
  if (policies.some((each) => OF_BYTES.includes(valueAt(each, "type")))) return [];
  return [
    `${path}.hashPolicies: ${service} speaks tcp only, where connections are told apart by Connection or FilterState, so they have no effect there`,
  ];
}
