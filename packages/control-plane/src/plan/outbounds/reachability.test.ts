import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyPlan } from "@skein/policies";
import { Documents, ZONE } from "../../pipeline/testing/resources.ts";
import { World } from "../../pipeline/world.ts";

type Document = Readonly<Record<string, unknown>>;

const mesh = (mode?: string): Document => ({
  type: "Mesh",
  name: "default",
  ...(mode === undefined ? {} : { meshServices: { mode } }),
});

const service = (
  name: string,
  n: number,
  { labels = {}, ports = [80] as number[], vip = true } = {},
): Document => ({
  type: "MeshService",
  mesh: "default",
  name,
  labels,
  spec: {
    selector: { dataplaneTags: { "kuma.io/service": name } },
    ports: ports.map((port) => ({ port, targetPort: 8080, appProtocol: "http" })),
  },
  ...(vip ? { status: { vips: [{ ip: `241.0.0.${n}` }] } } : {}),
});

const proxy = (transparentProxying: Document | undefined, networking: Document = {}): Document => ({
  type: "Dataplane",
  mesh: "default",
  name: "caller",
  networking: {
    address: "10.0.0.1",
    inbound: [{ port: 8080, tags: { "kuma.io/service": "caller" } }],
    ...(transparentProxying === undefined
      ? {}
      : { transparentProxying: { redirectPortOutbound: 15001, ...transparentProxying } }),
    ...networking,
  },
});

const SERVICES = [
  service("a", 1, { labels: { team: "x" } }),
  service("b", 2, { labels: { team: "x" }, ports: [80, 81] }),
  service("c", 3),
  service("no-address", 4, { vip: false }),
];

function planned(documents: readonly Document[], autoReachable = false): ProxyPlan {
  const world = new World({ zone: ZONE, autoReachable });
  new Documents().put(world, ...documents);
  const plan = world.mesh("default").planner.plan.at("caller").get();
  assert.ok(plan !== undefined);
  return plan;
}

const places = ({ outbounds }: ProxyPlan) =>
  outbounds.map(({ target, address, port }) => `${target} at ${address}:${port}`);
const targets = ({ outbounds }: ProxyPlan) => outbounds.map(({ target }) => target);
const ref = (fields: Document) => ({ kind: "MeshService", ...fields });

const ALL = ["a|80", "b|80", "b|81", "c|80"];
const rules: readonly [
  about: string,
  mode: string | undefined,
  tp: Document | undefined,
  expected: readonly string[],
][] = [
  ["not transparent", "Exclusive", undefined, []],
  ["Exclusive", "Exclusive", {}, ALL],
  ["Everywhere", "Everywhere", {}, ALL],
  ["Disabled", "Disabled", {}, []],
  ["no mode", undefined, {}, []],
  ["ReachableBackends without a list", "ReachableBackends", {}, []],
  [
    "ReachableBackends with a list",
    "ReachableBackends",
    { reachableBackends: { refs: [ref({ name: "c" })] } },
    ["c|80"],
  ],
  ["an empty list", "Exclusive", { reachableBackends: { refs: [] } }, []],
  ["a list without refs", "Exclusive", { reachableBackends: {} }, []],
  ["a list in a Disabled mesh", "Disabled", { reachableBackends: { refs: [ref({ name: "c" })] } }, []],
  [
    "a name without a port: all its ports",
    "Exclusive",
    { reachableBackends: { refs: [ref({ name: "b" })] } },
    ["b|80", "b|81"],
  ],
  [
    "a name with a port",
    "Exclusive",
    { reachableBackends: { refs: [ref({ name: "b", port: 81 })] } },
    ["b|81"],
  ],
  [
    "labels: every service that has them",
    "Exclusive",
    { reachableBackends: { refs: [ref({ labels: { team: "x" } })] } },
    ["a|80", "b|80", "b|81"],
  ],
  [
    "labels with a port",
    "Exclusive",
    { reachableBackends: { refs: [ref({ labels: { team: "x" }, port: 80 })] } },
    ["a|80", "b|80"],
  ],
  [
    "the same twice",
    "Exclusive",
    { reachableBackends: { refs: [ref({ name: "a" }), ref({ labels: { team: "x" }, port: 80 })] } },
    ["a|80", "b|80"],
  ],
  ["reachableServices hide resources", "Everywhere", { reachableServices: ["c"] }, []],
  [
    "reachableServices beside reachableBackends",
    "Everywhere",
    { reachableServices: ["c"], reachableBackends: { refs: [ref({ name: "a" })] } },
    ["a|80"],
  ],
  ["no reachableServices", "Everywhere", { reachableServices: [] }, ALL],
];

for (const [about, mode, tp, expected] of rules) {
  test(`reachable: ${about}`, () => {
    assert.deepEqual(targets(planned([mesh(mode), ...SERVICES, proxy(tp)])), expected);
  });
}

