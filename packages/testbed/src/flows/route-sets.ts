import fc from "fast-check";
import { TRUST_DOMAIN } from "./documents.ts";
import { type PolicySet, permission } from "./policy-sets.ts";
import { policy } from "./scene.ts";

/** A request that a set of routes is tried with. */
export interface RoutedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One random set of routes and permissions, with the requests to try. */
export interface RouteSet extends PolicySet {
  readonly requests: readonly RoutedRequest[];
}

const LIVE = ["check-in-api", "baggage"];
const PREFIXES = ["/", "/api", "/api/v1", "/apis", "/old"];
const HEADER = "x-airline-class";

const refTo = (names: readonly string[], weight: fc.Arbitrary<number>) =>
  fc.record({
    kind: fc.constant("MeshService"),
    name: fc.constantFrom(...names),
    port: fc.constant(8080),
    weight,
  });
const live = refTo(LIVE, fc.integer({ min: 1, max: 9 }));
/** Not there, or of bytes, or without a weight. */
const dead = fc.oneof(
  refTo(["nowhere"], fc.constant(1)),
  refTo(["flight-control"], fc.constant(5)),
  refTo(LIVE, fc.constant(0)),
);
const backendRefs = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(live, fc.array(dead, { maxLength: 2 })).map(([one, rest]) => [...rest, one]),
  },
  {
    weight: 4,
    arbitrary: fc
      .constant(LIVE)
      .chain((names) => fc.tuple(...names.map((name) => refTo([name], fc.integer({ min: 1, max: 9 }))))),
  },
  { weight: 3, arbitrary: fc.array(dead, { minLength: 1, maxLength: 2 }) },
);

const byPrefix = fc.constantFrom(...PREFIXES).map((value) => ({ type: "PathPrefix", value }));
const byPath = fc.oneof(
  { weight: 3, arbitrary: byPrefix },
  fc.constantFrom("/", "/api", "/api/v1/seats", "/old").map((value) => ({ type: "Exact", value })),
  fc
    .constantFrom("/api/.*", "/[a-z]+", "/(old|apis)/.+", "(?i)/API", "/[[:alpha:]]+/v[0-9]/.*")
    .map((value) => ({ type: "RegularExpression", value })),
);
const header = fc.oneof(
  fc.constantFrom("first", "second").map((value) => ({ name: HEADER, type: "Exact", value })),
  fc.constantFrom("f", "").map((value) => ({ name: HEADER, type: "Prefix", value })),
  fc.constantFrom("f.*", "first|second").map((value) => ({ name: HEADER, type: "RegularExpression", value })),
  fc.constantFrom("Present", "Absent").map((type) => ({ name: HEADER, type })),
);
const queryParam = fc.oneof(
  fc.constantFrom("1", "2").map((value) => ({ name: "q", type: "Exact", value })),
  fc.constant({ name: "q", type: "RegularExpression", value: "[0-9]+" }),
);
const conditions = {
  method: fc.constantFrom("GET", "POST"),
  headers: fc.array(header, { minLength: 1, maxLength: 2 }),
  queryParams: fc.array(queryParam, { minLength: 1, maxLength: 1 }),
};
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const matchBy = (path: fc.Arbitrary<object | undefined>) =>
  fc
    .record({
      path,
      method: optional(conditions.method),
      headers: optional(conditions.headers),
      queryParams: optional(conditions.queryParams),
    })
    .map(defined);

const fullPath = fc
  .constantFrom("/new", "/new/place", "")
  .map((replaceFullPath) => ({ type: "ReplaceFullPath", replaceFullPath }));
const prefixPath = fc
  .constantFrom("/v2", "/v2/", "/", "")
  .map((replacePrefixMatch) => ({ type: "ReplacePrefixMatch", replacePrefixMatch }));
const hostname = fc.constant("inner.airline.test");
const redirect = (path: fc.Arbitrary<object>) =>
  fc
    .record({
      scheme: optional(fc.constant("https")),
      hostname: optional(hostname),
      port: optional(fc.constant(8443)),
      path: optional(path),
      statusCode: optional(fc.constantFrom(301, 302, 303, 307, 308)),
    })
    .map((requestRedirect) => [{ type: "RequestRedirect", requestRedirect: defined(requestRedirect) }]);
const rewrite = (path: fc.Arbitrary<object>) =>
  fc
    .record({ hostname: optional(hostname), path })
    .map((urlRewrite) => [{ type: "URLRewrite", urlRewrite: defined(urlRewrite) }]);

/** One header is the request's own, and another one comes with answers of applications. */
const modifier = (names: readonly string[]) =>
  fc
    .uniqueArray(
      fc.record({
        name: fc.constantFrom(...names),
        how: fc.constantFrom("set", "add", "remove"),
        value: fc.constantFrom("one", "two", "100%", "a, b"),
      }),
      { minLength: 1, maxLength: 3, selector: ({ name }) => name },
    )
    .map((changes) => {
      const values = (how: string) => {
        const list = changes.filter((each) => each.how === how).map(({ name, value }) => ({ name, value }));
        return list.length === 0 ? undefined : list;
      };
      const remove = values("remove")?.map(({ name }) => name);
      return defined({ set: values("set"), add: values("add"), remove });
    });
