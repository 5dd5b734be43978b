import assert from "node:assert/strict";
import { test } from "node:test";
import type { KindDefinition } from "@skein/model";
import { policies } from "../all.ts";
import { meshCircuitBreakerKind } from "../mesh-circuit-breaker/kind.ts";
import { meshRetryKind } from "../mesh-retry/kind.ts";
import { meshTimeoutKind } from "../mesh-timeout/kind.ts";
import { meshTlsKind } from "../mesh-tls/kind.ts";
import { meshTrafficPermissionKind } from "../mesh-traffic-permission/kind.ts";
import { parse, problems } from "../testing/resources.ts";

const MESH = { kind: "Mesh" };
const ID = { spiffeID: { type: "Exact", value: "spiffe://td/a" } };

/** The least that each kind takes in each of its blocks. */
const samples: readonly {
  readonly kind: KindDefinition;
  readonly to?: unknown;
  readonly from?: unknown;
  readonly rules?: unknown;
}[] = [
  {
    kind: meshTimeoutKind,
    to: { idleTimeout: "1s" },
    from: { idleTimeout: "1s" },
    rules: { idleTimeout: "1s" },
  },
  { kind: meshTlsKind, from: { mode: "Strict" }, rules: { mode: "Strict" } },
  { kind: meshTrafficPermissionKind, from: { action: "Allow" }, rules: { allow: [ID] } },
  {
    kind: meshCircuitBreakerKind,
    to: { connectionLimits: { maxRequests: 1 } },
    from: { connectionLimits: { maxRequests: 1 } },
    rules: { connectionLimits: { maxRequests: 1 } },
  },
  { kind: meshRetryKind, to: { tcp: { maxConnectAttempt: 1 } } },
];

const has = (fields: readonly string[], field: string) => fields.some((line) => line.startsWith(`${field}:`));

for (const { kind, to, from, rules } of samples) {
  const targeted = (conf: unknown) => [{ targetRef: MESH, default: conf }];
  const blocks: Readonly<Record<string, readonly unknown[]>> = {
    ...(to === undefined ? {} : { to: targeted(to) }),
    ...(from === undefined ? {} : { from: targeted(from) }),
    ...(rules === undefined ? {} : { rules: [{ default: rules }] }),
  };

  for (const [block, entries] of Object.entries(blocks)) {
    test(`${kind.type}: ${block} with and without a targetRef`, () => {
      assert.deepEqual(problems(kind, { [block]: entries }), []);
      assert.deepEqual(problems(kind, { targetRef: MESH, [block]: entries }), []);
      assert.deepEqual(
        problems(kind, { targetRef: { kind: "Dataplane", labels: { a: "b" } }, [block]: entries }),
        [],
      );
    });
  }

  test(`${kind.type}: blocks it does not have are unknown fields`, () => {
    for (const block of ["to", "from", "rules", "default"].filter((name) => !(name in blocks))) {
      assert.ok(has(problems(kind, { ...blocks, [block]: [] }), `spec.${block}`), block);
    }
  });

  test(`${kind.type}: a section needs a block about inbounds`, () => {
    const targetRef = { kind: "Dataplane", sectionName: "http" };
    for (const [block, entries] of Object.entries(blocks)) {
      const lines = problems(kind, { targetRef, [block]: entries });
      assert.equal(has(lines, "spec.targetRef.sectionName"), block === "to", block);
    }
  });

  test(`${kind.type}: rules stand alone`, () => {
    if (rules === undefined) return;
    for (const block of ["to", "from"].filter((name) => name in blocks)) {
      const lines = problems(kind, { rules: blocks.rules, [block]: blocks[block] });
      assert.equal(has(lines, "spec"), true, block);
    }
  });

  test(`${kind.type}: an entry needs a default`, () => {
    for (const block of ["to", "from"].filter((name) => name in blocks)) {
      assert.ok(has(problems(kind, { [block]: [{ targetRef: MESH }] }), `spec.${block}[0].default`));
    }
    if (rules !== undefined) assert.ok(has(problems(kind, { rules: [{}] }), "spec.rules[0].default"));
  });

  test(`${kind.type}: a spec is required`, () => {
    assert.ok(has(problems(kind, undefined), "spec"));
  });
}

