import type { DestinationKey, DestinationPlan } from "@skein/policies";

const PREFIXES = {
  MeshExternalService: "extsvc ",
  MeshMultiZoneService: "mzsvc ",
  ServiceTag: "tag ",
} as const;

/** What a key names. */
export interface NamedDestination {
  readonly kind: DestinationPlan["kind"];
  /** Of the resource as it is stored; of a tag, its value and the further tags. */
  readonly name: string;
  readonly port: number;
}

/** The key of one port of a resource that traffic can be sent to. */
export function destinationKey(
  kind: Exclude<DestinationPlan["kind"], "ServiceTag">,
  name: string,
  port: number,
): DestinationKey {
  return kind === "MeshService" ? `${name}|${port}` : `${PREFIXES[kind]}${name}|${port}`;
}

/** The destination of a service tag, for meshes without MeshServices; of those of its inbounds that have `tags` too. */
export function tagDestination(service: string, tags: Readonly<Record<string, string>> = {}): DestinationKey {
  const pairs = Object.entries(tags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ` ${key}=${value}`);
  return `${PREFIXES.ServiceTag}${service}${pairs.join("")}|0`;
}

/** What a key names. Names of resources hold no spaces, so no MeshService is taken for something else. */
export function namedDestination(key: DestinationKey): NamedDestination {
  const at = key.lastIndexOf("|");
  const [text, port] = [key.slice(0, at), Number(key.slice(at + 1))];
  for (const [kind, prefix] of Object.entries(PREFIXES)) {
    if (text.startsWith(prefix)) {
      return { kind: kind as keyof typeof PREFIXES, name: text.slice(prefix.length), port };
    }
  }
  return { kind: "MeshService", name: text, port };
}

/** The service and the further tags in the name of a destination by tag. */
export function taggedName(name: string): {
  readonly service: string;
  readonly tags: Record<string, string>;
} {
  const [service = "", ...pairs] = name.split(" ");
  const tags = pairs.map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return { service, tags: Object.fromEntries(tags) };
}
