import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problems } from "../testing/resources.ts";
import { meshProxyPatchKind } from "./kind.ts";

const AT = "spec.default.appendModifications[0]";
const of = (...modifications: unknown[]) => ({ default: { appendModifications: modifications } });
const cluster = (fields: object) => of({ cluster: fields });
const value = (yaml: string) => of({ cluster: { operation: "Add", value: yaml } });
const http = (fields: object) => of({ httpFilter: fields });
const network = (fields: object) => of({ networkFilter: fields });
const steps = (...jsonPatches: object[]) => cluster({ operation: "Patch", jsonPatches });
const LUA = `name: hello
typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, inlineCode: x}`;
const BUFFER = `name: envoy.filters.http.buffer
typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 1024}`;
const NOT_VALID = `${AT}.cluster.value: native Envoy resource is not valid`;

const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  [
    "every kind",
    of(
      { cluster: { operation: "Add", value: "name: a\nconnectTimeout: 5s" } },
      {
        cluster: { operation: "Patch", match: { origin: "outbound", name: "a" }, value: "lbPolicy: MAGLEV" },
      },
      { listener: { operation: "Remove", match: { tags: { team: "gate" } } } },
      {
        networkFilter: {
          operation: "AddFirst",
          match: { listenerName: "l", listenerTags: { a: "b" } },
          value:
            'name: n\ntypedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.network.sni_cluster.v3.SniCluster}',
        },
      },
      { httpFilter: { operation: "AddBefore", match: { name: "envoy.filters.http.router" }, value: BUFFER } },
      {
        httpFilter: {
          operation: "Patch",
          match: { name: "envoy.filters.http.router" },
          jsonPatches: [{ op: "add", path: "/startChildSpan", value: true }],
        },
      },
      {
        virtualHost: {
          operation: "Add",
          match: { routeConfigurationName: "r" },
          value: "name: v\ndomains: [x]",
        },
      },
    ),
    [],
  ],
  ["nothing", { default: {} }, ["spec.default.appendModifications: must not be empty"]],
  ["no default", {}, ["spec.default: must be defined"]],
  [
    "two kinds in one",
    of({ cluster: { operation: "Remove" }, listener: { operation: "Remove" } }),
    [`${AT}: exactly one modification can be defined at a time. Currently, 2 modifications are defined`],
  ],
  [
    "no kind",
    of({}),
    [`${AT}: exactly one modification can be defined at a time. Currently, 0 modifications are defined`],
  ],
  [
    "an operation of other kinds",
    cluster({ operation: "AddFirst", value: "name: a" }),
    [`${AT}.cluster.operation: invalid operation. Available operations: "Add", "Patch", "Remove"`],
  ],
  [
    "a match with Add",
    cluster({ operation: "Add", match: {}, value: "name: a" }),
    [`${AT}.cluster.match: must not be defined`],
  ],
  [
    "a virtual host's name with Add",
    of({ virtualHost: { operation: "Add", match: { name: "a" }, value: "name: a" } }),
    [`${AT}.virtualHost.match.name: must not be defined`],
  ],
  [
    "a virtual host without a match",
    of({ virtualHost: { operation: "Remove" } }),
    [`${AT}.virtualHost.match: must be defined`],
  ],
  ["Add of nothing", cluster({ operation: "Add" }), [`${AT}.cluster.value: must be defined`]],
  [
    "Remove with a value",
    cluster({ operation: "Remove", value: "name: a" }),
    [`${AT}.cluster.value: must not be defined`],
  ],
  [
    "AddBefore nothing",
    http({ operation: "AddBefore", value: LUA }),
    [
      `${AT}.httpFilter.match.name: must be defined. You need to pick a filter before which this one will be added`,
    ],
  ],
  [
    "AddAfter nothing",
    http({ operation: "AddAfter", match: { origin: "inbound" }, value: LUA }),
    [
      `${AT}.httpFilter.match.name: must be defined. You need to pick a filter after which this one will be added`,
    ],
  ],
  [
    "a Patch of any filter",
    http({ operation: "Patch", value: LUA }),
    [`${AT}.httpFilter.match.name: must be defined`],
  ],
  [
    "a Patch of both forms",
    cluster({ operation: "Patch", value: "name: a", jsonPatches: [{ op: "remove", path: "/name" }] }),
    [`${AT}.cluster: patch must have only one type defined: value, jsonPatches`],
  ],
  [
    "a Patch of nothing",
    cluster({ operation: "Patch", jsonPatches: [] }),
    [`${AT}.cluster: patch must have exactly one defined: value, jsonPatches`],
  ],
  [
    "a patch operation that there is not",
    steps({ op: "test", path: "/name", value: "a" }),
    [`${AT}.cluster.jsonPatches[0].op: "op" must be one of ["add", "remove", "replace", "move", "copy"]`],
  ],
  [
    "fields that do not fit the patch operation",
    steps(
      { op: "add", path: "/name" },
      { op: "move", path: "/name", value: "a" },
      { op: "remove", path: "/" },
      { op: "remove", path: "/name", from: "/lbPolicy" },
      { op: "replace", path: "", value: {} },
    ),
    [
      `${AT}.cluster.jsonPatches[0].value: "value" must not be empty when "op" is one of ["add", "replace"]`,
      `${AT}.cluster.jsonPatches[1].value: "value" is allowed only when "op" is one of ["add", "replace"]`,
      `${AT}.cluster.jsonPatches[1].from: "from" must not be empty when "op" is one of ["move", "copy"]`,
      `${AT}.cluster.jsonPatches[2].path: root path cannot be removed`,
      `${AT}.cluster.jsonPatches[3].from: "from" is allowed only when "op" is one of ["move", "copy"]`,
      `${AT}.cluster.jsonPatches[4].path: must be defined`,
    ],
  ],
  [
    "paths into what Envoy does not have",
    steps(
      { op: "replace", path: "/connectTimout", value: "1s" },
      { op: "replace", path: "/connect_timeout", value: "1s" },
      { op: "add", path: "/circuitBreakers/thresholds/first/maxRequests", value: 1 },
      { op: "add", path: "/circuitBreakers/thresholds/0/maxRequests", value: "many" },
      { op: "add", path: "/typedExtensionProtocolOptions/a~1b", value: {} },
      { op: "copy", path: "/altStatName", from: "/nam" },
      { op: "add", path: "/name/first", value: "a" },
    ),
    [
      `${AT}.cluster.jsonPatches[0].path: /connectTimout: unknown field of envoy.config.cluster.v3.Cluster, did you mean \`connectTimeout\`?`,
      `${AT}.cluster.jsonPatches[1].path: /connect_timeout: JSON patches say \`connectTimeout\`, not \`connect_timeout\``,
      `${AT}.cluster.jsonPatches[2].path: /circuitBreakers/thresholds/first: thresholds is a list: an index or - belongs here`,
      `${AT}.cluster.jsonPatches[3].value: expected number (uint32), got "many"`,
      `${AT}.cluster.jsonPatches[4].value: must have an "@type" such as type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua`,
      `${AT}.cluster.jsonPatches[5].from: /nam: unknown field of envoy.config.cluster.v3.Cluster, did you mean \`name\`?`,
      `${AT}.cluster.jsonPatches[6].path: /name: there is nothing below name`,
    ],
  ],
  [
    "an unknown field",
    value("name: a\nconnectTimout: 5s"),
    [
      `${NOT_VALID}: connectTimout: unknown field of envoy.config.cluster.v3.Cluster, did you mean \`connectTimeout\`?`,
    ],
  ],
  [
    "wrong types",
    value(
      "name: [a]\nconnectTimeout: 5\nlbPolicy: MAGLEVV\ncircuitBreakers: {thresholds: {}}\nrespectDnsTtl: no-idea",
    ),
    [
      `${NOT_VALID}: name: must be a string, not a list`,
      `${NOT_VALID}: connectTimeout: must be seconds such as 1.5s, not 5`,
      `${NOT_VALID}: lbPolicy: must be \`MAGLEV\`, perhaps; "MAGLEVV" is not known`,
      `${NOT_VALID}: circuitBreakers.thresholds: must be a list, not an object`,
      `${NOT_VALID}: respectDnsTtl: must be true or false, not "no-idea"`,
    ],
  ],
  [
    "two of which Envoy takes one",
    value("name: a\ntype: STATIC\nclusterType: {name: b}"),
    [`${NOT_VALID}: clusterType: cannot be set together with type`],
  ],
  ["no name", value("connectTimeout: 5s"), [`${NOT_VALID}: name: must be defined`]],
  [
    "a text",
    value("just words"),
    [`${NOT_VALID}: must be an object (envoy.config.cluster.v3.Cluster), not "just words"`],
  ],
  [
    "a type that Envoy does not have",
    http({ operation: "AddFirst", value: LUA.replace("v3.Lua", "v3.Luna") }),
    [
      `${AT}.httpFilter.value: native Envoy resource is not valid: typedConfig.@type: Envoy has no type envoy.extensions.filters.http.lua.v3.Luna, did you mean \`type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua\`?`,
    ],
  ],
  [
    "a Patch of a filter that says nothing",
    http({ operation: "Patch", match: { name: "a" }, value: "name: a" }),
    [
      `${AT}.httpFilter.value: native Envoy resource is not valid: typedConfig: must be defined, because a Patch of a filter changes nothing else`,
    ],
  ],
  [
    "an HTTP filter where a network filter belongs",
    network({ operation: "AddFirst", value: LUA }),
    [
      `${AT}.networkFilter.value: native Envoy resource is not valid: typedConfig: envoy.extensions.filters.http.lua.v3.Lua is an HTTP filter, and a network filter belongs here: it belongs inside an HTTP connection manager, where an httpFilter modification puts it`,
    ],
  ],
  [
    "a network filter where an HTTP filter belongs",
    http({
      operation: "AddFirst",
      value:
        'name: a\ntypedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy}',
    }),
    [
      `${AT}.httpFilter.value: native Envoy resource is not valid: typedConfig: envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy is a network filter, and an HTTP filter belongs here: it belongs into a filter chain, where a networkFilter modification puts it`,
    ],
  ],
  [
    "the name of an HTTP filter among network filters",
    network({ operation: "Remove", match: { name: "envoy.filters.http.router" } }),
    [
      `${AT}.networkFilter.match.name: envoy.filters.http.router is an HTTP filter, and a network filter belongs here: it belongs inside an HTTP connection manager, where an httpFilter modification puts it`,
    ],
  ],
  [
    "an HTTP filter deep inside a listener",
    of({
      listener: {
        operation: "Add",
        value: `name: l\nfilterChains: [{filters: [{${LUA.replace("\n", ", ")}}]}]`,
      },
    }),
    [
      `${AT}.listener.value: native Envoy resource is not valid: filterChains[0].filters[0].typedConfig: envoy.extensions.filters.http.lua.v3.Lua is an HTTP filter, and a network filter belongs here: it belongs inside an HTTP connection manager, where an httpFilter modification puts it`,
    ],
  ],
  [
    "a section of a proxy",
    { targetRef: { kind: "Dataplane", sectionName: "http" }, ...cluster({ operation: "Remove" }) },
    ["spec.targetRef.sectionName: can only be used with kind Dataplane in a policy that affects inbounds"],
  ],
];

for (const [about, spec, expected] of cases) {
  test(`MeshProxyPatch: ${about}`, () => assert.deepEqual(problems(meshProxyPatchKind, spec), expected));
}

test("a value that is no YAML is refused with the place", () => {
  const [problem] = problems(meshProxyPatchKind, value("name: a\n  b: c: d"));
  assert.match(
    problem ?? "",
    /value: native Envoy resource is not valid: it is not YAML: .* at line 1, column 7$/,
  );
});

test("JSON patches that nobody looks at are said", () => {
  const { warnings } = parse(
    meshProxyPatchKind,
    cluster({ operation: "Remove", jsonPatches: [{ op: "remove", path: "/name" }] }),
  );
  assert.deepEqual(warnings, [`${AT}.cluster.jsonPatches has no effect with operation Remove`]);
});
