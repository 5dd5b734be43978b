import assert from "node:assert/strict";
import { test } from "node:test";
import { type PolicyDefinition, policies } from "@skein/policies";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import { PEM } from "./testing/certificates.ts";
import { Documents, ZONE } from "./testing/resources.ts";
import { World } from "./world.ts";

/* What a change costs: what it does not concern is not even looked at. */

const NAMES = ["web-1", "web-2", "backend-1", "backend-2", "db-1", "idle-1"] as const;
type Name = string;

const dataplane = (name: Name, port = 8080, extra: Readonly<Record<string, unknown>> = {}) => {
  const app = name.split("-")[0] ?? name;
  const calls = { web: "backend", backend: "db" }[app];
  return {
    type: "Dataplane",
    mesh: "default",
    name,
    labels: { app, "kuma.io/workload": app, ...extra },
    networking: {
      address: `127.0.${app.length}.${name.split("-")[1]}`,
      inbound: [{ port, serviceAddress: "127.0.0.1", protocol: "http" }],
      outbound:
        calls === undefined
          ? []
          : [{ port: 10080, backendRef: { kind: "MeshService", name: calls, port: 80 } }],
    },
  };
};
const service = (app: string) => ({
  type: "MeshService",
  mesh: "default",
  name: app,
  spec: {
    selector: { dataplaneLabels: { matchLabels: { app } } },
    ports: [{ port: 80, targetPort: 8080, appProtocol: "http" }],
  },
});
const timeout = (targetRef: unknown, requestTimeout: string, name = "p") => ({
  type: "MeshTimeout",
  mesh: "default",
  name,
  spec: { targetRef, to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout } } }] },
});
const IDENTITY = "kri_mid_default_east__everyone_";

/** Definitions that count how often they are asked. */
function counting() {
  const counts = { planned: 0, translated: 0 };
  const count = <Args extends readonly unknown[], Result>(
    what: keyof typeof counts,
    call: ((...args: Args) => Result) | undefined,
  ) =>
    call === undefined
      ? undefined
      : (...args: Args): Result => {
          counts[what] += 1;
          return call(...args);
        };
  const definitions = policies.map((definition) => {
    const wrapped: Record<string, unknown> = { ...definition };
    for (const [name, what] of [
      ["planInbound", "planned"],
      ["planOutbound", "planned"],
      ["translateInbound", "translated"],
      ["translateOutbound", "translated"],
    ] as const) {
      const made = count(what, definition[name] as ((...args: readonly unknown[]) => unknown) | undefined);
      if (made !== undefined) wrapped[name] = made;
    }
    return wrapped as unknown as PolicyDefinition;
  });
  return { counts, definitions };
}

/** A mesh of three services with identities, read once. */
function settled() {
  const { counts, definitions } = counting();
  const world = new World({ zone: ZONE, definitions });
  const documents = new Documents();
  documents.put(
    world,
    { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } },
    ...NAMES.map((name) => dataplane(name)),
    ...["web", "backend", "db"].map(service),
    {
      type: "MeshIdentity",
      mesh: "default",
      name: "everyone",
      spec: {
        selector: { dataplane: { matchLabels: {} } },
        provider: {
          type: "Bundled",
          bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
        },
      },
    },
    timeout({ kind: "Mesh" }, "9s", "base"),
  );
  const mesh = world.mesh("default");
  mesh.stage.set(IDENTITY, "enforced");
  const certificate = { certificatePem: PEM["leaf.pem"], privateKeyPem: PEM["leaf-key.pem"] };
  for (const name of NAMES) mesh.certificate.set(name, IDENTITY, certificate);
  const told = new Set<Name>();
  for (const name of NAMES) {
    const config = mesh.config.at(name);
    config.get();
    world.graph.observe(config, () => told.add(name));
  }
  const read = () => new Map(NAMES.map((name) => [name as Name, mesh.config.at(name).get()]));
  return {
    world,
    mesh,
    documents,
    counts,
    read,
    /** What a change does: whom it concerns, what of theirs, and how much work it was. */
    cost(change: () => void) {
      const before = read();
      const plans = new Map(NAMES.map((name) => [name, mesh.planner.plan.at(name).get()]));
      Object.assign(counts, { planned: 0, translated: 0 });
      told.clear();
      change();
      const woken = [...told].sort();
      const after = read();
      const changes: Record<Name, readonly string[]> = {};
      for (const [name, config] of after) {
        const differing = differences(before.get(name), config);
        assert.equal(
          config === before.get(name),
          differing.length === 0,
          `${name} is a new object for nothing`,
        );
        if (differing.length > 0) changes[name] = differing;
      }
      const replanned = NAMES.filter((name) => mesh.planner.plan.at(name).get() !== plans.get(name));
      return { woken, changes, replanned, ...counts };
    },
  };
}

/** `type name` of every fragment that is not the same. */
function differences(before: ProxyConfig | undefined, after: ProxyConfig | undefined): readonly string[] {
  const found: string[] = [];
  for (const type of ["clusters", "endpoints", "listeners", "routes", "secrets"] as const) {
    const [old, now] = [before?.[type], after?.[type]] as readonly (
      | ReadonlyMap<string, Fragment>
      | undefined
    )[];
    for (const name of new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])) {
      if (old?.get(name) !== now?.get(name)) found.push(`${type} ${name}`);
    }
  }
  return found;
}

const BACKEND = "kri_msvc_default_east__backend_80";
const DB = "kri_msvc_default_east__db_80";

