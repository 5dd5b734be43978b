import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as z from "zod";
import { duration } from "./duration.ts";
import { defineKind } from "./kind.ts";
import { dataplaneKind } from "./kinds/dataplane.ts";
import { meshKind } from "./kinds/mesh.ts";
import { meshServiceKind } from "./kinds/mesh-service.ts";
import { type ParseOptions, parseResource } from "./parse.ts";
import { toApiJson } from "./serialize.ts";

/** A policy-like kind with every construct that schemas use. */
const probeKind = defineKind({
  type: "MeshProbe",
  path: "meshprobes",
  scope: "Mesh",
  shape: "spec",
  hasStatus: false,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  cli: { singular: "meshprobe", plural: "meshprobes" },
  displayName: { singular: "Mesh Probe", plural: "Mesh Probes" },
  description: "A kind for tests.",
  spec: z.object({
    to: z
      .array(
        z.object({
          default: z
            .object({
              idleTimeout: duration().optional(),
              retryOn: z.array(z.enum(["5xx", "ConnectFailure"])).optional(),
              size: z.union([z.int(), z.string().regex(/^[0-9]+$/, "must be a number")]).optional(),
              free: z.looseObject({ known: z.string().optional() }).optional(),
              byName: z.record(z.string(), z.object({ weight: z.number() })).optional(),
              choice: z
                .union([
                  z.object({ kind: z.literal("a"), a: z.string() }),
                  z.object({ kind: z.literal("b"), b: z.string() }),
                ])
                .optional(),
            })
            .default({}),
        }),
      )
      .optional(),
  }),
});

const STRICT: ParseOptions = { unknownFields: "strict" };
const probe = (spec: unknown) => ({ type: "MeshProbe", mesh: "m", name: "n", spec });
const withDefault = (conf: unknown) => probe({ to: [{ default: conf }] });
const problems = (json: unknown): string[] =>
  parseResource(probeKind, json, STRICT).violations.map(({ field, reason }) => `${field}: ${reason}`);

test("a good document becomes a resource with defaults", () => {
  const { resource, violations, warnings } = parseResource(
    probeKind,
    {
      ...withDefault({ idleTimeout: "60m" }),
      labels: { a: "b" },
      kri: "x",
      creationTime: "y",
      status: { z: 1 },
    },
    STRICT,
  );
  assert.deepEqual(violations, []);
  assert.deepEqual(warnings, []);
  assert.deepEqual(resource, {
    type: "MeshProbe",
    mesh: "m",
    name: "n",
    labels: { a: "b" },
    spec: { to: [{ default: { idleTimeout: "1h0m0s" } }] },
  });
});

test("schema errors have paths and helpful reasons", () => {
  assert.deepEqual(problems(withDefault({ retryOn: ["ConnectFailed"] })), [
    "spec.to[0].default.retryOn[0]: in body should be one of [5xx ConnectFailure]",
  ]);
  assert.deepEqual(problems(withDefault({ retryOn: ["5xx", "ConnectFailur"] })), [
    "spec.to[0].default.retryOn[1]: in body should be one of [5xx ConnectFailure], did you mean `ConnectFailure`?",
  ]);
  assert.deepEqual(problems(withDefault({ idleTimeout: "1d" })), [
    "spec.to[0].default.idleTimeout: must be a duration such as 500ms, 15s, 5m or 1h30m",
  ]);
  assert.deepEqual(problems(withDefault({ idleTimeout: 5 })), [
    "spec.to[0].default.idleTimeout: must be a string, not a number; put it in quotes",
  ]);
  assert.deepEqual(problems(withDefault({ size: true })), [
    "spec.to[0].default.size: must be a number or a string, not true",
  ]);
  assert.deepEqual(problems(withDefault({ size: 1.5 })), [
    "spec.to[0].default.size: must be a whole number or a string, not a number",
  ]);
  assert.deepEqual(problems(withDefault({ size: "x" })), ["spec.to[0].default.size: must be a number"]);
  assert.deepEqual(problems(withDefault({ byName: { "a.b/c": {} } })), [
    'spec.to[0].default.byName["a.b/c"].weight: must be defined',
  ]);
  assert.deepEqual(problems(probe({ to: {} })), ["spec.to: must be a list, not an object"]);
  assert.deepEqual(problems(probe(undefined)), ["spec: .spec in body is required"]);
  assert.deepEqual(problems(probe([])), ["spec: must be an object, not a list"]);
  assert.deepEqual(problems([]), [": must be an object of type MeshProbe"]);
});

test("meta errors are found together with those of the spec", () => {
  assert.deepEqual(
    problems({ type: "X", name: "A", labels: { "a b": "c", d: 1 }, spec: { to: 1 } }).map(
      (text) => text.split(":")[0],
    ),
    ["type", "name", "mesh", 'labels["d"]', 'labels["a b"]', "spec.to"],
  );
  assert.equal(
    parseResource(probeKind, { ...probe({}), mesh: undefined }, { ...STRICT, defaultMesh: "d" }).resource
      ?.mesh,
    "d",
  );
});

