import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problems } from "../testing/resources.ts";
import { meshLoadBalancingStrategyKind } from "./kind.ts";

const AT = "spec.to[0].default";
const MESH = { kind: "Mesh" };
const to = (conf: unknown, targetRef: unknown = MESH, top: unknown = undefined) => ({
  ...(top === undefined ? {} : { targetRef: top }),
  to: [{ targetRef, default: conf }],
});
const locality = (localityAwareness: object) => to({ localityAwareness });
const tags = (...affinityTags: object[]) => locality({ localZone: { affinityTags } });
const failover = (...rules: object[]) => locality({ crossZone: { failover: rules } });
const threshold = (percentage: unknown) => locality({ crossZone: { failoverThreshold: { percentage } } });
const balancer = (loadBalancer: object) => to({ loadBalancer });
const hash = (...hashPolicies: object[]) => to({ hashPolicies });
const HEADER = { type: "Header", header: { name: "x-user" } };
const ROUTE = { kind: "MeshHTTPRoute", name: "r" };
const GATEWAY = { kind: "MeshGateway", name: "g" };

const TAGS = `${AT}.localityAwareness.localZone.affinityTags`;
const FAILOVER = `${AT}.localityAwareness.crossZone.failover`;
const PERCENTAGE = `${AT}.localityAwareness.crossZone.failoverThreshold.percentage`;
const LB = `${AT}.loadBalancer`;
const pattern = (path: string) => new RegExp(`^${path.replaceAll(/[[\].]/g, "\\$&")}: `);

