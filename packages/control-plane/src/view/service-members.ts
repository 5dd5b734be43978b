import { type DataplaneResource, type MeshServiceResource, SERVICE_TAG } from "@skein/model";
import { contains } from "@skein/policies";

/** Whether a service's selector finds a dataplane. A service without a selector finds none. */
export function selectsDataplane(service: MeshServiceResource, dataplane: DataplaneResource): boolean {
  const { selector } = service.spec;
  if (selector?.dataplaneRef !== undefined) return selector.dataplaneRef.name === dataplane.name;
  if (selector?.dataplaneLabels !== undefined) {
    return contains(dataplane.labels, selector.dataplaneLabels.matchLabels ?? {});
  }
  const tags = selector?.dataplaneTags;
  if (tags === undefined) return false;
  return (dataplane.spec.networking?.inbound ?? []).some((inbound) => contains(inbound.tags ?? {}, tags));
}

/**
 * Which dataplanes each service has, kept as both come and go. Every service and dataplane stands under one index term
 * (its most telling tag or label), so a change looks only at candidates.
 */
export class ServiceMembers {
  readonly #services = new Map<string, MeshServiceResource>();
  readonly #dataplanes = new Map<string, DataplaneResource>();
  readonly #servicesByTerm = new Map<string, Set<string>>();
  readonly #dataplanesByTerm = new Map<string, Set<string>>();
  readonly #members = new Map<string, Map<string, DataplaneResource>>();

  /** Dataplanes of a service, sorted by name. */
  members(service: string): readonly DataplaneResource[] {
    const members = this.#members.get(service);
    if (members === undefined) return [];
    return [...members.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Dataplanes with an inbound of a service tag, sorted by name. */
  tagged(service: string): readonly DataplaneResource[] {
    const names = [...(this.#dataplanesByTerm.get(`tag ${SERVICE_TAG}=${service}`) ?? [])].sort();
    return names.flatMap((name) => this.#dataplanes.get(name) ?? []);
  }

  /** Services that a dataplane belongs to, sorted. */
  servicesOf(dataplane: DataplaneResource): readonly string[] {
    return [...this.#candidates(dataplane)]
      .filter((name) => this.#members.get(name)?.has(dataplane.name))
      .sort();
  }

  /** Takes in a dataplane's change; returns the services whose members changed. */
  dataplaneChanged(
    before: DataplaneResource | undefined,
    after: DataplaneResource | undefined,
  ): ReadonlySet<string> {
    const touched = new Set<string>();
    if (before !== undefined) {
      for (const name of this.#candidates(before)) {
        if (this.#members.get(name)?.delete(before.name)) touched.add(name);
      }
      this.#dataplanes.delete(before.name);
      for (const term of dataplaneTerms(before)) remove(this.#dataplanesByTerm, term, before.name);
    }
    if (after !== undefined) {
      this.#dataplanes.set(after.name, after);
      for (const term of dataplaneTerms(after)) add(this.#dataplanesByTerm, term, after.name);
      for (const name of this.#candidates(after)) {
        const service = this.#services.get(name);
        if (service === undefined || !selectsDataplane(service, after)) continue;
        this.#members.get(name)?.set(after.name, after);
        touched.add(name);
      }
    }
    return touched;
  }

  /** Takes in a service's change. */
  serviceChanged(before: MeshServiceResource | undefined, after: MeshServiceResource | undefined): void {
    if (before !== undefined) {
      this.#services.delete(before.name);
      this.#members.delete(before.name);
      remove(this.#servicesByTerm, serviceTerm(before), before.name);
    }
    if (after === undefined) return;
    const term = serviceTerm(after);
    this.#services.set(after.name, after);
    add(this.#servicesByTerm, term, after.name);
    const members = new Map<string, DataplaneResource>();
    const candidates = term === ANY ? this.#dataplanes.keys() : (this.#dataplanesByTerm.get(term) ?? []);
    for (const name of candidates) {
      const dataplane = this.#dataplanes.get(name);
      if (dataplane !== undefined && selectsDataplane(after, dataplane)) members.set(name, dataplane);
    }
    this.#members.set(after.name, members);
  }

  #candidates(dataplane: DataplaneResource): Set<string> {
    const names = new Set<string>(this.#servicesByTerm.get(ANY));
    for (const term of dataplaneTerms(dataplane)) {
      for (const name of this.#servicesByTerm.get(term) ?? []) names.add(name);
    }
    return names;
  }
}

const ANY = "*";

function serviceTerm(service: MeshServiceResource): string {
  const { selector } = service.spec;
  if (selector?.dataplaneRef !== undefined) return `name ${selector.dataplaneRef.name}`;
  if (selector?.dataplaneLabels !== undefined)
    return pairTerm("label", selector.dataplaneLabels.matchLabels ?? {});
  return pairTerm("tag", selector?.dataplaneTags ?? {});
}

/** The pair that says most: the service or workload, else the first with a definite value. */
function pairTerm(kind: string, pairs: Readonly<Record<string, string>>): string {
  const definite = Object.entries(pairs).filter(([, value]) => value !== "*");
  const telling = definite.find(([key]) => key === SERVICE_TAG || key === "kuma.io/workload") ?? definite[0];
  return telling === undefined ? ANY : `${kind} ${telling[0]}=${telling[1]}`;
}

function dataplaneTerms(dataplane: DataplaneResource): ReadonlySet<string> {
  const terms = new Set<string>([`name ${dataplane.name}`]);
  for (const [key, value] of Object.entries(dataplane.labels)) terms.add(`label ${key}=${value}`);
  for (const inbound of dataplane.spec.networking?.inbound ?? []) {
    for (const [key, value] of Object.entries(inbound.tags ?? {})) terms.add(`tag ${key}=${value}`);
  }
  return terms;
}

function add(index: Map<string, Set<string>>, term: string, name: string): void {
  const names = index.get(term);
  if (names === undefined) index.set(term, new Set([name]));
  else names.add(name);
}

function remove(index: Map<string, Set<string>>, term: string, name: string): void {
  const names = index.get(term);
  names?.delete(name);
  if (names?.size === 0) index.delete(term);
}
