import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { coreKinds, type Resource, type ResourceKey } from "@skein/model";
import { policyKinds } from "@skein/policies";
import fc from "fast-check";
import { accessMatrix } from "../access/matrix.ts";
import { type FakeClock, fakeClock } from "../identity/testing.ts";
import { ADDRESSED_TYPES, type AddressedStatus, vipsOf } from "../naming/addressed.ts";
import { startNaming } from "../naming/run.ts";
import { TAGGED_SERVICE } from "../naming/tagged-service.ts";
import { VIP_CIDRS } from "../naming/testing/naming-world.ts";
import { SETTINGS } from "../naming/testing/resources.ts";
import { document } from "../pipeline/testing/arbitrary/any-document.ts";
import type { Document } from "../pipeline/testing/arbitrary/document.ts";
import { edited } from "../pipeline/testing/arbitrary/edited.ts";
import { DATAPLANES } from "../pipeline/testing/arbitrary/names.ts";
import { stored, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Store, Write } from "../store/store.ts";
import type { ProxyConfig } from "../xds/fragment.ts";
import { foreseeIdentities } from "./identity-consequences.ts";
import type { Draft } from "./port.ts";
import { previews } from "./previews.ts";
import type { Effects } from "./report.ts";

/* The law of previews: what is said beforehand is what then happens, to the resource and to the pair. */

const policyTypes = new Set(policyKinds.map(({ type }) => type));

/** A store, the world and the naming that follow it, and what the identity controller would do to all of them. */
class Place {
  readonly clock = fakeClock();
  readonly world = new World({ zone: ZONE });
  readonly environment = { zone: ZONE, now: moments(this.clock), random: randomBytes };
  readonly store: Store = openMemoryStore({ now: this.environment.now });
  readonly #naming = {
    settings: { ...SETTINGS, context: { ...SETTINGS.context, zone: ZONE } },
    vipCidrs: VIP_CIDRS,
    connected: () => false,
  };
  readonly naming = startNaming({
    ...this.#naming,
    store: this.store,
    clock: this.clock,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    identitiesOf: ({ mesh, name }) => this.world.mesh(mesh).planner.identity.at(name).get().ids,
    acceptsTls: ({ mesh, name }) => this.world.mesh(mesh).planner.identity.at(name).get().acceptsTls,
  });
  readonly previews = previews({
    ...this.environment,
    world: this.world,
    store: this.store,
    naming: this.#naming,
    types: [...[...coreKinds, ...policyKinds].map(({ type }) => type), TAGGED_SERVICE],
    isPolicy: (type) => policyTypes.has(type),
    isConnected: () => false,
    onMeshWritten: async () => [],
    monotonic: () => performance.now(),
  });

  constructor() {
    this.store.watch((changes) => this.world.apply(changes));
  }

  async write(change: readonly Document[] | ResourceKey): Promise<void> {
    await made(this.store, change);
    await foreseeIdentities(this.world, "default", this.store, this.environment);
    for (const trust of this.world.mesh("default").index.trusts.get()) {
      if (this.store.get(trust) === undefined) await this.store.write([{ op: "put", resource: trust }]);
    }
    this.naming.wake("default");
    await this.naming.idle();
  }

  configs(): ReadonlyMap<string, ProxyConfig | undefined> {
    const { config } = this.world.mesh("default");
    return new Map(DATAPLANES.map((name) => [name, config.at(name).get()]));
  }

  pairs(): ReadonlyMap<string, string> {
    return new Map(
      accessMatrix(this.world.mesh("default")).map(({ source, destination, port, verdict }) => [
        `${source} ${destination} ${port}`,
        verdict,
      ]),
    );
  }

  /** The names and addresses of services of all kinds. */
  names(): ReadonlyMap<string, Named> {
    const services = ADDRESSED_TYPES.flatMap((type) => this.store.list({ type }));
    return new Map(
      services.map((service) => {
        const { addresses = [] } = (service.status ?? {}) as AddressedStatus;
        const grace = service.labels["kuma.io/deletion-grace-period-started-at"];
        const named = {
          hostnames: addresses.map(({ hostname }) => `${hostname}`),
          vips: vipsOf(service),
          grace,
        };
        return [`${service.type} ${service.name}`, named];
      }),
    );
  }
}

interface Named {
  readonly hostnames: readonly string[];
  readonly vips: readonly string[];
  readonly grace: string | undefined;
}

/** Times that are all different, within the second of a clock: who is older than whom is never left open. */
function moments(clock: FakeClock): () => number {
  let n = 0;
  return () => clock.now() + n++ * 1e-3;
}

