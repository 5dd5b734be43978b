import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResource } from "../parse.ts";
import { meshGatewayKind } from "./mesh-gateway.ts";

const selectors = [{ match: { "kuma.io/service": "edge" } }];
const problems = (fields: object): readonly string[] =>
  parseResource(
    meshGatewayKind,
    { type: "MeshGateway", mesh: "default", name: "edge", selectors, ...fields },
    { unknownFields: "strict" },
  ).violations.map(({ field, reason }) => `${field}: ${reason}`);
const listening = (...listeners: object[]) => problems({ conf: { listeners } });
const http = { port: 8080, protocol: "HTTP" };
const https = {
  port: 8443,
  protocol: "HTTPS",
  tls: { mode: "TERMINATE", certificates: [{ secret: "cert" }] },
};

test("good gateways", () => {
  const good: object[][] = [
    [http],
    [
      { ...http, hostname: "*" },
      { ...http, hostname: "*.example.com" },
      { ...http, hostname: "a.example.com" },
    ],
    [
      { ...http, tags: { port: "http/8080" }, resources: { connectionLimit: 100 } },
      { ...https, hostname: "a.b" },
    ],
    [
      {
        ...https,
        tls: { ...https.tls, certificates: [{ secret: "rsa" }, { inlineString: "x" }], options: {} },
      },
    ],
    [{ port: 9000, protocol: "TLS", tls: { mode: "PASSTHROUGH" } }],
    [{ port: 9000, protocol: "TLS", tls: https.tls }],
    [{ port: 9000, protocol: "TCP" }],
    [{ ...http, crossMesh: true, hostname: "edge.mesh" }],
    [{ ...http, tls: https.tls }],
  ];
  for (const listeners of good) assert.deepEqual(listening(...listeners), [], JSON.stringify(listeners));
  const two = [...selectors, { match: { "kuma.io/service": "*", zone: "a" } }];
  assert.deepEqual(problems({ selectors: two, tags: { team: "x" }, conf: { listeners: [http] } }), []);
});

test("impossible gateways are refused with their path", () => {
  const conf = { listeners: [http] };
  const bad: [readonly string[], RegExp][] = [
    [problems({ conf, selectors: [] }), /^selectors: must have at least one element/],
    [problems({ conf, selectors: [{}] }), /^selectors\[0\]\.match\["kuma\.io\/service"\]: tag has to exist/],
    [
      problems({ conf, tags: { "kuma.io/service": "x" } }),
      /^tags\["kuma\.io\/service"\]: must not be defined/,
    ],
    [problems({}), /^conf\.listeners: must have at least one element/],
    [listening(), /^conf\.listeners: must have at least one element/],
    [listening({ protocol: "HTTP" }), /^conf\.listeners\[0\]\.port: /],
    [listening({ port: 0, protocol: "HTTP" }), /^conf\.listeners\[0\]\.port: port must be in the range/],
    [listening({ port: 80 }), /^conf\.listeners\[0\]\.protocol: must be one of HTTP, HTTPS, TCP, TLS/],
    [listening({ port: 80, protocol: "NONE" }), /^conf\.listeners\[0\]\.protocol: must be one of/],
    [listening({ ...http, protocol: "http" }), /did you mean `HTTP`/],
    [
      listening({ ...http, hostname: "a.*.com" }),
      /^conf\.listeners\[0\]\.hostname: a wildcard must be the whole first/,
    ],
    [
      listening({ ...http, hostname: "a.com:80" }),
      /^conf\.listeners\[0\]\.hostname: must be a DNS name.*without a port/,
    ],
    [listening({ ...http, hostname: "10.0.0.1" }), /^conf\.listeners\[0\]\.hostname: must be a DNS name/],
    [
      listening({ ...http, tags: { "kuma.io/zone": "x" } }),
      /^conf\.listeners\[0\]\.tags\["kuma\.io\/zone"\]: /,
    ],
    [listening({ ...http, resources: { connectionLimit: -1 } }), /connectionLimit: must not be negative/],
    [
      listening({ port: 1, protocol: "HTTPS" }),
      /^conf\.listeners\[0\]\.tls: must be defined for protocol HTTPS/,
    ],
    [listening({ ...https, tls: {} }), /^conf\.listeners\[0\]\.tls\.mode: must be TERMINATE$/],
    [listening({ ...https, tls: { mode: "PASSTHROUGH" } }), /tls\.mode: PASSTHROUGH is for protocol TLS/],
    [
      listening({ ...https, tls: { mode: "TERMINATE" } }),
      /tls\.certificates: must have one certificate, or two/,
    ],
    [
      listening({ ...https, tls: { mode: "TERMINATE", certificates: [{ file: "/x" }] } }),
      /tls\.certificates\[0\]\.file: cannot be read/,
    ],
    [
      listening({ ...https, tls: { mode: "TERMINATE", certificates: [{}] } }),
      /tls\.certificates\[0\]: must have exactly one of secret, inline or inlineString/,
    ],
    [
      listening({ port: 1, protocol: "TLS", tls: { mode: "PASSTHROUGH", certificates: [{ secret: "x" }] } }),
      /tls\.certificates: must be empty for mode PASSTHROUGH/,
    ],
    [
      listening(http, { ...http, hostname: "*" }),
      /^conf\.listeners\[1\]\.hostname: must differ from that of conf\.listeners\[0\]/,
    ],
    [
      listening({ ...http, hostname: "A.com" }, { ...http, hostname: "a.com" }),
      /^conf\.listeners\[1\]\.hostname: must differ/,
    ],
    [
      listening(http, { ...https, port: 8080, hostname: "a.b" }),
      /^conf\.listeners\[1\]\.protocol: must be equal/,
    ],
    [
      listening(http, { ...http, hostname: "a.b", resources: { connectionLimit: 1 } }),
      /^conf\.listeners\[1\]\.resources\.connectionLimit: must be equal/,
    ],
    [
      listening({ port: 1, protocol: "TCP" }, { port: 1, protocol: "TCP", hostname: "a.b" }),
      /^conf\.listeners\[1\]\.port: is taken by conf\.listeners\[0\]/,
    ],
    [
      listening({ ...https, crossMesh: true }),
      /^conf\.listeners\[0\]\.protocol: must be HTTP for a crossMesh/,
    ],
    [
      problems({
        conf: { listeners: [{ ...http, crossMesh: true }] },
        selectors: [...selectors, ...selectors],
      }),
      /^selectors: there can be at most one selector with a crossMesh listener/,
    ],
  ];
  for (const [found, wanted] of bad) assert.match(found.join("\n"), wanted);
});
