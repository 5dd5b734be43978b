import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { coreKinds, type Resource, type ResourceKey } from "@skein/model";
import { policyKinds } from "@skein/policies";
import fc from "fast-check";
import { ADDRESSED_TYPES } from "../naming/addressed.ts";
import { startNaming } from "../naming/run.ts";
import { TAGGED_SERVICE } from "../naming/tagged-service.ts";
import { VIP_CIDRS } from "../naming/testing/naming-world.ts";
import { SETTINGS } from "../naming/testing/resources.ts";
import { accessMatrix } from "../pipeline/answers.ts";
import { DATAPLANES, type Document, document, edited } from "../pipeline/testing/arbitrary.ts";
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

const environment = { zone: ZONE, now: () => Date.UTC(2026, 0, 1), random: randomBytes };
const policyTypes = new Set(policyKinds.map(({ type }) => type));

/** A store and the world that follows it, with what the identity controller would do to both. */
class Place {
  readonly world = new World({ zone: ZONE });
  readonly store: Store = openMemoryStore({ now: environment.now });
  readonly previews = previews({
    ...environment,
    world: this.world,
    store: this.store,
    types: [...coreKinds, ...policyKinds].map(({ type }) => type),
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
    await foreseeIdentities(this.world, "default", this.store, environment);
    for (const trust of this.world.mesh("default").index.trusts.get()) {
      if (this.store.get(trust) === undefined) await this.store.write([{ op: "put", resource: trust }]);
    }
  }

  configs(): ReadonlyMap<string, ProxyConfig | undefined> {
    const { config } = this.world.mesh("default");
    return new Map(DATAPLANES.map((name) => [name, config.at(name).get()]));
  }

  pairs(): ReadonlyMap<string, string> {
    return new Map(
      accessMatrix(this.world, "default").map(({ source, destination, port, verdict }) => [
        `${source} ${destination} ${port}`,
        verdict,
      ]),
    );
  }
}

async function made(store: Store, change: readonly Document[] | ResourceKey): Promise<void> {
  const writes: Write[] =
    "type" in change && "name" in change
      ? [{ op: "delete", key: change }]
      : (change as readonly Document[]).map((each) => ({ op: "put", resource: written(each) }));
  for (const write of writes) await store.write([write]);
}

function written(each: Document): Resource {
  return stored(each, 1);
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

const base = fc.array(document, { minLength: 8, maxLength: 25, size: "max" });
const change = fc.record({
  kind: fc.constantFrom("put", "edit", "delete"),
  documents: fc.array(document, { minLength: 1, maxLength: 3 }),
  which: fc.nat(30),
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

test("random changes: exactly what was said beforehand happens, and saying it changes nothing", async () => {
  let changes = 0;
  await fc.assert(
    fc.asyncProperty(base, fc.array(change, { minLength: 1, maxLength: 3 }), async (documents, list) => {
      const place = new Place();
      await place.write([
        { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } },
        ...documents,
      ]);
      for (const each of list) {
        const next = changeOf(each, documents, place.store);
        const [before, pairsBefore] = [place.configs(), place.pairs()];
        const { effects } = await place.previews.preview(
          (draft: Draft) => made(draft.store, next),
          AbortSignal.timeout(30_000),
        );
        for (const [name, config] of place.configs()) {
          assert.equal(config, before.get(name), "the preview changed something");
        }
        await place.write(next);
        const differences = resourceDifferences(before, place.configs());
        changes += differences.length;
        assert.deepEqual(saidResources(effects), differences);
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
    }),
    { numRuns: Number(process.env.PREVIEWS ?? 60) },
  );
  assert.ok(changes > 100, `only ${changes} resources changed: the property says too little`);
});