/** What services differ in, as sentences. */
function nameDifferences(
  before: ReadonlyMap<string, Named>,
  after: ReadonlyMap<string, Named>,
): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .flatMap((key) => {
      const [was, is] = [before.get(key), after.get(key)];
      const change = was === undefined ? "appears" : is === undefined ? "goes" : "changes";
      const minus = (a: readonly string[] = [], b: readonly string[] = []) =>
        a.filter((each) => !b.includes(each)).join();
      const parts = [
        [minus(is?.hostnames, was?.hostnames), minus(was?.hostnames, is?.hostnames)],
        [minus(is?.vips, was?.vips), minus(was?.vips, is?.vips)],
      ].map(([added, removed]) => `+${added} -${removed}`);
      const ends =
        is?.grace === undefined || is.grace === was?.grace
          ? undefined
          : new Date(Date.parse(is.grace) + SETTINGS.deletionGracePeriodMs).toISOString();
      const isSame = change === "changes" && parts.every((part) => part === "+ -") && ends === undefined;
      return isSame ? [] : [`${key} ${change} ${parts.join(" ")} ${ends}`];
    })
    .sort();
}

function saidNames({ names }: Effects): readonly string[] {
  assert.equal(names.total, names.items.length);
  return names.items
    .map(({ type, name, change, hostnames, addresses, goesAt }) => {
      const parts = [hostnames, addresses].map(({ added, removed }) => `+${added} -${removed}`);
      return `${type} ${name} ${change} ${parts.join(" ")} ${goesAt}`;
    })
    .sort();
}

/** What was said against what happened, where an address that was not known beforehand may be any of its range. */
function assertNames(said: readonly string[], happened: readonly string[]): void {
  const range = /\+an address of (24[0-3])\.0\.0\.0\/\d+/;
  const some = said.map((each, i) => {
    const first = range.exec(each)?.[1];
    const address =
      first &&
      new RegExp(`\\+(${first === "240" ? "24\\d" : first}(\\.\\d+){3})`).exec(happened[i] ?? "")?.[1];
    return address === undefined ? each : each.replace(range, `+${address}`);
  });
  assert.deepEqual(some, happened);
}

async function made(store: Store, change: readonly Document[] | ResourceKey): Promise<void> {
  const writes: Write[] =
    "type" in change && "name" in change
      ? [{ op: "delete", key: change }]
      : (change as readonly Document[]).map((each) => ({ op: "put", resource: written(each) }));
  for (const write of writes) await store.write([write]);
}

function written(each: Document): Resource {
  const { status: _, ...document } = each;
  return stored(document, 1);
}

/** What two configurations of every proxy differ in. */
function resourceDifferences(
  before: ReadonlyMap<string, ProxyConfig | undefined>,
  after: ReadonlyMap<string, ProxyConfig | undefined>,
): readonly string[] {
  return DATAPLANES.flatMap((name) => {
    const [was, is] = [versions(before.get(name)), versions(after.get(name))];
    return [...new Set([...was.keys(), ...is.keys()])]
      .filter((key) => was.get(key) !== is.get(key))
      .map((key) => `${name} ${key} ${!was.has(key) ? "added" : !is.has(key) ? "removed" : "changed"}`);
  }).sort();
}

function versions(config: ProxyConfig | undefined): ReadonlyMap<string, string> {
  if (config === undefined) return new Map();
  const { clusters, endpoints, listeners, routes, secrets } = config;
  return new Map(
    [clusters, endpoints, listeners, routes, secrets].flatMap((fragments) =>
      [...fragments.values()].map(({ type, name, version }) => [`${type} ${name}`, version] as const),
    ),
  );
}

function saidResources({ proxies }: Effects): readonly string[] {
  assert.equal(proxies.groups.total, proxies.groups.items.length);
  return proxies.groups.items
    .flatMap(({ proxies: names, resources }) =>
      names.items.flatMap((name) =>
        resources.items.map(({ type, name: resource, change }) => `${name} ${type} ${resource} ${change}`),
      ),
    )
    .sort();
}

const generator: fc.Arbitrary<Document> = fc
  .record({
    name: fc.constantFrom("g0", "g1"),
    of: fc.constantFrom("meshService", "meshExternalService", "meshMultiZoneService"),
    template: fc.constantFrom("{{ .Name }}.local", "{{ .DisplayName }}.mesh", "fixed.local"),
  })
  .map(({ name, of, template }) => ({
    type: "HostnameGenerator",
    name,
    spec: { selector: { [of]: { matchLabels: {} } }, template },
  }));
