import type { Violation } from "./violation.ts";

/** The tag that names the service of an inbound. */
export const SERVICE_TAG = "kuma.io/service";
/** The tag that names the protocol of an inbound. */
export const PROTOCOL_TAG = "kuma.io/protocol";
/** The tag that names the zone of an inbound; the control plane sets it. */
export const ZONE_TAG = "kuma.io/zone";

/** The protocols that an inbound or a service port may speak. */
export const PROTOCOLS = ["grpc", "http", "http2", "kafka", "tcp", "tls", "mysql"] as const;

/** A protocol of the mesh; everything from `kafka` on is carried as TCP. */
export type Protocol = (typeof PROTOCOLS)[number];

/** The protocol that a document names, in any case; `undefined` where it names none that we know. */
export function parseProtocol(text: string): Protocol | undefined {
  const lower = text.toLowerCase();
  return PROTOCOLS.find((protocol) => protocol === lower);
}

const TAG_NAME = /^[a-zA-Z0-9.\-_:/]+$/;
const TAG_VALUE = /^[a-zA-Z0-9.\-_:/]+$/;
const SERVICE_VALUE = /^[a-z0-9_\-.]+$/;

/** Violations of one tag map: names, values, and the protocol where it is set. `field` is the path of the map. */
export function validateTags(
  tags: Readonly<Record<string, string>>,
  field: string,
  options: {
    readonly serviceRequired?: boolean;
    readonly protocols?: readonly Protocol[];
    readonly wildcard?: boolean;
  } = {},
): readonly Violation[] {
  const violations: Violation[] = [];
  const add = (name: string, reason: string): void => {
    violations.push({ field: `${field}[${JSON.stringify(name)}]`, reason });
  };
  for (const [name, value] of Object.entries(tags)) {
    if (!TAG_NAME.test(name))
      add(name, "tag name must consist of alphanumeric characters, '.', '-', '_', ':' or '/'");
    if (value === "") add(name, "tag value must be non-empty");
    else if (!(options.wildcard === true && value === "*")) {
      if (name === SERVICE_TAG && !SERVICE_VALUE.test(value)) {
        add(name, "tag value must consist of lower case alphanumeric characters, '-', '.' and '_'");
      } else if (!TAG_VALUE.test(value)) {
        add(name, "tag value must consist of alphanumeric characters, '.', '-', '_', ':' or '/'");
      }
    }
  }
  const protocols = options.protocols ?? PROTOCOLS;
  const protocol = tags[PROTOCOL_TAG];
  if (
    protocol !== undefined &&
    protocol !== "" &&
    !protocols.some((known) => known === protocol.toLowerCase())
  ) {
    add(
      PROTOCOL_TAG,
      `tag "${PROTOCOL_TAG}" has an invalid value "${protocol}". Allowed values: ${protocols.join(", ")}`,
    );
  }
  if (options.serviceRequired === true && tags[SERVICE_TAG] === undefined)
    add(SERVICE_TAG, "tag has to exist");
  return violations;
}