test("unknown fields are found wherever they are", () => {
  const json = {
    ...withDefault({
      idleTimeOut: "1s",
      free: { anything: 1 },
      byName: { x: { weight: 1, wieght: 2 } },
      choice: { kind: "b", b: "", c: 1 },
    }),
    lables: {},
    to: [],
  };
  const { unknownFields, violations, warnings, resource } = parseResource(probeKind, json, {
    unknownFields: "warn",
  });
  assert.deepEqual(unknownFields, [
    { path: "lables", suggestion: "labels" },
    { path: "to", suggestion: "spec.to" },
    { path: "spec.to[0].default.idleTimeOut", suggestion: "idleTimeout" },
    { path: 'spec.to[0].default.byName["x"].wieght' },
    { path: "spec.to[0].default.choice.c" },
  ]);
  assert.deepEqual(violations, []);
  assert.ok(resource);
  assert.equal(warnings[2], "spec.to[0].default.idleTimeOut: unknown field, did you mean `idleTimeout`?");
  assert.equal(parseResource(probeKind, json, STRICT).violations.length, 5);
  assert.deepEqual(parseResource(probeKind, json, { unknownFields: "ignore" }).warnings, []);
});

test("unknown fields of flat kinds", () => {
  const mesh = parseResource(
    meshKind,
    { type: "Mesh", name: "m", mesh: "x", mtsl: {}, lables: {} },
    { unknownFields: "warn" },
  );
  assert.deepEqual(mesh.unknownFields, [
    { path: "mesh" },
    { path: "mtsl", suggestion: "mtls" },
    { path: "lables", suggestion: "labels" },
  ]);
});

test("a null field counts as absent", () => {
  const { resource, violations } = parseResource(
    probeKind,
    withDefault({ idleTimeout: null, free: { known: null, other: null } }),
    STRICT,
  );
  assert.deepEqual(violations, []);
  assert.deepEqual(resource?.spec, { to: [{ default: { free: { other: null } } }] });
});

test("hostile keys are data, not prototypes", () => {
  const json: unknown = JSON.parse(
    '{"type":"MeshProbe","mesh":"m","name":"n","labels":{"__proto__":"x"},"__proto__":{"a":1},"spec":{"__proto__":{"to":[]},"constructor":1}}',
  );
  const { violations, resource } = parseResource(probeKind, json, STRICT);
  assert.equal(resource, undefined);
  assert.deepEqual(
    violations.map(({ field }) => field),
    ['labels["__proto__"]', "__proto__", "spec.__proto__", "spec.constructor"],
  );
});

test("no JSON makes the parser throw", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (spec, labels) => {
      parseResource(probeKind, { ...probe(spec), labels }, STRICT);
      parseResource(dataplaneKind, { type: "Dataplane", mesh: "m", name: "n", networking: spec }, STRICT);
      parseResource(probeKind, spec, STRICT);
    }),
  );
});

const portName = fc.option(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { nil: undefined });
const services = fc
  .uniqueArray(
    fc.record({
      port: fc.integer({ min: 1, max: 65535 }),
      name: portName,
      appProtocol: fc.constantFrom("tcp", "http"),
    }),
    {
      selector: ({ port }) => port,
      maxLength: 4,
    },
  )
  .map((ports) =>
    ports.map((port, index) => ({
      ...port,
      name: port.name === undefined ? undefined : `${port.name}${index}x`,
    })),
  )
  .map((ports) => ({
    type: "MeshService",
    mesh: "m",
    name: "svc",
    labels: { "kuma.io/zone": "z" },
    spec: { ports },
  }));

test("what is written out reads back as the same resource", () => {
  fc.assert(
    fc.property(services, (json) => {
      const first = parseResource(meshServiceKind, JSON.parse(JSON.stringify(json)), STRICT);
      assert.deepEqual(first.violations, []);
      assert.ok(first.resource);
      const out: unknown = JSON.parse(JSON.stringify(toApiJson(meshServiceKind, first.resource)));
      const second = parseResource(meshServiceKind, out, STRICT);
      assert.deepEqual(second.violations, []);
      assert.deepEqual(second.resource, first.resource);
    }),
  );
});

test("ten thousand documents parse in seconds", () => {
  const inbound = [
    { port: 8080, name: "main", tags: { "kuma.io/service": "a", "kuma.io/protocol": "http" } },
  ];
  const start = performance.now();
  for (let index = 0; index < 10_000; index++) {
    const json = {
      type: "Dataplane",
      mesh: "m",
      name: `d${index}`,
      networking: { address: "10.0.0.1", inbound },
    };
    assert.ok(parseResource(dataplaneKind, json, STRICT).resource);
  }
  assert.ok(performance.now() - start < 5_000);
});
