import { isDeepStrictEqual } from "node:util";
import { displayName, LABEL, type Labels, type MeshMultiZoneServiceResource } from "@skein/model";
import { matchesLabels } from "../view/label-matches.ts";
import { revised } from "./draft.ts";
import { NameGroups } from "./name-groups.ts";

/** A MeshService, as far as MeshMultiZoneServices depend on it. */
export interface MemberService {
  readonly mesh: string;
  readonly name: string;
  readonly labels: Labels;
}

interface Selector {
  readonly name: string;
  readonly matchLabels: Labels;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Which MeshServices of a mesh each MeshMultiZoneService stands for, kept as both come and go. Every selector stands
 * under its most telling label, so a change looks only at candidates.
 */
export class MultiZoneMembers {
  readonly #services = new Map<string, MemberService>();
  readonly #selectors = new Map<string, Selector>();
  readonly #servicesByTerm = new NameGroups<MemberService>();
  readonly #selectorsByTerm = new NameGroups<Selector>();

  /** The services of a MeshMultiZoneService, sorted by name. */
  members(multiZone: string): readonly MemberService[] {
    const selector = this.#selectors.get(multiZone);
    if (selector === undefined) return [];
    return this.#servicesByTerm
      .members(selectorTerm(selector))
      .filter((service) => matchesLabels(service, selector.matchLabels))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Takes in a MeshService, or that it has gone. Returns the MeshMultiZoneServices that it concerns. */
  serviceChanged(name: string, after: MemberService | undefined): ReadonlySet<string> {
    const before = this.#services.get(name);
    if (before === after || (before && after && isDeepStrictEqual(before.labels, after.labels))) return NONE;
    const touched = new Set<string>();
    for (const service of [before, after]) {
      if (service !== undefined) for (const each of this.#selecting(service)) touched.add(each);
    }
    if (after === undefined) this.#services.delete(name);
    else this.#services.set(name, after);
    this.#servicesByTerm.set(
      name,
      after === undefined ? [] : serviceTerms(after).map((term) => [term, after]),
    );
    return touched;
  }

  /** Takes in the selector of a MeshMultiZoneService, or that it has gone. */
  selectorChanged(name: string, matchLabels: Labels | undefined): void {
    const selector = matchLabels && { name, matchLabels };
    if (selector === undefined) this.#selectors.delete(name);
    else this.#selectors.set(name, selector);
    this.#selectorsByTerm.set(name, selector === undefined ? [] : [[selectorTerm(selector), selector]]);
  }

  #selecting(service: MemberService): readonly string[] {
    return serviceTerms(service).flatMap((term) =>
      this.#selectorsByTerm
        .members(term)
        .filter(({ matchLabels }) => matchesLabels(service, matchLabels))
        .map(({ name }) => name),
    );
  }
}

const ANY = "";

/** The label that says most: the name of a service, else the first in order. */
function selectorTerm({ matchLabels }: Selector): string {
  const key = LABEL.displayName in matchLabels ? LABEL.displayName : Object.keys(matchLabels).sort()[0];
  return key === undefined ? ANY : `${key}=${matchLabels[key]}`;
}

function serviceTerms(service: MemberService): readonly string[] {
  const { [LABEL.displayName]: _, ...labels } = service.labels;
  return [
    ANY,
    `${LABEL.displayName}=${displayName(service)}`,
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
  ];
}

/** The MeshMultiZoneService with the services that it stands for, and whether there are any. */
export function withMeshServices(
  multiZone: MeshMultiZoneServiceResource,
  members: readonly MemberService[],
): MeshMultiZoneServiceResource {
  const meshServices = members
    .map((service) => ({
      name: displayName(service),
      namespace: service.labels[LABEL.kubernetesNamespace] ?? "",
      zone: service.labels[LABEL.zone] ?? "",
      mesh: service.mesh,
    }))
    .sort((a, b) => compare(tuple(a), tuple(b)));
  const { meshServices: _, ...status } = multiZone.status ?? {};
  const conditions = (status.conditions ?? []).filter(({ type }) => type !== "MeshServicesMatched");
  const matched =
    meshServices.length > 0
      ? { status: "True" as const, reason: "MatchesFound", message: "" }
      : {
          status: "False" as const,
          reason: "NoMatchesFound",
          message: "spec.selector.meshService.matchLabels finds no MeshService of this mesh",
        };
  return revised(multiZone, {
    status: {
      ...status,
      ...(meshServices.length === 0 ? {} : { meshServices }),
      conditions: [...conditions, { type: "MeshServicesMatched", ...matched }],
    },
  });
}

type Tuple = readonly string[];

function tuple(service: {
  readonly name: string;
  readonly namespace: string;
  readonly zone: string;
  readonly mesh: string;
}): Tuple {
  return [service.name, service.namespace, service.zone, service.mesh];
}

function compare(a: Tuple, b: Tuple): number {
  for (const [at, part] of a.entries()) {
    const other = b[at] ?? "";
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}
