import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problems } from "../testing/resources.ts";
import { meshHttpRouteKind } from "./kind.ts";

const RULE = "spec.to[0].rules[0]";
const FILTER = `${RULE}.default.filters[0]`;
const backend = { kind: "MeshService", name: "backend", port: 80 };
const service = { kind: "MeshService", name: "web" };
const PREFIX = [{ path: { type: "PathPrefix", value: "/api" } }];

const spec = (rule: object, rest: object = {}) => ({ to: [{ targetRef: service, rules: [rule] }], ...rest });
const matching = (...matches: object[]) => spec({ matches, default: {} });
const filtering = (filter: object, matches: object[] = PREFIX) =>
  spec({ matches, default: { filters: [filter] } });
const path = (type: string, value: string) => matching({ path: { type, value } });
const modifier = (requestHeaderModifier: object) =>
  filtering({ type: "RequestHeaderModifier", requestHeaderModifier });
const rewriting = (rewrite: object, matches?: object[]) =>
  filtering({ type: "URLRewrite", urlRewrite: { path: rewrite } }, matches);
const to = (ref: object) => spec({ matches: PREFIX, default: { backendRefs: [ref] } });

const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  ["no rules at all", { to: [{ targetRef: service, rules: [] }] }, []],
  ["no to", {}, []],
  ["rules missing", { to: [{ targetRef: service }] }, ["spec.to[0].rules: must be defined"]],
  [
    "a rule without matches",
    spec({ matches: [], default: {} }),
    [`${RULE}.matches: must have at least one entry`],
  ],
  ["an empty match", matching({}), []],
  [
    "to the whole mesh",
    { to: [{ targetRef: { kind: "Mesh" }, rules: [] }] },
    [
      "spec.to[0].targetRef.kind: value is not supported, must be one of MeshService, MeshExternalService, MeshMultiZoneService",
    ],
  ],
  [
    "a section of a Dataplane",
    spec({ matches: PREFIX, default: {} }, { targetRef: { kind: "Dataplane", sectionName: "http" } }),
    ["spec.targetRef.sectionName: can only be used with kind Dataplane in a policy that affects inbounds"],
  ],
  [
    "hostnames without a gateway",
    { to: [{ targetRef: service, hostnames: ["a.example"], rules: [] }] },
    ["spec.to[0].hostnames: can only be set when spec.targetRef.kind is MeshGateway"],
  ],
  [
    "hostnames of a gateway",
    {
      targetRef: { kind: "MeshGateway", name: "edge" },
      to: [
        {
          targetRef: { kind: "Mesh" },
          hostnames: ["a.example", "*.example", "*", "a.example:80", "a.*", "10.0.0.1"],
          rules: [{ matches: PREFIX, default: { backendRefs: [backend] } }],
        },
      ],
    },
    [
      "spec.to[0].hostnames[3]: must be a DNS name, a wildcard such as *.example.com, or *; without a port",
      "spec.to[0].hostnames[4]: a wildcard must be the whole first label, as in *.example.com",
      "spec.to[0].hostnames[5]: must be a DNS name, a wildcard such as *.example.com, or *; without a port",
    ],
  ],
  ["an exact path", path("Exact", "/a/"), []],
  [
    "a path that is not absolute",
    path("Exact", "a"),
    [`${RULE}.matches[0].path.value: must be an absolute path`],
  ],
  ["the prefix of everything", path("PathPrefix", "/"), []],
  [
    "a prefix that ends with a slash",
    path("PathPrefix", "/a/"),
    [
      `${RULE}.matches[0].path.value: does not need a trailing slash because only a \`/\`-separated prefix or an entire path is matched`,
    ],
  ],
  [
    "a path with a query",
    path("PathPrefix", "/a?b=1"),
    [
      `${RULE}.matches[0].path.value: must not contain ? or #: a path ends there; match a query with queryParams`,
    ],
  ],
  [
    "an exact path with a fragment",
    path("Exact", "/a#b"),
    [
      `${RULE}.matches[0].path.value: must not contain ? or #: a path ends there; match a query with queryParams`,
    ],
  ],
  [
    "expressions of nothing",
    matching({
      headers: [{ name: "x", type: "RegularExpression", value: "" }],
      queryParams: [{ name: "q", type: "RegularExpression", value: "" }],
    }),
    [
      `${RULE}.matches[0].headers[0].value: must not be empty when type is RegularExpression`,
      `${RULE}.matches[0].queryParams[0].value: must not be empty when type is RegularExpression`,
    ],
  ],
  [
    "a query parameter with too long a name",
    matching({ queryParams: [{ name: "q".repeat(1025), type: "Exact", value: "1" }] }),
    [`${RULE}.matches[0].queryParams[0].name: must be at most 1024 bytes long`],
  ],
  [
    "repetitions that multiply beyond what RE2 does",
    path("RegularExpression", "/((a{100}){100})?"),
    [`${RULE}.matches[0].path.value: must be a regular expression (RE2 syntax)`],
  ],
  ["a regular expression", path("RegularExpression", "/a/[0-9]+"), []],
  ["one with a class of RE2", path("RegularExpression", "(?i)/[[:alpha:]]+"), []],
  [
    "no regular expression",
    path("RegularExpression", "/a/("),
    [`${RULE}.matches[0].path.value: must be a regular expression (RE2 syntax)`],
  ],
  [
    "an expression that RE2 does not have",
    path("RegularExpression", "/(?!admin).*"),
    [
      `${RULE}.matches[0].path.value: must not use look-around or back-references: Envoy's regular expressions (RE2) have none`,
    ],
  ],
  [
    "a header that must be absent, with a value",
    matching({ headers: [{ name: "x", type: "Absent", value: "y" }] }),
    [`${RULE}.matches[0].headers[0].value: must not be set when type is Absent`],
  ],
  [
    "a header without a value",
    matching({ headers: [{ name: "x" }] }),
    [`${RULE}.matches[0].headers[0].value: must be set when type is Exact`],
  ],
  [
    "a header in upper case",
    matching({ headers: [{ name: "X-Y", value: "z" }] }),
    [`${RULE}.matches[0].headers[0].name: must be a header name in lower case`],
  ],
  [
    "a query parameter twice",
    matching({
      queryParams: [
        { name: "q", type: "Exact", value: "1" },
        { name: "q", type: "Exact", value: "2" },
      ],
    }),
    [`${RULE}.matches[0].queryParams[1].name: multiple entries for name q`],
  ],
  [
    "a filter without its part, with another's",
    filtering({ type: "URLRewrite", requestRedirect: { port: 1 } }),
    [
      `${FILTER}.requestRedirect: must not be set when type is URLRewrite`,
      `${FILTER}.urlRewrite: must be set when type is URLRewrite`,
    ],
  ],
  [
    "no header to modify",
    modifier({}),
    [`${FILTER}.requestHeaderModifier: must have at least one defined: set, add, remove`],
  ],
  [
    "a header modified twice",
    modifier({ set: [{ name: "x", value: "1" }], remove: ["X"] }),
    [`${FILTER}.requestHeaderModifier.remove[0]: header x must be modified only once`],
  ],
  [
    "too many headers",
    modifier({ remove: Array.from({ length: 17 }, (_, i) => `x-${i}`) }),
    [`${FILTER}.requestHeaderModifier.remove: must have at most 16 entries`],
  ],
  [
    "the host header",
    modifier({ set: [{ name: "host", value: "a.example" }] }),
    [
      `${FILTER}.requestHeaderModifier.set[0].name: host cannot be changed here; use a filter of type URLRewrite with hostname`,
    ],
  ],
  [
    "the host header, taken away",
    modifier({ remove: ["Host"] }),
    [
      `${FILTER}.requestHeaderModifier.remove[0]: host cannot be changed here; use a filter of type URLRewrite with hostname`,
    ],
  ],
  [
    "what is no header to take away",
    modifier({ remove: [":path", "x y"] }),
    [
      `${FILTER}.requestHeaderModifier.remove[0]: must be the name of a header`,
      `${FILTER}.requestHeaderModifier.remove[1]: must be the name of a header`,
    ],
  ],
  [
    "a value of two lines",
    modifier({ set: [{ name: "x", value: "a\nb" }] }),
    [`${FILTER}.requestHeaderModifier.set[0].value: must be one line`],
  ],
  [
    "a value that is too long",
    modifier({ add: [{ name: "x", value: "é".repeat(8_200) }] }),
    [`${FILTER}.requestHeaderModifier.add[0].value: must be at most 16384 bytes long`],
  ],
  [
    "a path of two lines",
    rewriting({ type: "ReplacePrefixMatch", replacePrefixMatch: "/a\nb" }),
    [`${FILTER}.urlRewrite.path.replacePrefixMatch: must be one line`],
  ],
  [
    "a redirect to an address",
    filtering({ type: "RequestRedirect", requestRedirect: { hostname: "10.0.0.1" } }),
    [`${FILTER}.requestRedirect.hostname: must be a DNS name, not an IP address`],
  ],
  ["a new prefix", rewriting({ type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" }), []],
  [
    "a new prefix where no prefix is matched",
    rewriting({ type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" }, [
      { path: { type: "Exact", value: "/a" } },
    ]),
    [`${FILTER}.urlRewrite.path.type: can only appear if all matches match a path prefix`],
  ],
  [
    "a rewrite without the field of its type",
    rewriting({ type: "ReplaceFullPath", replacePrefixMatch: "/v2" }),
    [
      `${FILTER}.urlRewrite.path.replaceFullPath: must be set when type is ReplaceFullPath`,
      `${FILTER}.urlRewrite.path.replacePrefixMatch: must not be set when type is ReplaceFullPath`,
    ],
  ],
  [
    "a backend's host name without a gateway",
    filtering({ type: "URLRewrite", urlRewrite: { hostToBackendHostname: true } }),
    [`${FILTER}.urlRewrite.hostToBackendHostname: can only be set with MeshGateway`],
  ],
  [
    "a mirror beside a redirect",
    spec({
      matches: PREFIX,
      default: {
        filters: [
          { type: "RequestMirror", requestMirror: { backendRef: backend } },
          { type: "RequestRedirect", requestRedirect: { port: 80 } },
        ],
      },
    }),
    [`${FILTER}.requestMirror: has no effect beside a RequestRedirect: the request is answered, not sent on`],
  ],
  [
    "a mirror of more than everything",
    filtering({ type: "RequestMirror", requestMirror: { backendRef: backend, percentage: "100.5" } }),
    [`${FILTER}.requestMirror.percentage: must be in inclusive range [0, 100]`],
  ],
  ["a backend", to({ ...backend, weight: 0 }), []],
  [
    "a negative weight",
    to({ ...backend, weight: -1 }),
    [`${RULE}.default.backendRefs[0].weight: must not be negative`],
  ],
  [
    "a weight beyond 32 bits",
    to({ ...backend, weight: 2 ** 32 }),
    [`${RULE}.default.backendRefs[0].weight: must not be greater than 4294967295`],
  ],
  [
    "weights that add up to more than 32 bits",
    spec({
      matches: PREFIX,
      default: {
        backendRefs: [
          { ...backend, weight: 4_294_967_295 },
          { ...backend, name: "v2" },
        ],
      },
    }),
    [`${RULE}.default.backendRefs: the weights must add up to at most 4294967295`],
  ],
  [
    "a multi-zone service without a port",
    to({ kind: "MeshMultiZoneService", name: "backend" }),
    [`${RULE}.default.backendRefs[0].port: must be set with kind MeshMultiZoneService`],
  ],
  [
    "a gateway's rule without backends",
    {
      targetRef: { kind: "MeshGateway", name: "edge" },
      to: [
        { targetRef: { kind: "Mesh" }, hostnames: ["a.example"], rules: [{ matches: PREFIX, default: {} }] },
      ],
    },
    [`${RULE}.default.backendRefs: must not be empty when targetRef.kind is MeshGateway`],
  ],
];

for (const [about, document, expected] of cases) {
  test(about, () =>
    assert.deepEqual([...problems(meshHttpRouteKind, document)].sort(), [...expected].sort()),
  );
}

test("defaults are filled in", () => {
  const { resource } = parse(
    meshHttpRouteKind,
    spec({
      matches: [{ headers: [{ name: "x", value: "y" }] }],
      default: {
        filters: [{ type: "RequestRedirect", requestRedirect: { hostname: "a.example" } }],
        backendRefs: [backend],
      },
    }),
  );
  assert.deepEqual(resource?.spec, {
    to: [
      {
        targetRef: service,
        rules: [
          {
            matches: [{ headers: [{ name: "x", type: "Exact", value: "y" }] }],
            default: {
              filters: [
                { type: "RequestRedirect", requestRedirect: { hostname: "a.example", statusCode: 302 } },
              ],
              backendRefs: [{ ...backend, weight: 1 }],
            },
          },
        ],
      },
    ],
  });
});

test("conditions and filters that another one makes void are told", () => {
  const header = (name: string, value: string) => ({ name, value });
  const rewritten = (urlRewrite: object) => ({ type: "URLRewrite", urlRewrite });
  const document = spec({
    matches: [{}, { headers: [header("x", "1"), header("y", "1"), header("x", "2")] }],
    default: {
      filters: [
        rewritten({ hostname: "a.example" }),
        { type: "ResponseHeaderModifier", responseHeaderModifier: { remove: ["x"] } },
        rewritten({ hostname: "b.example" }),
      ],
    },
  });
  assert.deepEqual(parse(meshHttpRouteKind, document).warnings, [
    `${RULE}.matches[1].headers[2] has no effect: of several conditions on x only the first counts`,
    `${FILTER}: of several filters of type URLRewrite the last counts for what they all say`,
  ]);
});
