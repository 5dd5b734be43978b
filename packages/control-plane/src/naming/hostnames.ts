import {
  type Condition,
  displayName,
  type HostnameGeneratorResource,
  type HostnameGeneratorStatus,
  isDnsSubdomain,
  LABEL,
  type Labels,
  type NewResource,
  renderTemplate,
  type ServiceAddress,
} from "@skein/model";
import { matchesLabels } from "../view/label-matches.ts";
import {
  ADDRESSED_TYPES,
  type AddressedDraft,
  type AddressedStatus,
  type AddressedType,
} from "./addressed.ts";
import { revised } from "./draft.ts";

/** A service, as far as its hostnames depend on it. */
export interface HostnameSubject {
  readonly type: AddressedType;
  readonly mesh: string;
  readonly name: string;
  readonly labels: Labels;
  /** RFC 3339; `""` for one that is about to be created, and so newer than all others. */
  readonly creationTime: string;
  /** Names that it has by itself, unless others have them from a generator; the first before the second. */
  readonly fixed?: readonly string[];
}

/** What makes a hostname for a service: a generator, or the service's own right to one of its fixed names. */
export interface HostnameClaim {
  /** Place among all that make hostnames: the first has its say first. */
  readonly rank: number;
  /** `undefined` for a fixed name. */
  readonly generator: string | undefined;
  readonly rendered: RenderedHostname;
}

/** How one generator, or a fixed name, fared on one service. */
export interface HostnameOutcome {
  readonly generator: string | undefined;
  readonly condition: Condition;
  /** The name that the service has; absent where it has none from this generator. */
  readonly hostname?: string;
}

/** A hostname, or a sentence on why there is none. */
export type RenderedHostname =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly error: string };

/** Origin `zone` first, then the older, then by name: the order in which generators have their say. */
export function orderGenerators(
  generators: readonly HostnameGeneratorResource[],
): readonly HostnameGeneratorResource[] {
  const rank = ({ labels }: HostnameGeneratorResource): number => (labels[LABEL.origin] === "zone" ? 0 : 1);
  return generators.toSorted((a, b) => rank(a) - rank(b) || byAge(a, b));
}

/** The older first, then by name, then by kind: the order in which services have their say. */
export function byAge(a: ByAge, b: ByAge): number {
  if (a.creationTime !== b.creationTime) {
    if (a.creationTime === "") return 1;
    return b.creationTime === "" || a.creationTime < b.creationTime ? -1 : 1;
  }
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  const types: readonly string[] = ADDRESSED_TYPES;
  return types.indexOf(a.type) - types.indexOf(b.type);
}

interface ByAge {
  readonly type: string;
  readonly name: string;
  readonly creationTime: string;
}

const SELECTORS = {
  MeshService: "meshService",
  MeshExternalService: "meshExternalService",
  MeshMultiZoneService: "meshMultiZoneService",
  TaggedService: undefined,
} as const;

/** Whether a generator names a service. One without a template leaves it to an extension, of which we have none. */
export function generatorSelects(
  { spec }: HostnameGeneratorResource,
  service: Pick<HostnameSubject, "type" | "name" | "labels">,
): boolean {
  const key = SELECTORS[service.type];
  const selector = key && spec.selector?.[key];
  if (selector === undefined || spec.template === "") return false;
  return matchesLabels(service, selector.matchLabels);
}

/** What the generators, in their order, and the service itself make of its name. */
export function hostnameClaims(
  ordered: readonly HostnameGeneratorResource[],
  service: HostnameSubject,
): readonly HostnameClaim[] {
  const generated = ordered.flatMap((generator, rank): readonly HostnameClaim[] => {
    if (!generatorSelects(generator, service)) return [];
    return [{ rank, generator: generator.name, rendered: renderHostname(generator.spec.template, service) }];
  });
  const fixed = (service.fixed ?? []).map((value, at): HostnameClaim => {
    return { rank: ordered.length + at, generator: undefined, rendered: { ok: true, value } };
  });
  return [...generated, ...fixed];
}

/** The hostname that a generator's template gives to a service. */
export function renderHostname(template: string, service: HostnameSubject): RenderedHostname {
  const variables = {
    Name: service.name,
    DisplayName: displayName(service),
    Namespace: service.labels[LABEL.kubernetesNamespace] ?? "",
    Mesh: service.mesh,
    Zone: service.labels[LABEL.zone] ?? "",
  };
  const rendered = renderTemplate(template, variables, (key) => service.labels[key]);
  if (!rendered.ok || isDnsSubdomain(rendered.value)) return rendered;
  return {
    ok: false,
    error: `the template gives "${rendered.value}", which is not a host name in lower case`,
  };
}