test("an instance comes: one endpoint resource, for those who use the service", () => {
  const { world, documents, cost } = settled();
  const { woken, changes, replanned, planned, translated } = cost(() =>
    documents.put(world, dataplane("backend-3")),
  );
  const only = [`endpoints ${BACKEND}`];
  assert.deepEqual(changes, { "web-1": only, "web-2": only });
  assert.deepEqual(woken, ["web-1", "web-2"]);
  assert.deepEqual([replanned, planned, translated], [[], 0, 0]);
});

test("an instance goes: one endpoint resource, for those who use the service", () => {
  const { world, documents, cost } = settled();
  documents.put(world, dataplane("backend-3"));
  const { changes, planned } = cost(() => documents.delete(world, "Dataplane", "default", "backend-3"));
  const only = [`endpoints ${BACKEND}`];
  assert.deepEqual(changes, { "web-1": only, "web-2": only });
  assert.equal(planned, 0);
});

test("a policy for some proxies: theirs, and nobody else is looked at", () => {
  const { world, documents, cost } = settled();
  const policy = timeout({ kind: "Dataplane", name: "web-1" }, "1s");
  const { woken, changes, replanned } = cost(() => documents.put(world, policy));
  assert.deepEqual(woken, ["web-1"]);
  assert.deepEqual(replanned, ["web-1"]);
  assert.deepEqual(Object.keys(changes), ["web-1"]);
  assert.ok(changes["web-1"]?.includes(`routes ${BACKEND}`));
  assert.ok(!changes["web-1"]?.some((each) => each.startsWith("endpoints") || each.startsWith("secrets")));
});

test("a selector that moves: those it selected, and those it selects now", () => {
  const { world, documents, cost } = settled();
  documents.put(world, timeout({ kind: "Dataplane", name: "web-1" }, "1s"));
  const { woken, changes } = cost(() =>
    documents.put(world, timeout({ kind: "Dataplane", name: "web-2" }, "1s")),
  );
  assert.deepEqual(woken, ["web-1", "web-2"]);
  assert.deepEqual(Object.keys(changes), ["web-1", "web-2"]);
});

test("a policy that selects nobody, or is in shadow, costs nothing", () => {
  const { world, documents, cost } = settled();
  const nobody = timeout({ kind: "Dataplane", labels: { app: "nobody" } }, "1s");
  const shadow = { ...timeout({ kind: "Mesh" }, "1s", "s"), labels: { "kuma.io/effect": "shadow" } };
  const result = cost(() => documents.put(world, nobody, shadow));
  assert.deepEqual(result, { woken: [], changes: {}, replanned: [], planned: 0, translated: 0 });
});

test("a mesh-wide policy: planned and translated once per kind of proxy, not once per proxy", () => {
  const more = (world: World, documents: Documents) => {
    for (let i = 3; i < 40; i += 1) documents.put(world, dataplane(`web-${i}`));
  };
  const work = (grow: boolean): readonly number[] => {
    const { world, documents, mesh, cost, counts } = settled();
    if (grow) more(world, documents);
    const names = mesh.index.dataplaneNames();
    for (const name of names) mesh.config.at(name).get();
    cost(() => documents.put(world, timeout({ kind: "Mesh" }, "1s", "base")));
    const fragments = new Set(names.map((name) => mesh.config.at(name).get()?.routes.get(BACKEND)));
    fragments.delete(undefined);
    assert.equal(fragments.size, 1, "all callers share one fragment");
    return [counts.planned, counts.translated];
  };
  assert.deepEqual(work(true), work(false));
});

test("a certificate is renewed: one secret, to one proxy", () => {
  const { mesh, cost } = settled();
  const renewed = { certificatePem: PEM["ca.pem"], privateKeyPem: PEM["leaf-key.pem"] };
  const { woken, changes, replanned, planned } = cost(() => mesh.certificate.set("db-1", IDENTITY, renewed));
  assert.deepEqual(woken, ["db-1"]);
  assert.deepEqual(changes, { "db-1": [`secrets ${IDENTITY}`] });
  assert.deepEqual([replanned, planned], [[], 0]);
});

test("the same document again changes nothing", () => {
  const { world, documents, cost } = settled();
  const again = cost(() => {
    documents.put(world, { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } });
    documents.put(world, dataplane("web-1"), service("db"), dataplane("backend-2"));
  });
  assert.deepEqual(again.changes, {});
  assert.deepEqual([again.replanned, again.planned, again.translated], [[], 0, 0]);
});

test("a change of another mesh is of no concern", () => {
  const { world, documents, cost } = settled();
  const result = cost(() => {
    documents.put(world, { type: "Mesh", name: "other" }, { ...dataplane("web-1"), mesh: "other" });
    documents.put(world, { ...timeout({ kind: "Mesh" }, "1s"), mesh: "other" });
  });
  assert.deepEqual(result, { woken: [], changes: {}, replanned: [], planned: 0, translated: 0 });
});

test("a service changes its protocol: those who call it", () => {
  const { world, documents, cost } = settled();
  const { spec, ...rest } = service("db");
  const { changes } = cost(() =>
    documents.put(world, {
      ...rest,
      spec: { ...spec, ports: [{ port: 80, targetPort: 8080, appProtocol: "tcp" }] },
    }),
  );
  const all = ["clusters", "listeners", "routes"].map((type) => `${type} ${DB}`);
  assert.deepEqual(changes, { "backend-1": all, "backend-2": all });
});

test("what another proxy says of itself is of no concern", () => {
  const { mesh, cost } = settled();
  const facts = { ...mesh.node.at("web-1").get(), reusePort: false };
  const { woken, changes } = cost(() => mesh.node.set("web-1", facts));
  assert.deepEqual(woken, ["web-1"]);
  assert.ok(changes["web-1"]?.every((each) => each.startsWith("listeners ")));
});