const anything = fc.oneof({ weight: 9, arbitrary: document }, { weight: 1, arbitrary: generator });
/** What a mesh takes that is left through an egress. */
const LEFT_THROUGH_EGRESS: readonly Document[] = [
  { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" }, routing: { zoneEgress: true } },
  {
    type: "MeshIdentity",
    mesh: "default",
    name: "i0",
    spec: {
      selector: { dataplane: { matchLabels: {} } },
      spiffeID: { trustDomain: "a.mesh", path: "/workload/{{ .Workload }}" },
      provider: {
        type: "Bundled",
        bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
      },
    },
  },
  {
    type: "MeshExternalService",
    mesh: "default",
    name: "e0",
    spec: {
      match: { type: "HostnameGenerator", port: 80, protocol: "http" },
      endpoints: [{ address: "192.0.2.1", port: 443 }],
    },
  },
  {
    type: "Dataplane",
    mesh: "default",
    name: "d4",
    networking: { address: "127.0.1.4", listeners: [{ type: "ZoneEgress", port: 10_002 }] },
  },
];
const leave: fc.Arbitrary<Document> = fc
  .record({
    name: fc.constantFrom("p0", "p1"),
    list: fc.constantFrom("allow", "allow", "deny"),
    prefix: fc.constantFrom("spiffe://a.mesh", "spiffe://a.mesh/workload/d0"),
  })
  .map(({ name, list, prefix }) => ({
    type: "MeshTrafficPermission",
    mesh: "default",
    name,
    spec: {
      targetRef: { kind: "Dataplane", labels: { "kuma.io/listener-zoneegress": "enabled" } },
      rules: [
        {
          default: {
            [list]: [
              {
                spiffeID: { type: "Prefix", value: prefix },
                sni: { type: "Exact", value: "sni.extsvc.default.east.e0.80" },
              },
            ],
          },
        },
      ],
    },
  }));
const base = fc
  .tuple(
    fc.array(anything, { minLength: 8, maxLength: 25, size: "max" }),
    fc.constantFrom([], LEFT_THROUGH_EGRESS),
  )
  .map((parts) => parts.flat());
const change = fc.record({
  kind: fc.constantFrom("put", "edit", "delete"),
  documents: fc.oneof(
    { weight: 4, arbitrary: fc.array(anything, { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: leave.map((one) => [one]) },
  ),
  which: fc.nat(30),
  hoursBefore: fc.constantFrom(0, 0, 0, 2),
});

function changeOf(
  { kind, documents, which }: { kind: string; documents: readonly Document[]; which: number },
  known: readonly Document[],
  store: Store,
): readonly Document[] | ResourceKey {
  const chosen = known[which % known.length];
  if (kind === "edit" && chosen !== undefined) return [edited(chosen)];
  const resource = chosen && store.get(written(chosen));
  return kind === "delete" && resource !== undefined ? resource : documents;
}

const FIRST: readonly Document[] = [
  { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } },
  {
    type: "HostnameGenerator",
    name: "g",
    spec: { selector: { meshService: { matchLabels: {} } }, template: "{{ .DisplayName }}.svc.mesh.local" },
  },
];

test("random changes: exactly what was said beforehand happens, and saying it changes nothing", async () => {
  let changes = 0;
  const seen = { addresses: 0, names: 0, "pairs that leave the mesh": 0, "pairs at an egress": 0 };
  await fc.assert(
    fc.asyncProperty(base, fc.array(change, { minLength: 1, maxLength: 3 }), async (documents, list) => {
      const [place, unasked] = [new Place(), new Place()];
      for (const each of [place, unasked]) await each.write([...FIRST, ...documents]);
      for (const each of list) {
        for (const either of [place, unasked]) await either.clock.pass(each.hoursBefore * 3_600_000);
        const next = changeOf(each, documents, place.store);
        const [before, pairsBefore, namesBefore] = [place.configs(), place.pairs(), place.names()];
        const { effects } = await place.previews.preview(
          (draft: Draft) => made(draft.store, next),
          AbortSignal.timeout(30_000),
        );
        for (const [name, config] of place.configs()) {
          assert.equal(config, before.get(name), "the preview changed something");
        }
        assert.deepEqual(place.names(), namesBefore, "the preview gave out a name");
        await place.write(next);
        await unasked.write(next);
        const said = saidNames(effects);
        assertNames(said, nameDifferences(namesBefore, place.names()));
        assert.deepEqual(
          [...place.names()].map(([key, { vips }]) => [key, vips]),
          [...unasked.names()].map(([key, { vips }]) => [key, vips]),
          "with previews, others get other addresses",
        );
        seen.names += said.length;
        seen.addresses += said.filter((text) => /\+24\d\./.test(text)).length;
        const differences = resourceDifferences(before, place.configs());
        changes += differences.length;
        assert.deepEqual(saidResources(effects), differences);
        for (const { outside } of effects.access.items) {
          if (outside !== undefined) seen["pairs that leave the mesh"] += 1;
          if (outside === "egress") seen["pairs at an egress"] += 1;
        }
        const pairs = place.pairs();
        assert.deepEqual(
          effects.access.items
            .map(
              ({ source, destination, port, before: was, after: is }) =>
                `${source} ${destination} ${port}: ${was} -> ${is}`,
            )
            .sort(),
          [...new Set([...pairsBefore.keys(), ...pairs.keys()])]
            .filter((key) => pairsBefore.get(key) !== pairs.get(key))
            .map((key) => `${key}: ${pairsBefore.get(key)} -> ${pairs.get(key)}`)
            .sort(),
        );
      }
      for (const each of [place, unasked]) await each.naming.stop();
    }),
    { numRuns: Number(process.env.PREVIEWS ?? 150) },
  );
  assert.ok(changes > 100, `only ${changes} resources changed: the property says too little`);
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 3, `${what}: only ${count}`);
});
