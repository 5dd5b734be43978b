import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResource } from "../parse.ts";
import { dataplaneKind } from "./dataplane.ts";

const problems = (networking: unknown, more: Record<string, unknown> = {}): string[] =>
  parseResource(
    dataplaneKind,
    { type: "Dataplane", mesh: "m", name: "d", networking, ...more },
    { unknownFields: "strict" },
  ).violations.map(({ field, reason }) => `${field}: ${reason}`);

const base = { address: "10.0.0.1" };
const web = { port: 80, tags: { "kuma.io/service": "web" } };

test("good dataplanes", () => {
  const good: unknown[] = [
    base,
    { address: "web.example.com", inbound: [web] },
    {
      ...base,
      inbound: [{ port: 8080, servicePort: 80, serviceAddress: "127.0.0.1", protocol: "HTTP", name: "main" }],
    },
    { ...base, inbound: [{ ...web, state: "NotReady", serviceProbe: { interval: "10s", tcp: {} } }] },
    { ...base, outbound: [{ port: 1, tags: { "kuma.io/service": "web" } }] },
    { ...base, outbound: [{ port: 1, backendRef: { kind: "MeshService", name: "web", port: 80 } }] },
    { ...base, outbound: [{ port: 1, backendRef: { kind: "MeshExternalService", labels: { a: "b" } } }] },
    { ...base, gateway: { type: "BUILTIN", tags: { "kuma.io/service": "g" } } },
    { ...base, gateway: {}, outbound: [{ port: 1, tags: { "kuma.io/service": "web" } }] },
    { ...base, listeners: [{ type: "ZoneIngress", port: 10001 }], inbound: [web] },
    { ...base, inbound: [web, { port: 80, tags: { "kuma.io/service": "other" } }] },
    {
      ...base,
      transparentProxying: { redirectPortInbound: 15006, directAccessServices: ["*"], ipFamilyMode: "IPv4" },
    },
    { ...base, admin: { port: 9901 } },
  ];
  for (const networking of good) assert.deepEqual(problems(networking), [], JSON.stringify(networking));
});

test("impossible dataplanes are refused with their path", () => {
  const bad: [unknown, RegExp][] = [
    [undefined, /^networking: must be defined$/],
    [{}, /^networking\.address: address can't be empty$/],
    [
      {
        address: "127.0.0.1",
        transparentProxying: { redirectPortInbound: 15006, redirectPortOutbound: 15006 },
      },
      /^networking\.transparentProxying\.redirectPortOutbound: must not be redirectPortInbound too/,
    ],
    [{ address: "0.0.0.0" }, /^networking\.address: must not be 0\.0\.0\.0/],
    [{ address: "::" }, /^networking\.address: must not be/],
    [{ address: "a b" }, /^networking\.address: address has to be valid/],
    [{ ...base, advertisedAddress: "!" }, /^networking\.advertisedAddress/],
    [{ ...base, inbound: [{}] }, /^networking\.inbound\[0\]\.port: must be defined/],
    [
      { ...base, inbound: [{ port: 0 }] },
      /^networking\.inbound\[0\]\.port: port must be in the range \[1, 65535\]/,
    ],
    [{ ...base, inbound: [{ port: 70000 }] }, /^networking\.inbound\[0\]\.port/],
    [{ ...base, inbound: [{ port: 80, servicePort: 70000 }] }, /servicePort: port must be/],
    [{ ...base, inbound: [{ port: 80, address: "web" }] }, /inbound\[0\]\.address: must be a valid IP/],
    [{ ...base, inbound: [{ port: 80, serviceAddress: "10.0.0.1" }] }, /serviceAddress: .*have to differ/],
    [{ ...base, inbound: [{ port: 80, protocol: "htpp" }] }, /protocol: must be one of grpc, http/],
    [{ ...base, inbound: [{ port: 80, tags: { a: "b" } }] }, /tags\["kuma\.io\/service"\]: tag has to exist/],
    [{ ...base, inbound: [{ port: 80, tags: { "kuma.io/service": "" } }] }, /tag value must be non-empty/],
    [
      { ...base, inbound: [{ port: 80, tags: { "kuma.io/service": "a", "kuma.io/protocol": "x" } }] },
      /tags\["kuma\.io\/protocol"\]: tag "kuma\.io\/protocol" has an invalid value "x"/,
    ],
    [{ ...base, inbound: [{ ...web, state: "ready" }] }, /did you mean `Ready`\?/],
    [
      { ...base, inbound: [{ ...web, serviceProbe: { interval: "10m" } }] },
      /serviceProbe\.interval: must be a duration in/,
    ],
    [
      {
        ...base,
        inbound: [
          { ...web, name: "a" },
          { port: 81, name: "a" },
        ],
      },
      /inbound\[1\]\.name: name "a" is already/,
    ],
    [{ ...base, outbound: [{ port: 1 }] }, /outbound\[0\]: must have a backendRef/],
    [
      {
        ...base,
        outbound: [
          { port: 1, tags: { "kuma.io/service": "a" }, backendRef: { kind: "MeshService", name: "a" } },
        ],
      },
      /both backendRef and tags\/service cannot be defined/,
    ],
    [
      { ...base, outbound: [{ port: 1, backendRef: { kind: "MeshService", name: "a" } }] },
      /backendRef\.port: must be set/,
    ],
    [
      { ...base, outbound: [{ port: 1, backendRef: { kind: "MeshService", port: 1 } }] },
      /backendRef\.name: must be set/,
    ],
    [{ ...base, gateway: {}, inbound: [web] }, /networking\.inbound: inbound cannot be defined for gateways/],
    [{ ...base, gateway: { type: "BUILTIN" }, outbound: [web] }, /networking\.outbound: outbound cannot be/],
    [{ ...base, gateway: { tags: { a: "b" } } }, /gateway\.tags\["kuma\.io\/service"\]: tag has to exist/],
    [
      { ...base, gateway: { tags: { "kuma.io/service": "g", "kuma.io/protocol": "http" } } },
      /Allowed values: tcp$/,
    ],
    [{ ...base, listeners: [{ port: 1 }] }, /listeners\[0\]\.type: type must be ZoneIngress or ZoneEgress/],
    [
      { ...base, listeners: [{ type: "ZoneIngress", port: 80 }], inbound: [web] },
      /listeners\[0\]\.port: 10\.0\.0\.1:80 is/,
    ],
    [
      { address: "127.0.0.1", inbound: [web], admin: { port: 80 } },
      /admin\.port: must not be the port of an inbound/,
    ],
    [
      { ...base, outbound: [{ ...web, port: 9 }], admin: { port: 9 } },
      /admin\.port: must not be the port of an outbound/,
    ],
    [{ ...base, adress: "x" }, /networking\.adress: unknown field/],
  ];
  for (const [networking, want] of bad)
    assert.match(problems(networking).join("\n"), want, JSON.stringify(networking));
  assert.match(
    problems(base, { probes: { endpoints: [{ path: "x" }] } }).join("\n"),
    /probes\.endpoints\[0\]\.path/,
  );
  assert.match(
    problems({ ...base, gateway: { type: "BUILTIN" } }, { probes: { port: 1 } }).join("\n"),
    /^probes: probes/,
  );
});

test("a dataplane is kept as written", () => {
  const json = {
    type: "Dataplane",
    mesh: "m",
    name: "d",
    networking: { ...base, inbound: [{ ...web, name: "" }] },
  };
  const { resource } = parseResource(dataplaneKind, json, { unknownFields: "strict" });
  assert.deepEqual(resource?.spec, { networking: json.networking });
});