const cases: readonly [about: string, spec: unknown, problems: readonly (string | RegExp)[]][] = [
  [
    "every field",
    to({
      localityAwareness: {
        disabled: false,
        localZone: {
          affinityTags: [
            { key: "rack", weight: 4_000_000_000 },
            { key: "region", weight: 1 },
          ],
        },
        crossZone: {
          failover: [
            { from: { zones: ["east", "west"] }, to: { type: "Only", zones: ["north"] } },
            { to: { type: "AnyExcept", zones: ["south"] } },
            { to: { type: "Any" } },
            { to: { type: "None" } },
          ],
          failoverThreshold: { percentage: "0.5" },
        },
      },
      loadBalancer: {
        type: "RingHash",
        roundRobin: {},
        random: {},
        leastRequest: { choiceCount: 2, activeRequestBias: "0" },
        ringHash: { hashFunction: "XXHash", minRingSize: 1, maxRingSize: 8_000_000 },
        maglev: { tableSize: 5_000_011 },
      },
      hashPolicies: [
        { ...HEADER, terminal: true },
        { type: "Cookie", cookie: { name: "c", ttl: "1h", path: "/" } },
        { type: "Connection", connection: { sourceIP: true } },
        { type: "SourceIP", connection: {} },
        { type: "QueryParameter", queryParameter: { name: "q" } },
        { type: "FilterState", filterState: { key: "k" } },
      ],
    }),
    [],
  ],
  ["nothing", to({}), []],
  ["a tag without a key", tags({ key: "" }), [`${TAGS}[0].key: must not be empty`]],
  ["a tag of no weight", tags({ key: "a", weight: 0 }), [`${TAGS}[0].weight: must be greater than 0`]],
  [
    "only some tags have a weight",
    tags({ key: "a", weight: 1 }, { key: "b" }),
    [`${TAGS}: all or none affinity tags should have weight`],
  ],
  [
    "more tags than weights fit",
    tags(...Array.from({ length: 10 }, (_, i) => ({ key: `t${i}` }))),
    [`${TAGS}: give the tags weights: without, there can be at most 9`],
  ],
  [
    "weights beyond 32 bits",
    tags({ key: "a", weight: 4_294_967_295 }),
    [`${TAGS}: the weights must add up to less than 4294967295`],
  ],
  [
    "from nowhere",
    failover({ from: { zones: [] }, to: { type: "Any" } }),
    [`${FAILOVER}[0].from.zones: must not be empty`],
  ],
  [
    "from a zone without a name",
    failover({ from: { zones: ["a", ""] }, to: { type: "Any" } }),
    [`${FAILOVER}[0].from.zones[1]: must not be empty`],
  ],
  ["to an unknown type", failover({ to: { type: "Some" } }), [pattern(`${FAILOVER}[0].to.type`)]],
  ["to nothing", failover({}), [pattern(`${FAILOVER}[0].to`)]],
  ...["Only", "AnyExcept"].map((type): [string, unknown, readonly string[]] => [
    `${type} without zones`,
    failover({ to: { type } }),
    [`${FAILOVER}[0].to.zones: must not be empty when type is ${type}`],
  ]),
  ...["Any", "None"].map((type): [string, unknown, readonly string[]] => [
    `${type} with zones`,
    failover({ to: { type, zones: ["a"] } }),
    [`${FAILOVER}[0].to.zones: must be empty when type is ${type}`],
  ]),
  ["a threshold of 0", threshold(0), [`${PERCENTAGE}: must be greater than 0`]],
  ["a threshold of 100.1", threshold("100.1"), [`${PERCENTAGE}: must be in inclusive range [0.0, 100.0]`]],
  ["a negative threshold", threshold(-1), [`${PERCENTAGE}: must be in inclusive range [0.0, 100.0]`]],
  ["a threshold that is no number", threshold("half"), [pattern(PERCENTAGE)]],
  ...[{ sectionName: "main" }, { labels: { app: "a" } }].map((more): [string, unknown, readonly string[]] => [
    `zones of a MeshService with ${Object.keys(more)[0]}`,
    to(
      { localityAwareness: { crossZone: { failover: [] } } },
      { kind: "MeshService", ...("labels" in more ? {} : { name: "a" }), ...more },
    ),
    [`${AT}.localityAwareness.crossZone: must not be set: MeshService traffic is local`],
  ]),
  ["an unknown algorithm", balancer({ type: "Fair" }), [pattern(`${LB}.type`)]],
  [
    "one choice",
    balancer({ type: "LeastRequest", leastRequest: { choiceCount: 1 } }),
    [pattern(`${LB}.leastRequest.choiceCount`)],
  ],
  [
    "a negative bias",
    balancer({ type: "LeastRequest", leastRequest: { activeRequestBias: "-0.5" } }),
    [`${LB}.leastRequest.activeRequestBias: must be greater or equal then: 0`],
  ],
  [
    "an unknown hash function",
    balancer({ type: "RingHash", ringHash: { hashFunction: "MURMUR_HASH_2" } }),
    [pattern(`${LB}.ringHash.hashFunction`)],
  ],
  [
    "a ring that is too large",
    balancer({ type: "RingHash", ringHash: { maxRingSize: 8_000_001 } }),
    [pattern(`${LB}.ringHash.maxRingSize`)],
  ],
  [
    "a ring that is greater than itself",
    balancer({ type: "RingHash", ringHash: { minRingSize: 2, maxRingSize: 1 } }),
    [`${LB}.ringHash.minRingSize: must not be greater than maxRingSize`],
  ],
  [
    "a table that is not prime",
    balancer({ type: "Maglev", maglev: { tableSize: 1000 } }),
    [`${LB}.maglev.tableSize: must be a prime number: Envoy takes no other; the next one is 1009`],
  ],
  [
    "a table that is too large",
    balancer({ type: "Maglev", maglev: { tableSize: 5_000_012 } }),
    [pattern(`${LB}.maglev.tableSize`)],
  ],
  ...(["ringHash", "maglev"] as const).map((name): [string, unknown, readonly string[]] => [
    `hash policies in two places: ${name}`,
    to({ loadBalancer: { type: "RingHash", [name]: { hashPolicies: [HEADER] } }, hashPolicies: [HEADER] }),
    [`${LB}.${name}.hashPolicies: hashPolicies already specified in the root level`],
  ]),
  [
    "a bad hash policy in the older place",
    balancer({ type: "Maglev", maglev: { hashPolicies: [{ type: "Header" }] } }),
    [`${LB}.maglev.hashPolicies[0].header: must be defined`],
  ],
  ...(
    [
      ["Header", "header"],
      ["Cookie", "cookie"],
      ["Connection", "connection"],
      ["SourceIP", "connection"],
      ["QueryParameter", "queryParameter"],
      ["FilterState", "filterState"],
    ] as const
  ).map(([type, part]): [string, unknown, readonly string[]] => [
    `${type} without ${part}`,
    hash(HEADER, { type }),
    [`${AT}.hashPolicies[1].${part}: must be defined`],
  ]),
  [
    "a header without a name",
    hash({ type: "Header", header: { name: "" } }),
    [`${AT}.hashPolicies[0].header.name: must not be empty`],
  ],
  [
    "a cookie with half a path",
    hash({ type: "Cookie", cookie: { name: "c", path: "app" } }),
    [`${AT}.hashPolicies[0].cookie.path: must be an absolute path`],
  ],
  ...(
    [
      ["a name with a line break", { name: "a\nb" }, "name: must be the name of a cookie"],
      ["a negative life", { name: "c", ttl: "-1s" }, "ttl: must not be negative when defined"],
      [
        "a path with an attribute",
        { name: "c", path: "/a; Secure" },
        "path: must not contain ; or control characters",
      ],
    ] as const
  ).map(([about, cookie, problem]): [string, unknown, readonly string[]] => [
    `a cookie with ${about}`,
    hash({ type: "Cookie", cookie }),
    [`${AT}.hashPolicies[0].cookie.${problem}`],
  ]),
  ["a route", to({ hashPolicies: [HEADER] }, ROUTE), []],
  [
    "what a route cannot have",
    to({ loadBalancer: { type: "Random" }, localityAwareness: {} }, ROUTE),
    [
      `${AT}.localityAwareness: field is not allowed when targetRef.kind is MeshHTTPRoute, only hashPolicies is supported`,
      `${AT}.loadBalancer: field is not allowed when targetRef.kind is MeshHTTPRoute, only hashPolicies is supported`,
    ],
  ],
  [
    "a gateway and the algorithm of one service",
    to({ loadBalancer: { type: "Random" } }, { kind: "MeshService", name: "a" }, GATEWAY),
    [
      "spec.to[0].targetRef.kind: value 'MeshService' is not supported, only Mesh is allowed if loadBalancer is set",
    ],
  ],
  ["a gateway and the algorithm of all", to({ loadBalancer: { type: "Random" } }, MESH, GATEWAY), []],
  [
    "a gateway and a route",
    to({ hashPolicies: [HEADER] }, ROUTE, GATEWAY),
    [/^spec\.to\[0\]\.targetRef\.kind: /],
  ],
  [
    "an external service",
    to({}, { kind: "MeshExternalService", name: "a" }),
    [
      "spec.to[0].targetRef.kind: value is not supported, must be one of Mesh, MeshService, MeshMultiZoneService, MeshHTTPRoute",
    ],
  ],
];