const needsBlock: readonly [kind: KindDefinition, reason: string | undefined][] = [
  [meshTimeoutKind, "at least one of 'from', 'to' or 'rules' has to be defined"],
  [meshCircuitBreakerKind, "at least one of 'from', 'to' or 'rules' has to be defined"],
  [meshTrafficPermissionKind, "at least one of 'from' or 'rules' has to be defined"],
  [meshTlsKind, undefined],
  [meshRetryKind, undefined],
];

for (const [kind, reason] of needsBlock) {
  test(`${kind.type}: ${reason ?? "may be empty"}`, () => {
    assert.deepEqual(problems(kind, {}), reason === undefined ? [] : [`spec: ${reason}`]);
  });
}

const SUBSET = { kind: "MeshSubset", tags: { a: "b" } };
const SERVICE = { kind: "MeshService", name: "web" };
const SERVICE_SUBSET = { kind: "MeshServiceSubset", name: "web", tags: { a: "b" } };
const GATEWAY = { kind: "MeshGateway", name: "edge", tags: { port: "http" } };
const ROUTE = { kind: "MeshHTTPRoute", name: "r" };
const EXTERNAL = { kind: "MeshExternalService", name: "x" };
const MULTI_ZONE = { kind: "MeshMultiZoneService", name: "x" };
const everything = [
  MESH,
  { kind: "Dataplane" },
  SUBSET,
  SERVICE,
  SERVICE_SUBSET,
  GATEWAY,
  ROUTE,
  EXTERNAL,
  MULTI_ZONE,
];
const LEGACY = ["MeshSubset", "MeshService", "MeshServiceSubset"];

/** The kinds that a targetRef may have (spec: policies.md 1.2 and 1.3). */
const kinds: readonly {
  readonly kind: KindDefinition;
  readonly top: readonly string[];
  readonly to?: readonly string[];
  readonly from?: readonly string[];
}[] = [
  { kind: meshTrafficPermissionKind, top: ["Mesh", "Dataplane", ...LEGACY], from: ["Mesh", ...LEGACY] },
  { kind: meshTlsKind, top: ["Mesh", "Dataplane", "MeshSubset"], from: ["Mesh"] },
  {
    kind: meshTimeoutKind,
    top: ["Mesh", "Dataplane", ...LEGACY, "MeshGateway", "MeshHTTPRoute"],
    to: ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService", "MeshHTTPRoute"],
    from: ["Mesh"],
  },
  {
    kind: meshCircuitBreakerKind,
    top: ["Mesh", "Dataplane", ...LEGACY, "MeshGateway"],
    to: ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService"],
    from: ["Mesh"],
  },
  {
    kind: meshRetryKind,
    top: ["Mesh", "Dataplane", ...LEGACY, "MeshGateway", "MeshHTTPRoute"],
    to: ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService", "MeshHTTPRoute"],
  },
];

for (const { kind, top, to, from } of kinds) {
  const sample = samples.find((each) => each.kind === kind);
  const block = sample?.to === undefined ? "from" : "to";
  const conf = block === "to" ? sample?.to : sample?.from;
  test(`${kind.type}: kinds of targets`, () => {
    for (const ref of everything) {
      // Idle time-outs belong to connections, which a route does not have: that is another rule's violation.
      const spec = { targetRef: ref, [block]: [{ targetRef: MESH, default: conf }] };
      assert.equal(
        !has(problems(kind, spec), "spec.targetRef.kind"),
        top.includes(ref.kind),
        `top ${ref.kind}`,
      );
      for (const [name, allowed] of Object.entries({ to, from })) {
        if (allowed === undefined) continue;
        const inner = name === "to" ? sample?.to : sample?.from;
        const lines = problems(kind, { [name]: [{ targetRef: ref, default: inner }] });
        assert.equal(
          !has(lines, `spec.${name}[0].targetRef.kind`),
          allowed.includes(ref.kind),
          `${name} ${ref.kind}`,
        );
      }
    }
  });
}

const TO_ALL = ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService"];
const SERVICES = ["MeshService", "MeshExternalService", "MeshMultiZoneService"];

/**
 * Where a targetRef of which kind may stand, for every policy (spec: policies.md 1.2 and 1.3). `toOfGateway` is what stands in
 * `to` under a MeshGateway.
 */
const places: Readonly<
  Record<
    string,
    {
      readonly top: readonly string[];
      readonly to?: readonly string[];
      readonly toOfGateway?: readonly string[];
      readonly from?: readonly string[];
    }
  >
