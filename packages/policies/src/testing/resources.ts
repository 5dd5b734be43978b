import assert from "node:assert/strict";
import { type KindDefinition, type ParseResult, parseResource } from "@skein/model";
import type { PolicyResource, PolicySpec } from "../engine/policy-resource.ts";
import type { Selectable } from "../engine/select.ts";
import type { DestinationPlan, Protocol } from "../plan/destination-plan.ts";

/** What a test says of a policy; everything else is the same for all. */
export interface PolicyOptions {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A policy as the store holds it, without any check: for the engine, which trusts validation. */
export function policy(spec: PolicySpec, { name = "p", labels = {} }: PolicyOptions = {}): PolicyResource {
  return {
    type: "MeshTimeout",
    mesh: "default",
    name,
    labels,
    creationTime: "2026-01-01T00:00:00Z",
    modificationTime: "2026-01-01T00:00:00Z",
    revision: 1,
    spec,
  };
}

/** Reads a document of a policy kind, as the API does. */
export function parse(kind: KindDefinition, spec: unknown): ParseResult {
  const document = { type: kind.type, mesh: "default", name: "p", spec };
  return parseResource(kind, document, { unknownFields: "strict" });
}

/** A policy of a kind, defaults filled in; the test fails where it is not valid. */
export function valid(kind: KindDefinition, spec: unknown, options: PolicyOptions = {}): PolicyResource {
  const { resource, violations } = parse(kind, spec);
  assert.deepEqual(violations, []);
  return { ...policy({}, options), type: kind.type, spec: resource?.spec as PolicySpec };
}

/** Violations in one line each: `field: reason`. */
export function problems(kind: KindDefinition, spec: unknown): readonly string[] {
  return parse(kind, spec).violations.map(({ field, reason }) => `${field}: ${reason}`);
}

/** A sidecar with one inbound `http` that has the service tag `web`. */
export function proxy(overrides: Partial<Selectable> = {}): Selectable {
  return {
    name: "web-01",
    labels: {},
    gatewayTags: undefined,
    inbounds: [{ section: "http", tags: { "kuma.io/service": "web" } }],
    ...overrides,
  };
}

/** Port 80 (`main`) of the MeshService `backend`. */
export function destination(overrides: Partial<DestinationPlan> = {}): DestinationPlan {
  return {
    kind: "MeshService",
    mesh: "default",
    name: "backend",
    kri: "kri_msvc_default_east__backend_main",
    labels: {},
    port: 80,
    portName: "main",
    protocol: "http",
    sni: "sni.msvc.default.east.backend.main",
    serverIds: [],
    legacyName: "default_backend__east_msvc_80",
    routeName: "kri_msvc_default_east__backend_main",
    ...overrides,
  };
}

/** The protocols that traffic can have. */
export const PROTOCOLS: readonly Protocol[] = ["tcp", "http", "http2", "grpc"];
