import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import type { PatchableResource, PatchedResource, ResourcePatch } from "../resource-patch.ts";
import { resource, resourceJson } from "../testing/resource-patches.ts";
import { valid } from "../testing/resources.ts";
import { meshProxyPatch } from "./policy.ts";

const TYPES = "type.googleapis.com/envoy.extensions.filters";
const ROUTER = {
  name: "envoy.filters.http.router",
  typedConfig: { "@type": `${TYPES}.http.router.v3.Router` },
};
const LUA = (name: string) => ({
  name,
  typedConfig: { "@type": `${TYPES}.http.lua.v3.Lua`, inlineCode: "--" },
});
const TCP = {
  name: "envoy.filters.network.tcp_proxy",
  typedConfig: { "@type": `${TYPES}.network.tcp_proxy.v3.TcpProxy`, statPrefix: "s", cluster: "c" },
};
const SNI = (name: string) => ({
  name,
  typedConfig: { "@type": `${TYPES}.network.sni_cluster.v3.SniCluster` },
});
const manager = (httpFilters: JsonValue[], routes: JsonValue = { rds: { routeConfigName: "r" } }) => ({
  name: "envoy.filters.network.http_connection_manager",
  typedConfig: {
    "@type": `${TYPES}.network.http_connection_manager.v3.HttpConnectionManager`,
    ...(routes as object),
    httpFilters,
  },
});
const listener = (...chains: JsonValue[][]): JsonValue => ({
  name: "inbound:127.0.0.1:80",
  metadata: { filterMetadata: { "io.kuma.tags": { team: "gate", "kuma.io/service": "web" } } },
  filterChains: chains.map((filters) => ({ filters })),
});

interface Spec {
  readonly name?: string;
  readonly targetRef?: object;
}

function planOf(...policies: readonly (readonly [modifications: readonly unknown[], spec?: Spec])[]) {
  return meshProxyPatch.planProxy?.({
    mesh: "default",
    policies: policies.map(([appendModifications, { name = "p", ...spec } = {}]) =>
      valid(meshProxyPatch.kind, { ...spec, default: { appendModifications } }, { name }),
    ),
  });
}

function patchOf(...modifications: readonly object[]): ResourcePatch {
  const plan = planOf([modifications]);
  assert.ok(plan);
  const patch = meshProxyPatch.patchResources?.(plan);
  assert.ok(patch);
  return patch;
}

/** The resource after the modifications, and the numbers of those that did something. */
function patched(
  original: PatchableResource,
  ...modifications: readonly object[]
): { readonly json: unknown; readonly by: readonly number[]; readonly problems: readonly string[] } {
  const before = JSON.stringify(resourceJson(original));
  const result = patchOf(...modifications).apply(original);
  assert.equal(JSON.stringify(resourceJson(original)), before, "the original is left alone");
  return report(result);
}

function report({ resource: made, by, problems }: PatchedResource) {
  return {
    json: resourceJson(made),
    by: by.map(({ rule }) => Number(/\[(\d+)\]$/.exec(rule)?.[1])),
    problems: problems.map(({ resource: name, message }) => `${name}: ${message}`),
  };
}

const names = (json: unknown): unknown => {
  const chains = (
    json as {
      filterChains: { filters: { name: string; typedConfig: { httpFilters?: { name: string }[] } }[] }[];
    }
  ).filterChains;
  return chains.map(({ filters = [] }) =>
    filters.map(({ name, typedConfig }) => {
      const short = name.replace(/^envoy\.filters\.\w+\./, "");
      const inner = typedConfig.httpFilters?.map((filter) =>
        filter.name.replace(/^envoy\.filters\.\w+\./, ""),
      );
      return inner === undefined ? short : `${short}: ${inner.join(" ")}`;
    }),
  );
};

const cluster = (origin = "outbound") => resource("cluster", origin, { name: "c", connectTimeout: "1s" });
const yaml = (value: unknown) => JSON.stringify(value);

test("no policy: nothing in the plan", () => assert.equal(planOf(), undefined));

test("modifications of several policies stand one after the other, the least specific policy's first", () => {
  const remove = (name: string) => ({ cluster: { operation: "Remove", match: { name } } });
  const plan = planOf(
    [[remove("named")], { name: "a", targetRef: { kind: "Dataplane", name: "web-01" } }],
    [[remove("mesh-1"), remove("mesh-2")], { name: "b" }],
    [[remove("labelled")], { name: "c", targetRef: { kind: "Dataplane", labels: { app: "web" } } }],
  );
  assert.deepEqual(
    plan?.conf.appendModifications?.map((each) => each.cluster?.match?.name),
    ["mesh-1", "mesh-2", "labelled", "named"],
  );
  assert.deepEqual(plan?.origins["appendModifications[1]"], {
    policy: "kri_mpp_default___b_",
    rule: "default.appendModifications[1]",
  });
});

