import assert from "node:assert/strict";
import fc from "fast-check";
import type { IdentityStage } from "../../plan/identities.ts";
import { UNKNOWN_NODE } from "../../plan/node-facts.ts";
import type { Redirect } from "../../plan/redirect.ts";
import type { ProxyConfig } from "../../xds/fragment.ts";
import { FragmentTable } from "../../xds/fragment-table.ts";
import { isFragments } from "../../xds/fragments.ts";
import { World } from "../world.ts";
import { document, gatewayScene } from "./arbitrary/any-document.ts";
import type { Document } from "./arbitrary/document.ts";
import { edited } from "./arbitrary/edited.ts";
import { DATAPLANES, ISSUERS, SECRETS } from "./arbitrary/names.ts";
import { PEM } from "./certificates.ts";
import { Documents, ZONE } from "./resources.ts";

/** Something that happens to a control plane. */
export type Step =
  | { readonly do: "put"; readonly documents: readonly Document[] }
  | { readonly do: "delete" | "edit"; readonly which: number }
  | {
      readonly do: "node";
      readonly dataplane: string;
      readonly unifiedNaming: boolean;
      readonly reusePort: boolean;
      readonly extAuthzAddress: string | undefined;
      readonly redirect: Redirect | undefined;
      readonly bindOutbounds: boolean;
    }
  | { readonly do: "stage"; readonly issuer: string; readonly stage: IdentityStage | undefined }
  | { readonly do: "certificate"; readonly dataplane: string; readonly secret: string; readonly is: boolean }
  | { readonly do: "roots"; readonly is: boolean }
  | { readonly do: "connect" | "disconnect" | "read"; readonly dataplane: string }
  | { readonly do: "read all" | "sweep" | "check" };

const dataplane = fc.constantFrom(...DATAPLANES);

/** Any step; most of them write. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      documents: fc.array(document, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("put" as const), documents: gatewayScene }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("delete" as const), which: fc.nat(30) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("edit" as const), which: fc.nat(30) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("node" as const),
      dataplane,
      unifiedNaming: fc.boolean(),
      reusePort: fc.boolean(),
      extAuthzAddress: fc.constantFrom(undefined, "localhost:9191", "127.0.0.9:1"),
      redirect: fc.constantFrom(
        undefined,
        { outboundPort: 15_001, inboundPort: 15_006, ipv6: true },
        { outboundPort: undefined, inboundPort: 15_006, ipv6: false },
      ),
      bindOutbounds: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("stage" as const),
      issuer: fc.constantFrom(...ISSUERS),
      stage: fc.constantFrom("announced", "serving", "calling", "enforced", "enforced", undefined),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("certificate" as const),
      dataplane,
      secret: fc.constantFrom(...SECRETS),
      is: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("roots" as const), is: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("connect" as const, "disconnect" as const), dataplane }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("read" as const), dataplane }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("read all" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("check" as const) }) },
);

interface Connection {
  /** Its configuration may have changed since it was read. */
  told: boolean;
  seen: ProxyConfig | undefined;
  readonly end: () => void;
}

/** A world that lives through steps, beside all that is needed to build it anew. */
export class Life {
  readonly table = new FragmentTable();
  readonly world: World;
  readonly #autoReachable: boolean;
  readonly #documents = new Documents();
  /** What was ever written, in its newest form: what is edited may come back to life. */
  readonly #written = new Map<string, Document>();
  /** Facts by what they are about; the newest counts. */
  readonly #facts = new Map<string, Step>();
  readonly #connections = new Map<string, Connection>();

