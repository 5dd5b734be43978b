import assert from "node:assert/strict";
import { coreKinds, createRegistry, type NewResource, parseResource } from "@skein/model";
import { policyKinds } from "@skein/policies/kinds";
import { parseAllDocuments } from "yaml";
import { type OfflineWorld, offlineWorld } from "../../offline/world.ts";
import { explain } from "../explain.ts";
import type { Explanation, Question, QuestionProblem } from "../explanation.ts";
import { explanationSchema } from "../explanation-schema.ts";

const registry = createRegistry([...coreKinds, ...policyKinds]);

/** `portal` calls `check-in` (HTTP) and `radar` (bytes); `check-in` has two instances. */
export const AIRLINE = `
type: Mesh
name: default
meshServices: {mode: Exclusive}
skipCreatingInitialPolicies: ["*"]
---
type: Dataplane
mesh: default
name: portal-1
labels: {app: portal, kuma.io/workload: portal}
networking:
  address: 127.0.1.1
  inbound: [{name: main, port: 8080, protocol: http, tags: {kuma.io/service: portal}}]
  outbound:
    - {port: 10001, backendRef: {kind: MeshService, name: check-in, port: 8080}}
    - {port: 10002, backendRef: {kind: MeshService, name: radar, port: 9000}}
---
type: Dataplane
mesh: default
name: check-in-1
labels: {app: check-in, kuma.io/workload: check-in}
networking:
  address: 127.0.1.2
  inbound: [{name: main, port: 8080, protocol: http, tags: {kuma.io/service: check-in}}]
---
type: Dataplane
mesh: default
name: check-in-2
labels: {app: check-in, kuma.io/workload: check-in, version: v2}
networking:
  address: 127.0.1.3
  inbound: [{name: main, port: 8080, protocol: http, tags: {kuma.io/service: check-in}}]
---
type: Dataplane
mesh: default
name: radar-1
labels: {app: radar, kuma.io/workload: radar}
networking:
  address: 127.0.1.4
  inbound: [{name: main, port: 9000, protocol: tcp, tags: {kuma.io/service: radar}}]
`;

/** Everybody has an identity. */
export const IDENTITY = `
---
type: MeshIdentity
mesh: default
name: everybody
spec:
  selector: {dataplane: {matchLabels: {}}}
  spiffeID: {trustDomain: air.test, path: "/{{ .Workload }}"}
  provider: {type: Bundled, bundled: {autogenerate: {enabled: true}, insecureAllowSelfSigned: true}}
`;

/** A document of the mesh. */
export function policy(type: string, name: string, spec: unknown): string {
  return `\n---\n${JSON.stringify({ type, mesh: "default", name, spec })}\n`;
}

/** Lets one workload call everybody. */
export function allow(workload: string, name = "allow"): string {
  const match = { spiffeID: { type: "Exact", value: `spiffe://air.test/${workload}` } };
  return policy("MeshTrafficPermission", name, { rules: [{ default: { allow: [match] } }] });
}

/** Documents as resources; throws where one breaks the rules of its kind. */
export function parsed(yaml: string): readonly NewResource[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const content: unknown = document.toJS();
    if (content === null) return [];
    const kind = registry.byType(String(Reflect.get(Object(content), "type")));
    if (kind === undefined) throw new Error(`no kind for ${JSON.stringify(content)}`);
    const { resource, violations } = parseResource(kind, content, { unknownFields: "strict" });
    if (resource === undefined) throw new Error(JSON.stringify(violations));
    return [resource];
  });
}

/** The world of some documents. */
export function worldOf(yaml: string): OfflineWorld {
  return offlineWorld(parsed(yaml), "east");
}

/** What `explain` says; throws where the question itself is wrong. */
export function ask(
  yaml: string,
  source: string,
  destination: string,
  more: Partial<Question> = {},
): Explanation {
  const outcome = asked(yaml, source, destination, more);
  if (!outcome.ok) throw new Error(outcome.error.message);
  assert.deepEqual(explanationSchema.parse(outcome.value), outcome.value, "the schema has all of an answer");
  return outcome.value;
}

/** The problem of a question. */
export function problemOf(
  yaml: string,
  source: string,
  destination: string,
  more: Partial<Question> = {},
): QuestionProblem {
  const outcome = asked(yaml, source, destination, more);
  if (outcome.ok) throw new Error("the question was answered");
  return outcome.error;
}

function asked(yaml: string, source: string, destination: string, more: Partial<Question>) {
  const { world } = worldOf(yaml);
  return explain(world.mesh("default"), { mesh: "default", source, destination, ...more });
}