test("cluster: a value is merged, JSON patches run, Remove takes away", () => {
  const value = yaml({ connectTimeout: "2s", lbPolicy: "RANDOM" });
  assert.deepEqual(patched(cluster(), { cluster: { operation: "Patch", value } }), {
    json: { name: "c", connectTimeout: "2s", lbPolicy: "RANDOM" },
    by: [0],
    problems: [],
  });
  const jsonPatches = [{ op: "replace", path: "/connectTimeout", value: "3s" }];
  assert.deepEqual(patched(cluster(), { cluster: { operation: "Patch", jsonPatches } }).json, {
    name: "c",
    connectTimeout: "3s",
  });
  assert.equal(patched(cluster(), { cluster: { operation: "Remove" } }).json, undefined);
});

test("cluster: every part of a match has to hold", () => {
  const lbPolicy = yaml({ lbPolicy: "RANDOM" });
  const tries: readonly [match: object, by: readonly number[]][] = [
    [{ name: "c", origin: "outbound" }, [0]],
    [{ origin: "outbound" }, [0]],
    [{ name: "c", origin: "inbound" }, []],
    [{ name: "d", origin: "outbound" }, []],
  ];
  for (const [match, by] of tries) {
    const modification = { cluster: { operation: "Patch", match, value: lbPolicy } };
    assert.deepEqual(patched(cluster(), modification).by, by, JSON.stringify(match));
    assert.equal(patchOf(modification).concerns("cluster", "c", "outbound"), by.length > 0);
  }
});

test("Add: later modifications see what earlier ones added, and it takes the place of its namesake", () => {
  const patch = patchOf(
    { cluster: { operation: "Patch", value: "altStatName: too-early" } },
    { cluster: { operation: "Add", value: "name: c\nconnectTimeout: 9s" } },
    {
      cluster: {
        operation: "Patch",
        match: { origin: "proxy-template-modifications" },
        value: "altStatName: later",
      },
    },
    { listener: { operation: "Add", value: "name: l" } },
    { listener: { operation: "Patch", match: { origin: "mesh-proxy-patch" }, value: "statPrefix: s" } },
  );
  assert.deepEqual(patch.added().map(report), [
    { json: { name: "c", connectTimeout: "9s", altStatName: "later" }, by: [1, 2], problems: [] },
    { json: { name: "l", statPrefix: "s" }, by: [3, 4], problems: [] },
  ]);
  assert.equal(patch.apply(cluster()).resource, undefined);
});

test("listener: by its tags", () => {
  const value = "statPrefix: s";
  const given = resource("listener", "inbound", listener([TCP]));
  const by = (tags: object) =>
    patched(given, { listener: { operation: "Patch", match: { tags }, value } }).by;
  assert.deepEqual(by({ team: "gate", "kuma.io/service": "web" }), [0]);
  assert.deepEqual(by({ team: "gate", version: "v1" }), []);
});

test("network filters: every operation, on every chain", () => {
  const given = resource("listener", "inbound", listener([SNI("a"), SNI("b"), TCP], [SNI("b"), TCP]));
  const after = (operation: string, name: string | undefined, value?: unknown) =>
    names(
      patched(given, {
        networkFilter: {
          operation,
          match: { name, listenerTags: { team: "gate" } },
          ...(value === undefined ? {} : { value: yaml(value) }),
        },
      }).json,
    );
  assert.deepEqual(after("AddFirst", undefined, SNI("x")), [
    ["x", "a", "b", "tcp_proxy"],
    ["x", "b", "tcp_proxy"],
  ]);
  assert.deepEqual(after("AddLast", undefined, SNI("x")), [
    ["a", "b", "x", "tcp_proxy"],
    ["b", "x", "tcp_proxy"],
  ]);
  assert.deepEqual(after("AddBefore", "b", SNI("x")), [
    ["a", "x", "b", "tcp_proxy"],
    ["x", "b", "tcp_proxy"],
  ]);
  assert.deepEqual(after("AddAfter", "a", SNI("x")), [
    ["a", "x", "b", "tcp_proxy"],
    ["b", "tcp_proxy"],
  ]);
  assert.deepEqual(after("Remove", "b"), [["a", "tcp_proxy"], ["tcp_proxy"]]);
  assert.deepEqual(after("Remove", undefined), [[], []]);
});