test("reachable: at the address of the destination, under its own port", () => {
  assert.deepEqual(places(planned([mesh("Exclusive"), ...SERVICES, proxy({})])), [
    "a|80 at 241.0.0.1:80",
    "b|80 at 241.0.0.2:80",
    "b|81 at 241.0.0.2:81",
    "c|80 at 241.0.0.3:80",
  ]);
});

const conditions = (refs: readonly Document[]) =>
  planned([mesh("Exclusive"), ...SERVICES, proxy({ reachableBackends: { refs } })]).conditions.map(
    ({ type, message }) => `${type}: ${message}`,
  );

test("reachable: a reference to nothing is a condition that names the field", () => {
  const at = (i: number) =>
    `UnresolvedReachableBackend: networking.transparentProxying.reachableBackends.refs[${i}]: `;
  assert.deepEqual(
    conditions([
      ref({ name: "nobody" }),
      ref({ name: "b", port: 82 }),
      ref({ labels: { team: "y" } }),
      ref({ name: "no-address" }),
      ref({ name: "a", namespace: "shop" }),
    ]),
    [
      `${at(0)}there is no MeshService "nobody"`,
      `${at(1)}MeshService "b" has no port 82 (its ports: 80, 81)`,
      `${at(2)}there is no MeshService with the labels {"team":"y"}`,
      `${at(3)}MeshService "no-address" has no address yet`,
      `${at(4)}there is no MeshService "a" in namespace "shop"`,
    ],
  );
});

test("reachable: own inbounds and explicit outbounds keep their addresses", () => {
  const plan = planned([
    mesh("Exclusive"),
    ...SERVICES,
    proxy(
      {},
      {
        inbound: [{ address: "241.0.0.1", port: 80, tags: { "kuma.io/service": "caller" } }],
        outbound: [
          { address: "241.0.0.2", port: 81, backendRef: { kind: "MeshService", name: "c", port: 80 } },
          { address: "241.0.0.1", port: 80, backendRef: { kind: "MeshService", name: "c", port: 80 } },
        ],
      },
    ),
  ]);
  assert.deepEqual(places(plan), ["b|80 at 241.0.0.2:80", "c|80 at 241.0.0.3:80", "c|80 at 241.0.0.2:81"]);
  assert.deepEqual(
    plan.conditions.map(({ type }) => type),
    ["AddressTaken", "AddressTaken", "AddressTaken"],
  );
  assert.equal(new Set(plan.outbounds.map(({ listenerName }) => listenerName)).size, 3);
});

test("explicit outbounds: of two at one address the first is served; an ignored inbound is in nobody's way", () => {
  const to = (name: string, port: number) => ({
    ...{ address: "127.0.0.1", port },
    backendRef: { kind: "MeshService", name, port: 80 },
  });
  const plan = planned([
    mesh("Exclusive"),
    ...SERVICES,
    proxy(undefined, {
      inbound: [
        { address: "127.0.0.1", port: 9000, tags: { "kuma.io/service": "caller" } },
        { address: "127.0.0.1", port: 9001, state: "Ignored" },
      ],
      outbound: [to("a", 9000), to("b", 9001), to("b", 9002), to("c", 9002)],
    }),
  ]);
  assert.deepEqual(places(plan), ["b|80 at 127.0.0.1:9001", "b|80 at 127.0.0.1:9002"]);
  assert.deepEqual(
    plan.conditions.filter(({ type }) => type === "AddressTaken").map(({ message }) => message),
    [
      "networking.outbound[0]: 127.0.0.1:9000 is the address of an inbound of this proxy",
      "networking.outbound[3]: 127.0.0.1:9002 is the address of networking.outbound[2]",
    ],
  );
});

test("reachable: two destinations with one address: the first keeps it, and that is said", () => {
  const plan = planned([mesh("Exclusive"), service("a", 1), service("b", 1), proxy({})]);
  assert.deepEqual(targets(plan), ["a|80"]);
  assert.equal(
    plan.conditions[0]?.message,
    "b|80 is not reachable at 241.0.0.1:80: that is the address of a|80",
  );
});

test("reachable: what a route leads to needs no listing", () => {
  const plan = planned([
    mesh("Exclusive"),
    ...SERVICES,
    proxy({ reachableBackends: { refs: [ref({ name: "a" })] } }),
    {
      type: "MeshHTTPRoute",
      mesh: "default",
      name: "to-c",
      spec: {
        to: [
          {
            targetRef: { kind: "MeshService", name: "a" },
            rules: [
              {
                matches: [{ path: { type: "PathPrefix", value: "/" } }],
                default: { backendRefs: [{ kind: "MeshService", name: "c", port: 80 }] },
              },
            ],
          },
        ],
      },
    },
  ]);
  assert.deepEqual(targets(plan), ["a|80"]);
  assert.deepEqual(
    plan.backends.map(({ target }) => target),
    ["c|80"],
  );
});

