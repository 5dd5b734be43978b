import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problems } from "../testing/resources.ts";
import { meshFaultInjectionKind } from "./kind.ts";

const MESH = { kind: "Mesh" };
const SIDECARS = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const ID = { spiffeID: { type: "Prefix", value: "spiffe://td/a" } };
const AT = "spec.rules[0].default.http[0]";
const ABORT = { http: [{ abort: { httpStatus: 503, percentage: 5 } }] };
const rules = (...http: unknown[]) => ({ rules: [{ default: { http } }] });
const abort = (httpStatus: unknown, percentage: unknown = 1) => rules({ abort: { httpStatus, percentage } });
const limit = (text: string) => rules({ responseBandwidth: { limit: text, percentage: 1 } });

const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  [
    "every field",
    rules(
      {
        abort: { httpStatus: 503, percentage: 0 },
        delay: { value: "0s", percentage: "99.9" },
        responseBandwidth: { limit: "50 Mbps", percentage: 100 },
      },
      { delay: { value: "1h", percentage: "0.0001" } },
    ),
    [],
  ],
  ["no policy at all", {}, []],
  ["no faults", { rules: [{ default: {} }] }, []],
  ["an informational status", abort(199), [`${AT}.abort.httpStatus: must be in inclusive range [200, 599]`]],
  ["a status of 600", abort(600), [`${AT}.abort.httpStatus: must be in inclusive range [200, 599]`]],
  ["more than all", abort(503, 101), [`${AT}.abort.percentage: must be in inclusive range [0, 100]`]],
  ["less than none", abort(503, "-0.5"), [`${AT}.abort.percentage: must be in inclusive range [0, 100]`]],
  ["no percentage", rules({ delay: { value: "1s" } }), [`${AT}.delay.percentage: must be defined`]],
  [
    "a negative delay",
    rules({ delay: { value: "-1s", percentage: 1 } }),
    [`${AT}.delay.value: must not be negative when defined`],
  ],
  ["no limit", limit(""), [`${AT}.responseBandwidth.limit: must be defined`]],
  [
    "a limit without a unit",
    limit("50"),
    [`${AT}.responseBandwidth.limit: must be in kbps/Mbps/Gbps units, such as 50kbps`],
  ],
  [
    "a fraction of a limit",
    limit("0.5Mbps"),
    [`${AT}.responseBandwidth.limit: must be in kbps/Mbps/Gbps units, such as 50kbps`],
  ],
  [
    "more than any number",
    limit(`${"9".repeat(40)}Gbps`),
    [`${AT}.responseBandwidth.limit: must be in kbps/Mbps/Gbps units, such as 50kbps`],
  ],
  ["a limit of nothing", limit("0kbps"), [`${AT}.responseBandwidth.limit: must be greater than 0`]],
  ["a rule for a caller", { rules: [{ matches: [ID], default: ABORT }] }, []],
  [
    "a match for nobody",
    { rules: [{ matches: [{}], default: ABORT }] },
    ["spec.rules[0].matches[0]: at least one of spiffeID or sni must be set"],
  ],
  [
    "from somebody",
    {
      targetRef: SIDECARS,
      from: [
        { targetRef: MESH, default: ABORT },
        { targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "web" } }, default: ABORT },
        { targetRef: { kind: "MeshService", name: "web" }, default: ABORT },
        { targetRef: { kind: "MeshServiceSubset", name: "web", tags: { version: "v1" } }, default: ABORT },
      ],
    },
    [],
  ],
  [
    "from, where gateways are in scope",
    { from: [{ targetRef: MESH, default: ABORT }] },
    [
      "spec.from: must not be defined when the scope includes a Gateway, select only proxyType Sidecar or select only gateways and use spec.to",
    ],
  ],
  [
    "rules and from",
    { targetRef: SIDECARS, from: [{ targetRef: MESH, default: ABORT }], rules: [{ default: ABORT }] },
    ["spec: field 'from' must be empty when 'rules' is defined"],
  ],
  [
    "rules and to",
    { targetRef: MESH, to: [{ targetRef: MESH, default: ABORT }], rules: [{ default: ABORT }] },
    [],
  ],
  [
    "to, for sidecars",
    { targetRef: { kind: "Dataplane" }, to: [{ targetRef: MESH, default: ABORT }] },
    ["spec.to: must not be defined: it is about gateways, and spec.targetRef selects none of them"],
  ],
  [
    "routes at the top",
    { targetRef: { kind: "MeshHTTPRoute", name: "r" } },
    [
      "spec.targetRef.kind: value is not supported, must be one of Mesh, Dataplane, MeshSubset, MeshService, MeshServiceSubset, MeshGateway",
    ],
  ],
];

for (const [about, spec, expected] of cases) {
  test(`MeshFaultInjection: ${about}`, () =>
    assert.deepEqual(problems(meshFaultInjectionKind, spec), expected));
}

test("from warns", () => {
  const { resource } = parse(meshFaultInjectionKind, {
    targetRef: SIDECARS,
    from: [{ targetRef: MESH, default: ABORT }],
  });
  assert.ok(resource !== undefined);
  assert.deepEqual(meshFaultInjectionKind.deprecations?.(resource), [
    "spec.from is deprecated; use 'rules' with SPIFFE ids of a MeshIdentity instead",
  ]);
});
