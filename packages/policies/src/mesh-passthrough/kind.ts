import { isHostName, isIp, type Violation } from "@skein/model";
import * as z from "zod";
import { policyKind } from "../engine/policy-kind.ts";
import {
  DEFAULT_PROTOCOL,
  MATCH_PROTOCOLS,
  MATCH_TYPES,
  type MatchProtocol,
  type MeshPassthroughConf,
  PASSTHROUGH_MODES,
  type PassthroughMatch,
  recognition,
} from "./conf.ts";
import { entryKey, entryOf } from "./entries.ts";
import { ipRange } from "./ip-range.ts";

const conf: z.ZodType<MeshPassthroughConf> = z.object({
  passthroughMode: z.enum(PASSTHROUGH_MODES).optional(),
  appendMatch: z
    .array(
      z.object({
        type: z.enum(MATCH_TYPES),
        value: z.string(),
        port: z.int().optional(),
        protocol: z.enum(MATCH_PROTOCOLS).optional(),
      }),
    )
    .optional(),
});

/** MeshPassthrough as a resource. */
export const meshPassthroughKind = policyKind<MeshPassthroughConf>({
  type: "MeshPassthrough",
  path: "meshpassthroughs",
  shortName: "mp",
  cli: { singular: "meshpassthrough", plural: "meshpassthroughs" },
  displayName: { singular: "Mesh Passthrough", plural: "Mesh Passthroughs" },
  description: "Which traffic may leave the mesh for destinations that the mesh does not know.",
  conf,
  single: true,
  topKinds: ["Mesh", "Dataplane", "MeshSubset"],
  needsBlock: false,
  validateConf: ({ appendMatch = [] }, path) => [
    ...appendMatch.flatMap((match, i) => validateMatch(match, `${path}.appendMatch[${i}]`)),
    ...validateTogether(appendMatch, `${path}.appendMatch`),
  ],
});

function validateMatch(match: PassthroughMatch, path: string): readonly Violation[] {
  const { port } = match;
  return [
    ...validateValue(match, `${path}.value`),
    ...(port === undefined || (port >= 1 && port <= 65_535)
      ? []
      : [{ field: `${path}.port`, reason: "must be a port from 1 to 65535; leave it out for every port" }]),
    ...validateProtocol(match, path),
  ];
}

function validateValue({ type, value }: PassthroughMatch, field: string): readonly Violation[] {
  const reason = type === "Domain" ? domainProblem(value) : addressProblem(type, value);
  return reason === undefined ? [] : [{ field, reason }];
}

function addressProblem(type: "IP" | "CIDR", value: string): string | undefined {
  if (type === "IP") {
    if (isIp(value)) return undefined;
    return ipRange(value) === undefined
      ? "must be an IP address, such as 192.0.2.1 or 2001:db8::1; for a name use type Domain"
      : "must be one IP address; for a range use type CIDR";
  }
  if (value.includes("/") && ipRange(value) !== undefined) return undefined;
  return "must be a range of addresses, such as 192.0.2.0/24 or 2001:db8::/32; for one address use type IP";
}

function domainProblem(value: string): string | undefined {
  if (value === "*") return undefined;
  const name = value.startsWith("*.") ? value.slice(2) : value;
  if (name.includes("*")) {
    return 'must have its wildcard as the whole first label, such as "*.example.com"; partial wildcards are not supported';
  }
  if (isIp(value) || ipRange(value) !== undefined) return "is an address; use type IP or CIDR";
  return isHostName(name) && !name.endsWith(".")
    ? undefined
    : 'must be a DNS name without port and path, such as "example.com" or "*.example.com"';
}

function validateProtocol(
  { type, value, port, protocol = DEFAULT_PROTOCOL }: PassthroughMatch,
  path: string,
): readonly Violation[] {
  if (type === "Domain" && recognition(protocol) === "bytes") {
    return [
      {
        field: `${path}.protocol`,
        reason: `${protocol} is not supported for a domain, because such connections do not say a name; use tls, http, http2 or grpc, or type IP or CIDR`,
      },
    ];
  }
  if (protocol === "mysql" && port === undefined) {
    return [{ field: `${path}.port`, reason: "must be defined with protocol mysql" }];
  }
  if (type === "Domain" && value.startsWith("*") && recognition(protocol) === "http" && port === undefined) {
    return [
      {
        field: `${path}.port`,
        reason: `must be defined for a wildcard domain with protocol ${protocol}`,
      },
    ];
  }
  return [];
}

/** What no single entry can tell: the same said twice, and protocols that cannot be told apart. */
function validateTogether(matches: readonly PassthroughMatch[], path: string): readonly Violation[] {
  const violations: Violation[] = [];
  const seen = new Map<string, number>();
  const httpOn = new Map<number | undefined, { readonly protocol: MatchProtocol; readonly index: number }>();
  for (const [index, match] of matches.entries()) {
    const { port, protocol = DEFAULT_PROTOCOL } = match;
    const entry = entryOf(match);
    if (entry !== undefined) {
      const key = `${protocol} ${entryKey(entry)}`;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, index);
      else {
        violations.push({
          field: `${path}[${index}].value`,
          reason: `${match.value} is already defined for this port and protocol, in appendMatch[${first}]`,
        });
      }
    }
    if (recognition(protocol) !== "http") continue;
    const other = httpOn.get(port);
    if (other === undefined) httpOn.set(port, { protocol, index });
    else if (other.protocol !== protocol) {
      violations.push({
        field: `${path}[${index}].protocol`,
        reason: `must be ${other.protocol} as in appendMatch[${other.index}]: of http, http2 and grpc, ${port === undefined ? "entries without port" : `port ${port}`} can have one`,
      });
    }
  }
  return violations;
}