test("reachable: proxies of one kind that reach the same share their outbounds and the maps made of them", () => {
  const world = new World({ zone: ZONE });
  const documents = new Documents();
  const other = (name: string, tp: Document = {}) => ({
    ...proxy(tp, { address: `10.0.1.${name.slice(1)}` }),
    name,
  });
  const listing = { reachableBackends: { refs: ["a", "b", "c"].map((name) => ref({ name })) } };
  documents.put(world, mesh("Exclusive"), ...SERVICES, other("p1"), other("p2"), other("p3", listing));
  const { planner, config } = world.mesh("default");
  const shared = (name: string) => planner.outbounds.at(name).get().shared;
  assert.ok(shared("p1") !== undefined);
  assert.equal(shared("p1"), shared("p2"));
  assert.equal(shared("p1"), shared("p3"), "another way to say the same");
  const before = ["p1", "p2", "p3"].map((name) => config.at(name).get());
  documents.put(world, {
    ...service("c", 3),
    labels: { other: "label" },
    status: { vips: [{ ip: "241.0.0.9" }] },
  });
  assert.notEqual(shared("p1"), undefined);
  assert.equal(shared("p1"), shared("p3"));
  const after = ["p1", "p2", "p3"].map((name) => config.at(name).get());
  for (const [i, each] of after.entries()) {
    assert.equal(
      each?.clusters.get("default_a__east_msvc_80"),
      before[i]?.clusters.get("default_a__east_msvc_80"),
    );
    assert.ok(each?.listeners.has("kri_msvc_default_east__c_80"));
    assert.notEqual(
      each?.listeners.get("kri_msvc_default_east__c_80"),
      before[i]?.listeners.get("kri_msvc_default_east__c_80"),
    );
  }
});

test("reachable: who lists five of a thousand services holds what a mesh of these five would give it", () => {
  const many = Array.from({ length: 1_000 }, (_, n) => ({
    ...service(`s${n}`, 0),
    status: { vips: [{ ip: `241.0.${Math.floor(n / 250)}.${n % 250}` }] },
  }));
  const chosen = [3, 250, 251, 600, 999];
  const listing = { reachableBackends: { refs: chosen.map((n) => ref({ name: `s${n}` })) } };
  const held = (services: readonly Document[], tp: Document) => {
    const world = new World({ zone: ZONE });
    new Documents().put(world, mesh("Exclusive"), ...services, proxy(tp));
    const config = world.mesh("default").config.at("caller").get();
    assert.ok(config !== undefined);
    const { clusters, endpoints, listeners, routes } = config;
    return [clusters, endpoints, listeners, routes].map((each) => [...each.keys()].sort());
  };
  const five = held(
    many.filter((_, n) => chosen.includes(n)),
    {},
  );
  assert.deepEqual(held(many, listing), five);
  const size = (of: readonly (readonly string[])[]) => of.reduce((sum, { length }) => sum + length, 0);
  assert.ok(size(five) < 40 && size(held(many, {})) > 4_000, "without the list it holds all of them");
});

/* Automatic reachability: every proxy has an identity by its label `app`. */

const ISSUER = "kri_mid_default_east__ids_";
const idOf = (app: string) => `spiffe://test.mesh/${app}`;
const IDENTITY: Document = {
  type: "MeshIdentity",
  mesh: "default",
  name: "ids",
  spec: {
    selector: { dataplane: { matchLabels: {} } },
    spiffeID: { trustDomain: "test.mesh", path: '/{{ label "app" }}' },
    provider: {
      type: "Bundled",
      bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
    },
  },
};

const instance = (app: string, n: number): Document => ({
  type: "Dataplane",
  mesh: "default",
  name: `${app}-1`,
  labels: { app },
  networking: {
    address: `10.0.2.${n}`,
    inbound: [{ port: 8080, protocol: "http", tags: { "kuma.io/service": app } }],
  },
});

const permission = (name: string, app: string | undefined, conf: Document): Document => ({
  type: "MeshTrafficPermission",
  mesh: "default",
  name,
  spec: {
    targetRef: app === undefined ? { kind: "Mesh" } : { kind: "Dataplane", labels: { app } },
    rules: [{ default: conf }],
  },
});
const exact = (app: string) => ({ spiffeID: { type: "Exact", value: idOf(app) } });

/** A world in which permissions decide, with `caller` and instances of `a`, `b` and `c`. */
class Permitted {
  readonly world = new World({ zone: ZONE, autoReachable: true });
  readonly #documents = new Documents();

