import { hash } from "node:crypto";
import { contains, type DestinationKey, type PlanCondition } from "@skein/policies";
import { getOrMake } from "../../get-or-make.ts";
import type { Graph, Readable } from "../../view/graph.ts";
import { sameItems } from "../../view/same-items.ts";
import { Interned } from "../interned.ts";
import type {
  AddressBook,
  AddressedDestination,
  AddressedPort,
  DestinationsOfKind,
  TagAddresses,
} from "./addressed.ts";
import { type Admission, callerTerms, mayCall, termsOf } from "./admissions.ts";
import type { Reach, ReachableRef } from "./reach.ts";

/** What a proxy reaches at addresses of destinations. Interned: equal sets are the same object. */
export interface ReachableSet {
  readonly ports: readonly AddressedPort[];
  /** Somebody asked for what permissions may keep away, so that it is worth a word. */
  readonly isListed: boolean;
  readonly conditions: readonly PlanCondition[];
}

export interface ReachableSetInputs {
  readonly addresses: AddressBook;
  readonly tags: TagAddresses;
  readonly admission: { at(key: DestinationKey): Readable<Admission> };
}

/** Everything that has an address and whose callers permissions decide. */
interface Directory {
  readonly ports: readonly AddressedPort[];
  readonly admissions: readonly Admission[];
  /** Indexes of `ports` by term, ascending. */
  readonly byTerm: ReadonlyMap<string, readonly number[]>;
}

/**
 * Resolves what proxies ask to reach. A set is made once for all proxies that ask for the same, and is found unchanged
 * where a change of the mesh does not concern it.
 */
export function reachableSets(
  graph: Graph,
  { addresses, tags, admission }: ReachableSetInputs,
): { at(reach: Reach): Readable<ReachableSet> } {
  const interned = new Interned<ReachableSet>();

  const allOf = (kind: ReachableRef["kind"]) =>
    graph.derived<readonly AddressedPort[]>(() => {
      const of = addresses[kind];
      return of.names.get().flatMap((name) => of.at(name).get()?.addressed ?? []);
    }, sameItems);
  const services = allOf("MeshService");
  const others = [allOf("MeshExternalService"), allOf("MeshMultiZoneService")];
  const tagged = graph.derived<readonly AddressedPort[]>(
    () => tags.names.get().flatMap((service) => tags.at(service).get()),
    sameItems,
  );

  const directory = (all: Readable<readonly AddressedPort[]>) =>
    graph.derived<Directory>(() => {
      const ports = all.get();
      const byKey = new Map<DestinationKey, Admission>();
      const byTerm = new Map<string, number[]>();
      const admissions = ports.map(({ target }, at) => {
        const found = byKey.get(target) ?? admission.at(target).get();
        byKey.set(target, found);
        for (const term of terms.get(found)) {
          const list = byTerm.get(term);
          if (list === undefined) byTerm.set(term, [at]);
          else list.push(at);
        }
        return found;
      });
      return { ports, admissions, byTerm };
    });
  const serviceDirectory = directory(services);
  const tagDirectory = directory(tagged);

  /** What permissions may let a caller call. */
  const permitted = (from: Readable<Directory>) =>
    graph.family<string, readonly AddressedPort[]>((key) => {
      const certificates = JSON.parse(key) as readonly (readonly string[])[];
      const { ports, admissions, byTerm } = from.get();
      const candidates = new Set([...callerTerms(certificates)].flatMap((term) => byTerm.get(term) ?? []));
      return [...candidates]
        .sort((a, b) => a - b)
        .flatMap((at) => {
          const [port, admits] = [ports[at], admissions[at]];
          return port !== undefined && admits !== undefined && mayCall(admits, certificates) ? [port] : [];
        });
    }, sameItems);
  const permittedServices = permitted(serviceDirectory);
  const permittedTags = permitted(tagDirectory);

  const family = graph.family<string, ReachableSet>((key) => {
    const [resources, wantedTags, caller] = JSON.parse(key) as [
      Reach["resources"],
      Reach["tags"],
      Reach["caller"] | null,
    ];
    const conditions: PlanCondition[] = [];
    const found: AddressedPort[] = [];
    if (resources === "all") {
      found.push(...(caller == null ? services : permittedServices.at(JSON.stringify(caller))).get());
      for (const each of others) found.push(...each.get());
    } else {
      for (const [index, ref] of resources.entries()) {
        const answer = resolve(addresses[ref.kind], ref);
        found.push(...answer.ports);
        if (answer.problem === undefined) continue;
        const at = `networking.transparentProxying.reachableBackends.refs[${index}]`;
        conditions.push({ type: "UnresolvedReachableBackend", message: `${at}: ${answer.problem}` });
      }
    }
    if (wantedTags === "all") {
      found.push(...(caller == null ? tagged : permittedTags.at(JSON.stringify(caller))).get());
    } else for (const service of wantedTags) found.push(...tags.at(service).get());
    const { ports, taken } = onePerAddress(found);
    const isListed = resources !== "all" && resources.some(({ kind }) => kind === "MeshExternalService");
    return intern({ ports, isListed, conditions: [...conditions, ...taken] });
  });

  const intern = (set: ReachableSet): ReachableSet => {
    const lines = set.ports.map(({ target, address, port }) => `${target} ${address} ${port}`);
    const text = JSON.stringify([lines, set.isListed, set.conditions]);
    return interned.get(hash("sha1", text, "base64"), () => set);
  };
  return { at: ({ key }) => family.at(key) };
}

