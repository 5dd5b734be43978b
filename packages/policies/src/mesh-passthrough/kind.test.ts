import assert from "node:assert/strict";
import { test } from "node:test";
import { problems } from "../testing/resources.ts";
import { meshPassthroughKind } from "./kind.ts";

const AT = "spec.default.appendMatch";
const conf = (value: unknown) => ({ default: value });
const matches = (...appendMatch: readonly object[]) => conf({ passthroughMode: "Matched", appendMatch });
const ip = (rest: object = {}) => ({ type: "IP", value: "192.0.2.1", ...rest });
const domain = (value: string, rest: object = {}) => ({ type: "Domain", value, protocol: "tls", ...rest });

const NO_IP = "must be an IP address, such as 192.0.2.1 or 2001:db8::1; for a name use type Domain";
const NO_CIDR =
  "must be a range of addresses, such as 192.0.2.0/24 or 2001:db8::/32; for one address use type IP";
const NO_PORT = "must be a port from 1 to 65535; leave it out for every port";
const PARTIAL =
  'must have its wildcard as the whole first label, such as "*.example.com"; partial wildcards are not supported';
const NO_NAME = 'must be a DNS name without port and path, such as "example.com" or "*.example.com"';
const SAYS_NO_NAME =
  "is not supported for a domain, because such connections do not say a name; use tls, http, http2 or grpc, or type IP or CIDR";