  /** Begins with a mesh in which identities work. @param autoReachable whether permissions decide what is reachable */
  constructor(autoReachable = false) {
    this.#autoReachable = autoReachable;
    this.world = this.#newWorld();
    this.take({
      do: "put",
      documents: [{ type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } }],
    });
    for (const issuer of ISSUERS) this.take({ do: "stage", issuer, stage: "enforced" });
  }

  take(step: Step): void {
    switch (step.do) {
      case "put":
        this.#documents.put(this.world, ...step.documents);
        for (const each of step.documents) this.#written.set(`${each.type}/${each.name}`, each);
        return;
      case "delete": {
        const { all } = this.#documents;
        const victim = all[step.which % Math.max(all.length, 1)];
        if (victim !== undefined) this.#documents.delete(this.world, victim.type, victim.mesh, victim.name);
        return;
      }
      case "edit": {
        const all = [...this.#written.values()];
        const chosen = all[step.which % Math.max(all.length, 1)];
        if (chosen !== undefined) this.take({ do: "put", documents: [edited(chosen)] });
        return;
      }
      case "connect":
        this.#connect(step.dataplane);
        return;
      case "disconnect":
        this.#connections.get(step.dataplane)?.end();
        this.#connections.delete(step.dataplane);
        return;
      case "read":
        this.#read(step.dataplane);
        return;
      case "read all":
        for (const name of DATAPLANES) this.#read(name);
        return;
      case "sweep":
        this.world.graph.sweep();
        return;
      case "check":
        this.check();
        return;
      default:
        this.#facts.set(factKey(step), step);
        setFact(this.world, step);
    }
  }

  /** Everything is as it would be in a world that has known nothing but the present. */
  check(): void {
    const fresh = this.#newWorld();
    fresh.apply(this.#documents.all.toReversed().map((after) => ({ before: undefined, after })));
    for (const fact of this.#facts.values()) setFact(fresh, fact);
    const [mesh, freshMesh] = [this.world.mesh("default"), fresh.mesh("default")];
    for (const name of DATAPLANES) {
      const expected = readable(freshMesh.config.at(name).get());
      const connection = this.#connections.get(name);
      if (connection !== undefined && !connection.told) {
        assert.deepEqual(
          readable(connection.seen),
          expected,
          `${name} was not told that its configuration changed`,
        );
      }
      const plan = mesh.planner.plan.at(name).get();
      assert.deepEqual(plain(plan), plain(freshMesh.planner.plan.at(name).get()), `plan of ${name}`);
      assert.deepEqual(readable(this.#read(name)), expected, `configuration of ${name}`);
    }
  }

  disconnectAll(): void {
    for (const { end } of this.#connections.values()) end();
    this.#connections.clear();
  }

  /** Deletes every document. */
  clear(): void {
    for (const { type, mesh, name } of this.#documents.all)
      this.#documents.delete(this.world, type, mesh, name);
  }

  #newWorld(): World {
    return new World({ zone: ZONE, table: this.table, autoReachable: this.#autoReachable });
  }

  #connect(name: string): void {
    if (this.#connections.has(name)) return;
    const config = this.world.mesh("default").config.at(name);
    const connection: Connection = {
      told: false,
      seen: config.get(),
      end: this.world.graph.observe(config, () => {
        connection.told = true;
      }),
    };
    this.#connections.set(name, connection);
  }

  #read(name: string): ProxyConfig | undefined {
    const config = this.world.mesh("default").config.at(name).get();
    const connection = this.#connections.get(name);
    if (connection !== undefined) {
      connection.told = false;
      connection.seen = config;
    }
    return config;
  }
}

function factKey(fact: Step): string {
  switch (fact.do) {
    case "node":
      return `node ${fact.dataplane}`;
    case "stage":
      return `stage ${fact.issuer}`;
    case "certificate":
      return `certificate ${fact.dataplane} ${fact.secret}`;
    default:
      return fact.do;
  }
}

function setFact(world: World, fact: Step): void {
  const mesh = world.mesh("default");
  switch (fact.do) {
    case "node": {
      const { do: _, dataplane: name, ...facts } = fact;
      mesh.node.set(name, { ...UNKNOWN_NODE, ...facts });
      return;
    }
    case "stage":
      mesh.stage.set(fact.issuer, fact.stage);
      return;
    case "certificate": {
      const issued = { certificatePem: PEM["leaf.pem"], privateKeyPem: PEM["leaf-key.pem"] };
      mesh.certificate.set(fact.dataplane, fact.secret, fact.is ? issued : undefined);
      return;
    }
    case "roots":
      mesh.mtlsRoots.set(fact.is ? [PEM["ca.pem"]] : []);
      return;
    default:
  }
}

/** A configuration as versions and origins by name. */
function readable(config: ProxyConfig | undefined): unknown {
  if (config === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(config).map(([type, resources]) => [
      type,
      isFragments(resources)
        ? Object.fromEntries(
            [...resources].map(([name, { version, origins }]) => [name, `${version} ${origins.join(" ")}`]),
          )
        : resources,
    ]),
  );
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