const terms = new (class {
  readonly #known = new WeakMap<Admission, ReadonlySet<string>>();
  get(admission: Admission): ReadonlySet<string> {
    return getOrMake(this.#known, admission, () => termsOf(admission));
  }
})();

/** All destinations that a reference means, at all ports or the one that it names. */
function resolve(
  of: DestinationsOfKind,
  ref: ReachableRef,
): { readonly ports: readonly AddressedPort[]; readonly problem?: string } {
  const meant = named(of, ref);
  const what = describe(ref);
  if (meant.length === 0) return { ports: [], problem: `there is no ${what}` };
  const { port } = ref;
  const serving = port === undefined ? meant : meant.filter(({ ports }) => ports.includes(port));
  if (serving.length === 0) {
    const known = [...new Set(meant.flatMap(({ ports }) => ports))].join(", ") || "none";
    return { ports: [], problem: `${what} has no port ${port} (its ports: ${known})` };
  }
  const ports = serving
    .flatMap(({ addressed }) => addressed)
    .filter((each) => port === undefined || each.port === port);
  return ports.length > 0 ? { ports } : { ports, problem: `${what} has no address yet` };
}

function describe({ kind, name, namespace, labels }: ReachableRef): string {
  if (name === undefined || name === "") return `${kind} with the labels ${JSON.stringify(labels ?? {})}`;
  return namespace === undefined || namespace === ""
    ? `${kind} "${name}"`
    : `${kind} "${name}" in namespace "${namespace}"`;
}

/** A name is that of the resource, or the one under which people know it; labels mean every resource that has them. */
function named(
  of: DestinationsOfKind,
  { name, namespace, labels }: ReachableRef,
): readonly AddressedDestination[] {
  const isThere = (each: AddressedDestination): boolean =>
    namespace === undefined || namespace === "" || each.namespace === namespace;
  if (name !== undefined && name !== "") {
    const exact = of.at(name).get();
    if (exact !== undefined && isThere(exact)) return [exact];
  }
  const all = of.names.get().flatMap((each) => of.at(each).get() ?? []);
  return name === undefined || name === ""
    ? all.filter((each) => contains(each.labels, labels ?? {}))
    : all.filter((each) => each.displayName === name && isThere(each));
}

/** Envoy takes one listener for an address: the first destination keeps it. */
function onePerAddress(found: readonly AddressedPort[]): {
  readonly ports: readonly AddressedPort[];
  readonly taken: readonly PlanCondition[];
} {
  const byAddress = new Map<string, AddressedPort>();
  const taken: PlanCondition[] = [];
  for (const each of found) {
    const at = `${each.address}:${each.port}`;
    const first = byAddress.get(at);
    if (first === undefined) byAddress.set(at, each);
    else if (first.target !== each.target) {
      const message = `${each.target} is not reachable at ${at}: that is the address of ${first.target}`;
      taken.push({ type: "AddressTaken", message });
    }
  }
  return { ports: [...byAddress.values()], taken };
}