test("HTTP filters: every operation; the last one is the one before the router", () => {
  const given = resource("listener", "outbound", listener([manager([LUA("a"), ROUTER])]));
  const after = (operation: string, name: string | undefined, value?: unknown) =>
    names(
      patched(given, {
        httpFilter: { operation, match: { name }, ...(value === undefined ? {} : { value: yaml(value) }) },
      }).json,
    );
  const chain = (filters: string) => [[`http_connection_manager: ${filters}`]];
  assert.deepEqual(after("AddFirst", undefined, LUA("x")), chain("x a router"));
  assert.deepEqual(after("AddLast", undefined, LUA("x")), chain("a x router"));
  assert.deepEqual(after("AddBefore", ROUTER.name, LUA("x")), chain("a x router"));
  assert.deepEqual(after("AddAfter", "a", LUA("x")), chain("a x router"));
  assert.deepEqual(after("Remove", "a"), chain("router"));
  const patch = (modification: object) => patched(given, { httpFilter: modification });
  const config = (made: { json: unknown }) => /"inlineCode":"([^"]*)"/.exec(JSON.stringify(made.json))?.[1];
  assert.equal(
    config(
      patch({
        operation: "Patch",
        match: { name: "a" },
        value: yaml({
          ...LUA("another name"),
          typedConfig: { ...LUA("").typedConfig, inlineCode: "-- new" },
        }),
      }),
    ),
    "-- new",
  );
  assert.equal(
    config(
      patch({
        operation: "Patch",
        match: { name: "a" },
        jsonPatches: [{ op: "replace", path: "/inlineCode", value: "-- json" }],
      }),
    ),
    "-- json",
  );
});

test("an anchor that is not there: nothing happens, and that can be told", () => {
  const given = resource("listener", "outbound", listener([manager([ROUTER])]));
  const modification = {
    operation: "AddBefore",
    match: { name: "envoy.filters.http.fault" },
    value: yaml(LUA("x")),
  };
  const { by, problems } = patched(given, { httpFilter: modification });
  assert.deepEqual([by, problems], [[], []]);
});

test("virtual hosts: in route configurations by name, and in routes that stand in a listener", () => {
  const routes = { name: "r", virtualHosts: [{ name: "v", domains: ["*"] }] };
  const modifications = [
    {
      virtualHost: {
        operation: "Patch",
        match: { name: "v", routeConfigurationName: "r", origin: "outbound" },
        value: yaml({ requestHeadersToRemove: ["x-a"] }),
      },
    },
    { virtualHost: { operation: "Add", match: {}, value: yaml({ name: "w", domains: ["w"] }) } },
    { virtualHost: { operation: "Remove", match: { name: "nobody" } } },
  ];
  const wanted = {
    name: "r",
    virtualHosts: [
      { name: "v", domains: ["*"], requestHeadersToRemove: ["x-a"] },
      { name: "w", domains: ["w"] },
    ],
  };
  const inRds = patched(resource("route", "outbound", routes), ...modifications);
  assert.deepEqual(inRds, { json: wanted, by: [0, 1], problems: [] });
  const inline = patched(
    resource("listener", "outbound", listener([manager([ROUTER], { routeConfig: routes })])),
    ...modifications,
  );
  assert.deepEqual(inline.by, [0, 1]);
  assert.ok(JSON.stringify(inline.json).includes(JSON.stringify(wanted)));
  assert.deepEqual(
    patched(resource("route", "inbound", { ...routes, name: "other" }), modifications[0] ?? {}).by,
    [],
  );
});

test("what cannot be done leaves the resource as it was, and the others go on", () => {
  const { json, by, problems } = patched(
    cluster(),
    { cluster: { operation: "Patch", jsonPatches: [{ op: "replace", path: "/lbPolicy", value: "RANDOM" }] } },
    { cluster: { operation: "Patch", value: "name: renamed" } },
    { cluster: { operation: "Patch", value: "altStatName: s" } },
  );
  assert.deepEqual(json, { name: "c", connectTimeout: "1s", altStatName: "s" });
  assert.deepEqual(by, [2]);
  assert.deepEqual(problems, [
    'cluster c: replace /lbPolicy: there is nothing at this path; "add" would make it',
    'cluster c: it would be renamed to "renamed"; Remove it and Add another one instead',
  ]);
});

test("a filter's patch of another type is a problem", () => {
  const given = resource("listener", "outbound", listener([manager([ROUTER])]));
  const { problems } = patched(given, {
    httpFilter: { operation: "Patch", match: { name: ROUTER.name }, value: yaml({ ...LUA(ROUTER.name) }) },
  });
  assert.deepEqual(problems, [
    "listener inbound:127.0.0.1:80: filter envoy.filters.http.router is a envoy.extensions.filters.http.router.v3.Router, and the patch is a envoy.extensions.filters.http.lua.v3.Lua",
  ]);
});

test("what transparent proxies have is found by either spelling of its name", () => {
  const spellings = ["outbound:passthrough:ipv6", "self_transparentproxy_passthrough_outbound_ipv6"];
  for (const wanted of spellings) {
    const patch = patchOf({ listener: { operation: "Remove", match: { name: wanted } } });
    for (const name of spellings) assert.equal(patch.concerns("listener", name, "transparent"), true);
    assert.equal(patch.concerns("listener", "outbound:passthrough:ipv4", "transparent"), false);
    const filter = { operation: "Remove", match: { listenerName: wanted } };
    for (const name of spellings)
      assert.equal(patchOf({ networkFilter: filter }).concerns("listener", name, "transparent"), true);
  }
});