/** The outcome of a claim for a service, where the hostname belongs to `winner`, which may be the service itself. */
export function hostnameOutcome(
  { generator, rendered }: Pick<HostnameClaim, "generator" | "rendered">,
  service: Pick<HostnameSubject, "type" | "name">,
  winner: Pick<HostnameSubject, "type" | "name">,
): HostnameOutcome {
  const condition = (status: Condition["status"], reason: string, message: string): Condition => ({
    ...{ type: "Generated", status, reason, message },
  });
  if (!rendered.ok) return { generator, condition: condition("False", "TemplateError", rendered.error) };
  if (winner.type === service.type && winner.name === service.name) {
    return { generator, condition: condition("True", "Generated", ""), hostname: rendered.value };
  }
  const message = `${rendered.value} is the hostname of ${winner.type} "${winner.name}", which is older or named by an earlier generator`;
  return { generator, condition: condition("False", "Collision", message) };
}

/** How all generators fare on all services of a mesh, from scratch, by kind and name of the service. */
export function evaluateHostnames(
  generators: readonly HostnameGeneratorResource[],
  services: readonly HostnameSubject[],
): ReadonlyMap<string, readonly HostnameOutcome[]> {
  const ordered = orderGenerators(generators);
  const claims = services
    .toSorted(byAge)
    .flatMap((service) => hostnameClaims(ordered, service).map((claim) => ({ service, claim })))
    .sort((a, b) => a.claim.rank - b.claim.rank);
  const outcomes = new Map<string, HostnameOutcome[]>(services.map((each) => [subjectKey(each), []]));
  const owners = new Map<string, HostnameSubject>();
  for (const { service, claim } of claims) {
    const { rendered } = claim;
    const winner = rendered.ok ? (owners.get(rendered.value) ?? service) : service;
    if (rendered.ok) owners.set(rendered.value, winner);
    outcomes.get(subjectKey(service))?.push(hostnameOutcome(claim, service, winner));
  }
  return outcomes;
}

/** `kind/name`: unique in a mesh. */
export function subjectKey({ type, name }: Pick<HostnameSubject, "type" | "name">): string {
  return `${type}/${name}`;
}

const ORIGIN = "HostnameGenerator";
/** Names that come from the tag `kuma.io/service` itself. */
const TAG_ORIGIN = "ServiceTag";

/** The hostnames and conditions for a status. Addresses of another origin (Kubernetes) stay, and come first. */
export function hostnameStatus(
  status: Pick<AddressedStatus, "addresses"> | undefined,
  outcomes: readonly HostnameOutcome[],
): { readonly addresses?: ServiceAddress[]; readonly hostnameGenerators?: HostnameGeneratorStatus[] } {
  const addresses = (status?.addresses ?? []).filter(
    ({ origin }) => origin !== ORIGIN && origin !== TAG_ORIGIN,
  );
  const seen = new Set<string>();
  for (const { hostname, generator } of outcomes) {
    if (hostname === undefined || seen.has(hostname)) continue;
    seen.add(hostname);
    addresses.push(
      generator === undefined
        ? { hostname, origin: TAG_ORIGIN }
        : { hostname, origin: ORIGIN, hostnameGeneratorRef: { coreName: generator } },
    );
  }
  const hostnameGenerators = outcomes.flatMap(({ generator, condition }) =>
    generator === undefined
      ? []
      : [{ hostnameGeneratorRef: { coreName: generator }, conditions: [condition] }],
  );
  return {
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(hostnameGenerators.length === 0 ? {} : { hostnameGenerators }),
  };
}

/** The service with its hostnames and the conditions of the generators that select it. */
export function withHostnames<D extends AddressedDraft>(draft: D, outcomes: readonly HostnameOutcome[]): D {
  const { addresses, hostnameGenerators: _, ...rest } = (draft.status ?? {}) as AddressedStatus;
  const status = { ...rest, ...hostnameStatus({ addresses }, outcomes) };
  return draft.status === undefined && outcomes.length === 0
    ? draft
    : (revised<NewResource>(draft, { status }) as D);
}