  constructor(...documents: readonly Document[]) {
    this.world.mesh("default").stage.set(ISSUER, "enforced");
    const caller = { ...proxy({}), labels: { app: "caller" } };
    this.put(mesh("Exclusive"), IDENTITY, ...SERVICES.slice(0, 3), caller);
    this.put(...["a", "b", "c"].map(instance), ...documents);
  }

  put(...documents: readonly Document[]): void {
    this.#documents.put(this.world, ...documents);
  }

  delete(type: string, name: string): void {
    this.#documents.delete(this.world, type, "default", name);
  }

  reached(): readonly string[] {
    const plan = this.world.mesh("default").planner.plan.at("caller").get();
    assert.ok(plan !== undefined);
    return targets(plan);
  }
}

test("automatic: nothing without a permission, and permissions open one service after the other", () => {
  const permitted = new Permitted();
  assert.deepEqual(permitted.reached(), []);
  permitted.put(permission("p", "a", { allow: [exact("caller")] }));
  assert.deepEqual(permitted.reached(), ["a|80"]);
  permitted.put(permission("q", "c", { allowWithShadowDeny: [exact("caller")] }));
  assert.deepEqual(permitted.reached(), ["a|80", "c|80"]);
  permitted.put(permission("r", "c", { deny: [exact("caller")] }));
  assert.deepEqual(permitted.reached(), ["a|80"]);
  permitted.delete("MeshTrafficPermission", "p");
  assert.deepEqual(permitted.reached(), []);
});

test("automatic: a prefix, the whole mesh, and somebody else", () => {
  const prefix = { spiffeID: { type: "Prefix", value: "spiffe://test.mesh" } };
  assert.deepEqual(new Permitted(permission("p", undefined, { allow: [prefix] })).reached(), ALL);
  assert.deepEqual(new Permitted(permission("p", undefined, { allow: [exact("other")] })).reached(), []);
});

test("automatic: a server name is the one that the caller asks the destination for", () => {
  const sni = (value: string) => ({ sni: { type: "Exact", value } });
  const { world, ...rest } = new Permitted();
  assert.ok(rest !== undefined);
  const known = world.mesh("default").planner.destination.at("a|80").get()?.plan.sni ?? "";
  assert.deepEqual(new Permitted(permission("p", undefined, { allow: [sni(known)] })).reached(), ["a|80"]);
});

test("automatic: one of several instances is enough, and a service without instances stays", () => {
  const permitted = new Permitted(permission("p", "a-canary", { allow: [exact("caller")] }));
  assert.deepEqual(permitted.reached(), []);
  const canary = { ...instance("a", 9), name: "a-2", labels: { app: "a-canary" } };
  permitted.put(canary);
  assert.deepEqual(permitted.reached(), ["a|80"]);
  permitted.delete("Dataplane", "b-1");
  assert.deepEqual(permitted.reached(), ["a|80", "b|80", "b|81"]);
});

test("automatic: what a list names is there, whatever permissions say", () => {
  const permitted = new Permitted();
  permitted.put({
    ...proxy({ reachableBackends: { refs: [ref({ name: "b", port: 80 })] } }),
    labels: { app: "caller" },
  });
  assert.deepEqual(permitted.reached(), ["b|80"]);
});

test("automatic: a permissive service is reachable for who has no certificate", () => {
  const permissive = {
    type: "MeshTLS",
    mesh: "default",
    name: "permissive",
    spec: {
      targetRef: { kind: "Dataplane", labels: { app: "a" } },
      rules: [{ default: { mode: "Permissive" } }],
    },
  };
  const permitted = new Permitted(permissive, {
    ...IDENTITY,
    spec: {
      ...(IDENTITY.spec as object),
      selector: { dataplane: { matchLabels: { "kuma.io/nobody": "x" } } },
    },
  });
  assert.deepEqual(permitted.reached(), ALL, "nobody has an identity, so nobody is refused");
  permitted.put(
    ...["a", "b", "c"].map((app, n) => ({ ...instance(app, n), labels: { app, certified: "yes" } })),
    {
      ...IDENTITY,
      spec: { ...(IDENTITY.spec as object), selector: { dataplane: { matchLabels: { certified: "yes" } } } },
    },
  );
  assert.deepEqual(permitted.reached(), ["a|80"]);
});

test("automatic: callers with one identity are the same caller, and a permission of others changes nothing for them", () => {
  const permitted = new Permitted(permission("p", "a", { allow: [exact("caller")] }));
  permitted.put({ ...proxy({}, { address: "10.0.0.2" }), name: "caller-2", labels: { app: "caller" } });
  const shared = (name: string) => permitted.world.mesh("default").planner.outbounds.at(name).get().shared;
  const before = shared("caller");
  assert.equal(before, shared("caller-2"));
  permitted.put(permission("q", "c", { allow: [exact("b")] }));
  assert.equal(shared("caller"), before);
});