for (const [about, spec, expected] of cases) {
  test(`MeshLoadBalancingStrategy: ${about}`, () => {
    const lines = problems(meshLoadBalancingStrategyKind, spec);
    assert.equal(lines.length, expected.length, lines.join("\n"));
    for (const [i, want] of expected.entries()) {
      if (typeof want === "string") assert.equal(lines[i], want);
      else assert.match(lines[i] ?? "", want);
    }
  });
}

test("what is deprecated or without effect is said", () => {
  const warnings = (conf: unknown) => parse(meshLoadBalancingStrategyKind, to(conf)).warnings;
  const older = { type: "RingHash", ringHash: { hashPolicies: [{ type: "SourceIP", connection: {} }] } };
  assert.deepEqual(warnings({ loadBalancer: older }), [
    `${LB}.ringHash.hashPolicies is deprecated; use ${AT}.hashPolicies instead`,
    `${LB}.ringHash.hashPolicies[0].type: SourceIP is deprecated; use Connection with connection.sourceIP: true instead`,
  ]);
  assert.deepEqual(warnings({ loadBalancer: { type: "Random" }, hashPolicies: [HEADER] }), [
    `${AT}.hashPolicies have no effect with loadBalancer.type Random; use RingHash or Maglev`,
  ]);
  assert.deepEqual(warnings({ loadBalancer: { type: "Maglev" }, hashPolicies: [HEADER] }), []);
});

test("settings that nothing reads are told", () => {
  const warnings = (conf: unknown) => parse(meshLoadBalancingStrategyKind, to(conf)).warnings;
  const others = { leastRequest: { choiceCount: 3 }, ringHash: { minRingSize: 3 }, maglev: { tableSize: 7 } };
  assert.deepEqual(warnings({ loadBalancer: { type: "Maglev", ...others } }), [
    `${LB}.leastRequest has no effect with loadBalancer.type Maglev`,
    `${LB}.ringHash has no effect with loadBalancer.type Maglev`,
  ]);
  assert.deepEqual(warnings({ loadBalancer: { type: "RingHash", ringHash: {}, leastRequest: {} } }), []);
  const leastRequest = { choiceCount: 3, activeRequestBias: 2 };
  assert.deepEqual(warnings({ loadBalancer: { type: "LeastRequest", leastRequest } }), [
    `${LB}.leastRequest.activeRequestBias has no effect, because all instances weigh the same, unless a MeshProxyPatch gives the cluster a slow start`,
  ]);
  assert.deepEqual(
    warnings({ loadBalancer: { type: "LeastRequest", leastRequest: { choiceCount: 3 } } }),
    [],
  );
  const connection = (value: object) => ({
    loadBalancer: { type: "Maglev" },
    hashPolicies: [HEADER, { type: "Connection", connection: value }],
  });
  assert.deepEqual(warnings(connection({})), [
    `${AT}.hashPolicies[1].connection has no effect without sourceIP: true`,
  ]);
  assert.deepEqual(warnings(connection({ sourceIP: true })), []);
  const disabled = `${AT}.localityAwareness.disabled has no effect beside localZone or crossZone`;
  assert.deepEqual(warnings({ localityAwareness: { disabled: true, localZone: {} } }), [disabled]);
  assert.deepEqual(warnings({ localityAwareness: { disabled: true, crossZone: {} } }), [disabled]);
  assert.deepEqual(warnings({ localityAwareness: { disabled: true } }), []);
});