const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  ["every mode", conf({ passthroughMode: "All" }), []],
  ["nothing, which closes the mesh", conf({}), []],
  ["an empty list, which closes the mesh", matches(), []],
  ["an address", matches(ip()), []],
  ["an IPv6 address", matches({ type: "IP", value: "2001:db8::1", protocol: "tcp", port: 1 }), []],
  ["ranges", matches({ type: "CIDR", value: "10.0.0.0/8" }, { type: "CIDR", value: "fd00::/8" }), []],
  ["everything", matches({ type: "CIDR", value: "0.0.0.0/0" }, { type: "CIDR", value: "::/0" }), []],
  ["a domain", matches(domain("example.com"), domain("Example.ORG", { port: 443 })), []],
  ["wildcards", matches(domain("*"), domain("*.com"), domain("*.a.example.com")), []],
  ["a wildcard over HTTP", matches(domain("*.example.com", { protocol: "http", port: 80 })), []],
  [
    "bytes, TLS and one kind of HTTP on a port, in any order",
    matches(
      ip({ port: 80, protocol: "http" }),
      ip({ port: 80, protocol: "tcp" }),
      ip({ port: 80, protocol: "tls" }),
      ip({ port: 81, protocol: "tcp" }),
      ip({ port: 81, protocol: "grpc" }),
    ),
    [],
  ],
  ["mysql", matches(ip({ port: 3306, protocol: "mysql" })), []],
  ["no default", {}, ["spec.default: must be defined"]],
  [
    "another mode",
    conf({ passthroughMode: "Some" }),
    ["spec.default.passthroughMode: in body should be one of [All Matched None]"],
  ],
  ["no type", matches({ value: "192.0.2.1" }), [`${AT}[0].type: must be defined`]],
  ["no value", matches({ type: "IP" }), [`${AT}[0].value: must be defined`]],
  [
    "another type",
    matches({ type: "Host", value: "a" }),
    [`${AT}[0].type: in body should be one of [Domain IP CIDR]`],
  ],
  [
    "another protocol",
    matches(ip({ protocol: "udp" })),
    [`${AT}[0].protocol: in body should be one of [tcp tls grpc http http2 mysql]`],
  ],
  ["a name as an address", matches({ type: "IP", value: "example.com" }), [`${AT}[0].value: ${NO_IP}`]],
  ["no IPv4 address", matches({ type: "IP", value: "192.0.2.256" }), [`${AT}[0].value: ${NO_IP}`]],
  [
    "a range as an address",
    matches({ type: "IP", value: "10.0.0.0/8" }),
    [`${AT}[0].value: must be one IP address; for a range use type CIDR`],
  ],
  ["an address as a range", matches({ type: "CIDR", value: "192.0.2.1" }), [`${AT}[0].value: ${NO_CIDR}`]],
  ["too long a prefix", matches({ type: "CIDR", value: "10.0.0.0/33" }), [`${AT}[0].value: ${NO_CIDR}`]],
  ["no prefix length", matches({ type: "CIDR", value: "10.0.0.0/" }), [`${AT}[0].value: ${NO_CIDR}`]],
  [
    "partial wildcards",
    matches(domain("*example.com"), domain("a.*.com"), domain("*.*.com")),
    [0, 1, 2].map((i) => `${AT}[${i}].value: ${PARTIAL}`),
  ],
  [
    "an address as a domain",
    matches(domain("192.0.2.1"), domain("2001:db8::1")),
    [0, 1].map((i) => `${AT}[${i}].value: is an address; use type IP or CIDR`),
  ],
  [
    "no names",
    matches(
      domain("https://example.com"),
      domain("example.com:443"),
      domain(""),
      domain("a..b"),
      domain("a."),
    ),
    [0, 1, 2, 3, 4].map((i) => `${AT}[${i}].value: ${NO_NAME}`),
  ],
  [
    "no ports",
    matches(ip({ port: 0 }), ip({ port: 65_536 })),
    [`${AT}[0].port: ${NO_PORT}`, `${AT}[1].port: ${NO_PORT}`],
  ],
  [
    "domains of connections that say no name",
    matches({ type: "Domain", value: "a.com" }, domain("a.com", { protocol: "mysql", port: 3306 })),
    [`${AT}[0].protocol: tcp ${SAYS_NO_NAME}`, `${AT}[1].protocol: mysql ${SAYS_NO_NAME}`],
  ],
  [
    "mysql on every port",
    matches(ip({ protocol: "mysql" })),
    [`${AT}[0].port: must be defined with protocol mysql`],
  ],
  [
    "a wildcard over HTTP on every port",
    matches(domain("*.example.com", { protocol: "http" }), domain("*", { protocol: "http2" })),
    [
      `${AT}[0].port: must be defined for a wildcard domain with protocol http`,
      `${AT}[1].port: must be defined for a wildcard domain with protocol http2`,
      `${AT}[1].protocol: must be http as in appendMatch[0]: of http, http2 and grpc, entries without port can have one`,
    ],
  ],
  [
    "the same twice, however it is written",
    matches(
      ip({ port: 80 }),
      ip({ port: 80, protocol: "tcp" }),
      domain("a.com"),
      domain("A.com"),
      { type: "CIDR", value: "10.0.0.0/8" },
      { type: "CIDR", value: "10.1.0.0/8" },
      { type: "CIDR", value: "192.0.2.1/32", port: 80 },
      { type: "IP", value: "2001:db8::1" },
      { type: "IP", value: "2001:DB8:0::1" },
    ),
    [
      `${AT}[1].value: 192.0.2.1 is already defined for this port and protocol, in appendMatch[0]`,
      `${AT}[3].value: A.com is already defined for this port and protocol, in appendMatch[2]`,
      `${AT}[5].value: 10.1.0.0/8 is already defined for this port and protocol, in appendMatch[4]`,
      `${AT}[6].value: 192.0.2.1/32 is already defined for this port and protocol, in appendMatch[0]`,
      `${AT}[8].value: 2001:DB8:0::1 is already defined for this port and protocol, in appendMatch[7]`,
    ],
  ],
  [
    "two kinds of HTTP on a port",
    matches(ip({ port: 80, protocol: "grpc" }), domain("a.com", { port: 80, protocol: "http" })),
    [`${AT}[1].protocol: must be grpc as in appendMatch[0]: of http, http2 and grpc, port 80 can have one`],
  ],
  [
    "one inbound of a proxy",
    { targetRef: { kind: "Dataplane", sectionName: "main" }, ...matches(ip()) },
    ["spec.targetRef.sectionName: can only be used with kind Dataplane in a policy that affects inbounds"],
  ],
  [
    "a gateway",
    { targetRef: { kind: "MeshGateway", name: "edge" }, ...matches(ip()) },
    ["spec.targetRef.kind: value is not supported, must be one of Mesh, Dataplane, MeshSubset"],
  ],
];

for (const [about, spec, expected] of cases) {
  test(about, () => assert.deepEqual(problems(meshPassthroughKind, spec), expected));
}