const headers = fc.oneof(
  modifier([HEADER, "x-airline-seat", "x-airline-meal"]).map((requestHeaderModifier) => ({
    type: "RequestHeaderModifier",
    requestHeaderModifier,
  })),
  modifier(["content-type", "x-airline-gate"]).map((responseHeaderModifier) => ({
    type: "ResponseHeaderModifier",
    responseHeaderModifier,
  })),
);
/** All or none, so that copies can be counted. */
const mirror = fc
  .tuple(fc.constantFrom("records", "records", "nowhere"), fc.constantFrom(undefined, 100, 0, "0.0"))
  .map(([name, percentage]) => ({
    type: "RequestMirror",
    requestMirror: defined({ backendRef: { kind: "MeshService", name, port: 8080 }, percentage }),
  }));
const changed = (newPath: fc.Arbitrary<object>) =>
  fc
    .tuple(
      fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, rewrite(newPath)),
      fc.array(headers, { maxLength: 2 }),
      fc.oneof(
        { weight: 1, arbitrary: fc.constant([]) },
        mirror.map((one) => [one]),
      ),
    )
    .map((parts) => parts.flat())
    .map((filters) => (filters.length === 0 ? undefined : filters));

/** Only where every match is a prefix may a prefix be replaced. */
const ruleBy = (matchPath: fc.Arbitrary<object | undefined>, newPath: fc.Arbitrary<object>) =>
  fc
    .record({
      matches: fc.array(matchBy(matchPath), { minLength: 1, maxLength: 2 }),
      filters: fc.oneof(
        { weight: 2, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: redirect(newPath) },
        { weight: 4, arbitrary: changed(newPath) },
      ),
      backendRefs: optional(backendRefs),
    })
    .map(({ matches, ...conf }) => ({ matches, default: defined(conf) }));
const rule = fc.oneof(ruleBy(optional(byPath), fullPath), ruleBy(byPrefix, fc.oneof(fullPath, prefixPath)));

const targetRef = fc.constantFrom(
  { kind: "Mesh" },
  { kind: "Mesh" },
  { kind: "Dataplane", labels: { app: "passenger-portal" } },
  /** Selects nobody: the policy of the set before is gone. */
  { kind: "Dataplane", labels: { app: "nobody" } },
);
const called = fc.constantFrom("check-in-api", "check-in-api", "baggage");
const route = (name: string) =>
  fc
    .tuple(targetRef, called, fc.array(rule, { minLength: 1, maxLength: 3 }))
    .map(([target, service, rules]) =>
      policy("MeshHTTPRoute", name, {
        targetRef: target,
        to: [{ targetRef: { kind: "MeshService", name: service }, rules }],
      }),
    );
const split = fc.tuple(targetRef, called, backendRefs).map(([target, service, refs]) =>
  policy("MeshTCPRoute", "s0", {
    targetRef: target,
    to: [{ targetRef: { kind: "MeshService", name: service }, rules: [{ default: { backendRefs: refs } }] }],
  }),
);

/** Of connections: to the service of bytes, if to anybody. */
const byteRefs = fc.array(
  fc.oneof(refTo(["flight-control"], fc.constantFrom(0, 1, 3)), refTo(["nowhere"], fc.constant(1))),
  { minLength: 1, maxLength: 3 },
);
const byteSplit = fc.tuple(targetRef, byteRefs).map(([target, refs]) =>
  policy("MeshTCPRoute", "s1", {
    targetRef: target,
    to: [
      {
        targetRef: { kind: "MeshService", name: "flight-control" },
        rules: [{ default: { backendRefs: refs } }],
      },
    ],
  }),
);

const request: fc.Arbitrary<RoutedRequest> = fc.record({
  method: fc.constantFrom("GET", "GET", "POST"),
  path: fc
    .tuple(
      fc.constantFrom(
        "/",
        "/api",
        "/api/",
        "/api/v1/seats",
        "/apis",
        "/old",
        "/old/x",
        "/API",
        "/api/../old",
      ),
      fc.constantFrom("", "", "?q=1", "?q=2&q=1", "?q"),
    )
    .map((parts) => parts.join("")),
  headers: fc.constantFrom({}, {}, { [HEADER]: "first" }, { [HEADER]: "second" }),
});

/** A set of the same names every time, so that each set replaces the one before it. */
export const routeSet: fc.Arbitrary<RouteSet> = fc
  .record({
    routes: fc.tuple(route("r0"), route("r1"), split, byteSplit),
    permissions: fc.oneof(
      { weight: 2, arbitrary: fc.constant([anybody()]) },
      { weight: 1, arbitrary: permission("p0").map((one) => [one]) },
    ),
    away: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constant(["baggage"]) },
    ),
    requests: fc.array(request, { minLength: 6, maxLength: 6 }),
  })
  .map(({ routes, permissions, ...rest }) => ({ documents: [...routes, ...permissions], ...rest }));

function anybody(): string {
  const allow = [{ spiffeID: { type: "Prefix", value: `spiffe://${TRUST_DOMAIN}` } }];
  return policy("MeshTrafficPermission", "p0", { rules: [{ default: { allow } }] });
}

function defined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined));
}
