import {
  computeLabels,
  type DataplaneResource,
  isDns1035Label,
  LABEL,
  type Labels,
  type MeshServiceResource,
  type MeshServiceSpec,
  meshServiceKind,
  SERVICE_TAG,
} from "@skein/model";
import { isLocal, type MeshServiceDraft, revised } from "./draft.ts";
import { withGracePeriod } from "./grace-period.ts";
import type { NamingProblem } from "./problem.ts";
import { mayPropagate, propagatedLabels } from "./propagated-labels.ts";
import { portsKey, type ServiceOffer } from "./service-offer.ts";
import type { NamingSettings } from "./settings.ts";

/** Value of `kuma.io/managed-by` on the services made here; without it a service is a user's. */
export const MESH_SERVICE_GENERATOR = "meshservice-generator";

/** All that decides about one generated service. */
export interface MeshServiceInput {
  readonly mesh: string;
  readonly name: string;
  /** The mesh has MeshServices: `meshServices.mode` is set and not `Disabled`. */
  readonly enabled: boolean;
  /** What dataplanes offer under this name, in any order. */
  readonly offers: readonly ServiceOffer[];
  readonly existing: MeshServiceResource | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly settings: NamingSettings;
}

/** What is to become of a derived resource. */
export interface Derived<Draft> {
  /** What should be stored: the existing document itself where nothing changes, `undefined` where nothing should be. */
  readonly draft: Draft | undefined;
  readonly problems: readonly NamingProblem[];
  /** Milliseconds since the epoch at which to look again, though nothing else has changed. */
  readonly lookAgainAt?: number;
}

/**
 * Derives one MeshService from the dataplanes that offer it. A user's service of the name is left alone and reported.
 * Ports are those of the stored service as long as one dataplane agrees with them, else those of the oldest dataplane,
 * so that a rolling change of ports happens once, and at its end; who differs is reported. An update keeps state,
 * identities and status, so a service keeps its addresses for life. When the last dataplane has gone, the service
 * stays for a grace period, whose start is in a label.
 */
export function deriveMeshService(input: MeshServiceInput): Derived<MeshServiceDraft> {
  const { mesh, name, existing, enabled, now, settings } = input;
  const problem = (reason: NamingProblem["reason"], message: string): NamingProblem => ({
    ...{ mesh, type: "MeshService", name, reason, message },
  });
  if (existing !== undefined && !isGenerated(existing)) {
    const taken = enabled && input.offers.length > 0;
    const message = `MeshService "${name}" was not made by the control plane, so it stays as it is and none is derived from the dataplanes of that name: delete it to have one derived, or give it the ports and selector you need`;
    return { draft: existing, problems: taken ? [problem("NameTaken", message)] : [] };
  }
  if (!enabled) return { draft: undefined, problems: [] };
  if (input.offers.length > 0 && !isDns1035Label(name)) {
    const message = `no MeshService is derived for "${name}": a name must have at most 63 lower case letters, digits or '-', start with a letter and end with a letter or digit`;
    return { draft: existing, problems: [problem("InvalidName", message)] };
  }
  const oldest = oldestOffer(input.offers);
  if (oldest === undefined) return withGracePeriod(existing, now, settings.deletionGracePeriodMs);

  const problems: NamingProblem[] = [];
  const { selector, offers, unselected } = chooseSelector(name, input.offers);
  if (unselected.length > 0) {
    const message = `"${name}" selects its dataplanes by the tag ${SERVICE_TAG}, which ${subject(unselected, "has", "have")} not, only the label ${LABEL.workload}: add the label ${LABEL.workload}: ${name} to the dataplanes that have the tag`;
    problems.push(problem("SelectorsDiffer", message));
  }
  const storedKey = portsKey(existing?.spec.ports ?? []);
  const stays = existing !== undefined && offers.some((offer) => offer.portsKey === storedKey);
  const chosen = oldestOffer(offers) ?? oldest;
  const ports = (stays ? existing.spec.ports : undefined) ?? [...chosen.ports];
  const differing = offers.filter((offer) => offer.portsKey !== (stays ? storedKey : chosen.portsKey));
  if (differing.length > 0) {
    const own = ports
      .map((port) => `${port.port}/${port.appProtocol} "${port.name ?? port.port}"`)
      .join(", ");
    const message = `dataplanes of "${name}" have different ports: the service has ${own}, but ${subject(differing, "differs", "differ")}: give all of them the same inbounds`;
    problems.push(problem("PortsDiffer", message));
  }
  const spec: MeshServiceSpec = { state: "Unavailable", ...existing?.spec, selector, ports };
  const labels = generatedLabels(input, offers, spec);
  const draft: MeshServiceDraft =
    existing === undefined
      ? {
          ...{ type: "MeshService", mesh, name, labels, spec },
          owner: { type: "Mesh", mesh: "", name: mesh },
        }
      : revised(existing, { labels, spec });
  return { draft, problems };
}