> = {
  MeshTrafficPermission: { top: [...LEGACY], from: ["Mesh", ...LEGACY] },
  MeshTLS: { top: ["MeshSubset"], from: ["Mesh"] },
  MeshHTTPRoute: { top: [...LEGACY, "MeshGateway"], to: SERVICES, toOfGateway: ["Mesh"] },
  MeshTCPRoute: { top: [...LEGACY, "MeshGateway"], to: SERVICES, toOfGateway: ["Mesh"] },
  MeshTimeout: {
    top: [...LEGACY, "MeshGateway", "MeshHTTPRoute"],
    to: [...TO_ALL, "MeshHTTPRoute"],
    toOfGateway: ["Mesh", "MeshExternalService"],
    from: ["Mesh"],
  },
  MeshRetry: {
    top: [...LEGACY, "MeshGateway", "MeshHTTPRoute"],
    to: [...TO_ALL, "MeshHTTPRoute"],
    toOfGateway: ["Mesh", "MeshExternalService"],
  },
  MeshCircuitBreaker: { top: [...LEGACY, "MeshGateway"], to: TO_ALL, toOfGateway: TO_ALL, from: ["Mesh"] },
  MeshHealthCheck: { top: [...LEGACY, "MeshGateway"], to: TO_ALL, toOfGateway: TO_ALL },
  MeshRateLimit: {
    top: [...LEGACY, "MeshGateway", "MeshHTTPRoute"],
    to: ["Mesh"],
    toOfGateway: ["Mesh"],
    from: ["Mesh"],
  },
  MeshFaultInjection: {
    top: [...LEGACY, "MeshGateway"],
    to: ["Mesh"],
    toOfGateway: ["Mesh"],
    from: ["Mesh", ...LEGACY],
  },
  MeshLoadBalancingStrategy: {
    top: [...LEGACY, "MeshGateway"],
    to: ["Mesh", "MeshService", "MeshMultiZoneService", "MeshHTTPRoute"],
    toOfGateway: ["Mesh", "MeshService", "MeshMultiZoneService"],
  },
  MeshProxyPatch: { top: [...LEGACY, "MeshGateway"] },
  MeshPassthrough: { top: ["MeshSubset"] },
  MeshOPA: { top: ["MeshSubset", "MeshGateway"] },
  MeshGlobalRateLimit: {
    top: ["MeshSubset", "MeshService", "MeshGateway"],
    to: ["Mesh"],
    toOfGateway: ["Mesh"],
    from: ["Mesh"],
  },
};

/** Those of all kinds of reference that do not break the rule about kinds at this place. */
function taken(
  kind: KindDefinition,
  block: "to" | "from" | undefined,
  targetRef?: unknown,
): readonly string[] {
  const specOf = (ref: unknown) =>
    block === undefined ? { targetRef: ref } : { targetRef, [block]: [{ targetRef: ref }] };
  const field = block === undefined ? "spec.targetRef.kind" : `spec.${block}[0].targetRef.kind`;
  return everything
    .filter((ref) => {
      const lines = problems(kind, specOf(ref));
      return !has(lines, field) && !has(lines, `spec.${block}`);
    })
    .map((ref) => ref.kind)
    .sort();
}

for (const { kind } of policies) {
  test(`${kind.type}: where a targetRef of which kind may stand`, () => {
    const { top, to, toOfGateway, from } =
      places[kind.type] ?? assert.fail(`${kind.type} is not in the table`);
    const sorted = (list: readonly string[] = []) => list.toSorted();
    assert.deepEqual(taken(kind, undefined), sorted(["Mesh", "Dataplane", ...top]), "top");
    assert.deepEqual(taken(kind, "to"), sorted(to), "to");
    assert.deepEqual(
      taken(kind, "to", { kind: "MeshGateway", name: "edge" }),
      sorted(toOfGateway),
      "to of a gateway",
    );
    assert.deepEqual(taken(kind, "from", { kind: "Dataplane" }), sorted(from), "from");
  });
}

