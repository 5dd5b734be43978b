import assert from "node:assert/strict";
import { test } from "node:test";
import { problems } from "../testing/resources.ts";
import { meshOpaKind } from "./kind.ts";

const AT = "spec.default";
const REGO = `${AT}.appendPolicies[0].rego`;
const MODULE = "package orders\ndefault allow := false";
const conf = (value: unknown) => ({ default: value });
const rego = (source: unknown, rest: object = {}) => conf({ appendPolicies: [{ rego: source, ...rest }] });
const auth = (value: unknown) => conf({ authConfig: value });
const NO_PACKAGE = "must be a Rego module that begins with its package, such as: package orders";
const NO_STATUS = "must be a status of the HTTP standards from 400 on, such as 403 or 503";

const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  ["a module", rego({ inlineString: MODULE }), []],
  ["a module of a Secret that only helps", rego({ secret: "s" }, { ignoreDecision: true }), []],
  ["comments before the package", rego({ inlineString: `# hi\n\n ${MODULE}` }), []],
  ["a package in parts", rego({ inlineString: 'package a.b["c-d"] # mine' }), []],
  [
    "a configuration of the agent",
    conf({ agentConfig: { inlineString: "decision_logs: {console: true}" } }),
    [],
  ],
  ["the agent's in a Secret", conf({ agentConfig: { secret: "opa" } }), []],
  ["no module", conf({ appendPolicies: [{}] }), [`${REGO}: must be defined`]],
  ["no text", rego({}), [`${REGO}: must have exactly one defined: inlineString, secret`]],
  [
    "two texts",
    rego({ inlineString: MODULE, secret: "s" }),
    [`${REGO}: must have exactly one defined: inlineString, secret`],
  ],
  [
    "two configurations",
    conf({ agentConfig: { inlineString: "", secret: "s" } }),
    [`${AT}.agentConfig: must have exactly one defined: inlineString, secret`],
  ],
  [
    "a Secret without a name",
    rego({ secret: "" }),
    [`${REGO}.secret: must be the name of a Secret of the mesh`],
  ],
  ["no package", rego({ inlineString: "allow := true" }), [`${REGO}.inlineString: ${NO_PACKAGE}`]],
  ["an empty module", rego({ inlineString: "# soon\n" }), [`${REGO}.inlineString: ${NO_PACKAGE}`]],
  [
    "the package of the decision",
    rego({ inlineString: "package implicitkmesh\nallow := true" }),
    [`${REGO}.inlineString: must be in a package of its own: "implicitkmesh" is reserved`],
  ],
  [
    "a package of OPA",
    rego({ inlineString: "package system.log" }),
    [`${REGO}.inlineString: must be in a package of its own: "system" is reserved`],
  ],
  [
    "all of how the agent is asked",
    auth({ statusOnError: 503, onAgentFailure: "Allow", requestBody: { maxSize: 1, sendRawBody: true } }),
    [],
  ],
  ["no body", auth({ requestBody: { maxSize: 0 } }), []],
  [
    "a status that is no error",
    auth({ statusOnError: 200 }),
    [`${AT}.authConfig.statusOnError: ${NO_STATUS}`],
  ],
  [
    "a status that nobody knows",
    auth({ statusOnError: 599 }),
    [`${AT}.authConfig.statusOnError: ${NO_STATUS}`],
  ],
  [
    "another failure mode",
    auth({ onAgentFailure: "Ignore" }),
    [`${AT}.authConfig.onAgentFailure: in body should be one of [Allow Deny]`],
  ],
  [
    "less than no body",
    auth({ requestBody: { maxSize: -1 } }),
    [`${AT}.authConfig.requestBody.maxSize: must not be negative`],
  ],
  ["nothing", conf({}), [`${AT}: must have at least one defined: agentConfig, appendPolicies, authConfig`]],
  ["no default", {}, [`${AT}: must be defined`]],
  [
    "one inbound of a proxy, which has one agent",
    { targetRef: { kind: "Dataplane", labels: { a: "b" }, sectionName: "main" }, ...rego({ secret: "s" }) },
    ["spec.targetRef.sectionName: can only be used with kind Dataplane in a policy that affects inbounds"],
  ],
  [
    "a service",
    { targetRef: { kind: "MeshService", name: "web" }, ...rego({ secret: "s" }) },
    ["spec.targetRef.kind: value is not supported, must be one of Mesh, Dataplane, MeshSubset, MeshGateway"],
  ],
];

for (const [about, spec, expected] of cases) {
  test(about, () => assert.deepEqual(problems(meshOpaKind, spec), expected));
}