/** Whether the generator made this service and may change or delete it. */
export function isGenerated(service: { readonly labels: Labels }): boolean {
  return service.labels[LABEL.managedBy] === MESH_SERVICE_GENERATOR && isLocal(service);
}

interface Choice {
  readonly selector: NonNullable<MeshServiceSpec["selector"]>;
  readonly offers: readonly ServiceOffer[];
  readonly unselected: readonly ServiceOffer[];
}

/** By label where that finds those with the tag as well, by tag otherwise. */
function chooseSelector(name: string, offers: readonly ServiceOffer[]): Choice {
  const tagged = offers.filter(({ by }) => by === "tag");
  if (tagged.length < offers.length && tagged.every(({ dataplane }) => isLabelled(dataplane, name))) {
    const selector = { dataplaneLabels: { matchLabels: { [LABEL.workload]: name } } };
    return { selector, offers, unselected: [] };
  }
  const unselected = tagged.length < offers.length ? offers.filter(({ by }) => by !== "tag") : [];
  return { selector: { dataplaneTags: { [SERVICE_TAG]: name } }, offers: tagged, unselected };
}

function isLabelled(dataplane: DataplaneResource, workload: string): boolean {
  return dataplane.labels[LABEL.workload] === workload;
}

function generatedLabels(
  { mesh, name, existing, settings }: MeshServiceInput,
  offers: readonly ServiceOffer[],
  spec: MeshServiceSpec,
): Labels {
  const { context, labelPropagation } = settings;
  const kept = Object.entries(existing?.labels ?? {}).filter(
    ([key]) =>
      key !== LABEL.deletionGracePeriodStartedAt &&
      !(labelPropagation?.enabled && mayPropagate(key, labelPropagation.allowedLabelKeys)),
  );
  const labels = {
    ...Object.fromEntries(kept),
    ...propagatedLabels(
      offers.map(({ dataplane }) => dataplane),
      labelPropagation,
    ),
    [LABEL.displayName]: name,
    [LABEL.managedBy]: MESH_SERVICE_GENERATOR,
  };
  return computeLabels(meshServiceKind, { mesh, labels, spec }, context);
}

function oldestOffer(offers: readonly ServiceOffer[]): ServiceOffer | undefined {
  let oldest = offers[0];
  for (const offer of offers) {
    if (oldest !== undefined && isOlder(offer, oldest)) oldest = offer;
  }
  return oldest;
}

function isOlder({ dataplane: a }: ServiceOffer, { dataplane: b }: ServiceOffer): boolean {
  return a.creationTime === b.creationTime ? a.name < b.name : a.creationTime < b.creationTime;
}

function subject(offers: readonly ServiceOffer[], one: string, many: string): string {
  const names = offers.map(({ dataplane }) => dataplane.name).sort();
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  const list = `${names.slice(0, 5).join(", ")}${more}`;
  return names.length === 1 ? `dataplane ${list} ${one}` : `dataplanes ${list} ${many}`;
}