const fields: readonly [about: string, spec: unknown, field: string][] = [
  ["a name with kind Mesh", { targetRef: { kind: "Mesh", name: "x" } }, "spec.targetRef.name"],
  ["no type of proxy", { targetRef: { kind: "Mesh", proxyTypes: [] } }, "spec.targetRef.proxyTypes"],
  [
    "an unknown type of proxy",
    { targetRef: { kind: "Mesh", proxyTypes: ["Ingress"] } },
    "spec.targetRef.proxyTypes[0]",
  ],
  ["tags with a Dataplane", { targetRef: { kind: "Dataplane", tags: { a: "b" } } }, "spec.targetRef.tags"],
  [
    "name and labels",
    { targetRef: { kind: "Dataplane", name: "x", labels: { a: "b" } } },
    "spec.targetRef.labels",
  ],
  ["a name in capitals", { targetRef: { kind: "Dataplane", name: "Web" } }, "spec.targetRef.name"],
  ["a kind that does not exist", { targetRef: { kind: "Zone" } }, "spec.targetRef.kind"],
  ["a service without a name", { to: [{ targetRef: { kind: "MeshService" } }] }, "spec.to[0].targetRef"],
  [
    "tags in a to entry",
    { to: [{ targetRef: { ...SERVICE, tags: { a: "b" } } }] },
    "spec.to[0].targetRef.tags",
  ],
  ["another mesh", { targetRef: { kind: "Mesh", mesh: "other" } }, "spec.targetRef.mesh"],
];

for (const [about, spec, field] of fields) {
  test(`targetRef: ${about} is refused at ${field}`, () => {
    assert.ok(has(problems(meshTimeoutKind, spec), field), problems(meshTimeoutKind, spec).join("\n"));
  });
}

const deprecated: readonly [
  about: string,
  kind: KindDefinition,
  spec: unknown,
  warnings: readonly RegExp[],
][] = [
  ["Mesh and to", meshTimeoutKind, { to: [{ targetRef: MESH, default: { idleTimeout: "1s" } }] }, []],
  [
    "MeshSubset at the top",
    meshTimeoutKind,
    { targetRef: SUBSET, to: [{ targetRef: MESH, default: { idleTimeout: "1s" } }] },
    [/MeshSubset is deprecated.*Dataplane/],
  ],
  [
    "MeshService at the top and from",
    meshTimeoutKind,
    { targetRef: SERVICE, from: [{ targetRef: MESH, default: { idleTimeout: "1s" } }] },
    [/MeshService is deprecated/, /from is deprecated.*rules/],
  ],
  [
    "MeshServiceSubset at the top",
    meshRetryKind,
    { targetRef: SERVICE_SUBSET, to: [{ targetRef: MESH, default: { tcp: { maxConnectAttempt: 1 } } }] },
    [/MeshServiceSubset is deprecated/],
  ],
  [
    "from in a MeshTrafficPermission",
    meshTrafficPermissionKind,
    { from: [{ targetRef: MESH, default: { action: "Allow" } }] },
    [/from is deprecated.*MeshIdentity/],
  ],
  [
    "from in a MeshTLS",
    meshTlsKind,
    { from: [{ targetRef: MESH, default: { mode: "Strict" } }] },
    [/from is deprecated/],
  ],
  [
    "from in a MeshCircuitBreaker",
    meshCircuitBreakerKind,
    { from: [{ targetRef: MESH, default: { connectionLimits: { maxRequests: 1 } } }] },
    [/from is deprecated/],
  ],
];

for (const [about, kind, spec, warnings] of deprecated) {
  test(`deprecations: ${about}`, () => {
    const { violations, warnings: given } = parse(kind, spec);
    assert.deepEqual(violations, []);
    assert.equal(given.length, warnings.length, given.join("\n"));
    for (const [i, pattern] of warnings.entries()) assert.match(given[i] ?? "", pattern);
  });
}

test("every policy is translated in Kuma's order, and its kind says what it is", () => {
  const known: Readonly<Record<string, number>> = {
    MeshTLS: 300,
    MeshTimeout: 1000,
    MeshTrafficPermission: 1100,
    MeshCircuitBreaker: 1300,
    MeshRetry: 1400,
  };
  for (const [type, order] of Object.entries(known)) {
    assert.equal(policies.find(({ kind }) => kind.type === type)?.order, order, type);
  }
  const orders = policies.map(({ order }) => order);
  assert.deepEqual(
    orders,
    orders.toSorted((a, b) => a - b),
  );
  const facts = (type: string) => policies.find(({ kind }) => kind.type === type)?.kind.policy;
  assert.deepEqual(facts("MeshTimeout"), {
    isTargetRef: true,
    hasTo: true,
    hasFrom: true,
    hasRules: true,
    isFromAsRules: true,
  });
  assert.equal(facts("MeshTrafficPermission")?.isFromAsRules, false);
  assert.equal(facts("MeshRetry")?.hasRules, false);
});
