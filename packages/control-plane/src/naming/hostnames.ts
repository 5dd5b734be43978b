import {
  type Condition,
  displayName,
  type HostnameGeneratorResource,
  type HostnameGeneratorStatus,
  isDnsSubdomain,
  LABEL,
  type Labels,
  renderTemplate,
  type ServiceAddress,
} from "@skein/model";
import { type MeshServiceDraft, revised } from "./draft.ts";

/** The kinds of services that a HostnameGenerator may name; hostnames collide only within one kind. */
export type HostnameServiceKind = "meshService" | "meshExternalService" | "meshMultiZoneService";

/** A service, as far as its hostnames depend on it. */
export interface HostnameSubject {
  readonly mesh: string;
  readonly name: string;
  readonly labels: Labels;
  /** RFC 3339; `""` for one that is about to be created, and so newer than all others. */
  readonly creationTime: string;
}

/** How one generator fared on one service. */
export interface HostnameOutcome {
  readonly generator: string;
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

/** The older first, then by name: the order in which services have their say. */
export function byAge(
  a: { readonly name: string; readonly creationTime: string },
  b: { readonly name: string; readonly creationTime: string },
): number {
  if (a.creationTime !== b.creationTime) {
    if (a.creationTime === "") return 1;
    return b.creationTime === "" || a.creationTime < b.creationTime ? -1 : 1;
  }
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Whether a generator names a service. One without a template leaves it to an extension, of which we have none. */
export function generatorSelects(
  { spec }: HostnameGeneratorResource,
  kind: HostnameServiceKind,
  { labels }: Pick<HostnameSubject, "labels">,
): boolean {
  const selector = spec.selector?.[kind];
  if (selector === undefined || spec.template === "") return false;
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
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

/** The outcome for a service whose hostname belongs to `winner`, which may be the service itself. */
export function hostnameOutcome(
  generator: string,
  service: string,
  rendered: RenderedHostname,
  winner: string,
): HostnameOutcome {
  const condition = (status: Condition["status"], reason: string, message: string): Condition => ({
    ...{ type: "Generated", status, reason, message },
  });
  if (!rendered.ok) return { generator, condition: condition("False", "TemplateError", rendered.error) };
  if (winner === service) {
    return { generator, condition: condition("True", "Generated", ""), hostname: rendered.value };
  }
  const message = `${rendered.value} is the hostname of "${winner}", which is older or named by an earlier generator`;
  return { generator, condition: condition("False", "Collision", message) };
}

/** How all generators fare on all services of one kind and mesh, from scratch, by name of the service. */
export function evaluateHostnames(
  generators: readonly HostnameGeneratorResource[],
  kind: HostnameServiceKind,
  services: readonly HostnameSubject[],
): ReadonlyMap<string, readonly HostnameOutcome[]> {
  const outcomes = new Map<string, HostnameOutcome[]>(services.map(({ name }) => [name, []]));
  const owners = new Map<string, string>();
  const ordered = services.toSorted(byAge);
  for (const generator of orderGenerators(generators)) {
    for (const service of ordered) {
      if (!generatorSelects(generator, kind, service)) continue;
      const rendered = renderHostname(generator.spec.template, service);
      const winner = rendered.ok ? (owners.get(rendered.value) ?? service.name) : service.name;
      if (rendered.ok) owners.set(rendered.value, winner);
      outcomes.get(service.name)?.push(hostnameOutcome(generator.name, service.name, rendered, winner));
    }
  }
  return outcomes;
}

const ORIGIN = "HostnameGenerator";

/** The part of a service's status that hostnames are in; shared by all kinds of services. */
export interface HostnameStatus {
  readonly addresses?: readonly ServiceAddress[] | undefined;
  readonly hostnameGenerators?: readonly HostnameGeneratorStatus[] | undefined;
}

/** The hostnames and conditions for a status. Addresses of another origin (Kubernetes) stay, and come first. */
export function hostnameStatus(
  status: HostnameStatus | undefined,
  outcomes: readonly HostnameOutcome[],
): { readonly addresses?: ServiceAddress[]; readonly hostnameGenerators?: HostnameGeneratorStatus[] } {
  const addresses = (status?.addresses ?? []).filter(({ origin }) => origin !== ORIGIN);
  const seen = new Set<string>();
  for (const { hostname, generator } of outcomes) {
    if (hostname === undefined || seen.has(hostname)) continue;
    seen.add(hostname);
    addresses.push({ hostname, origin: ORIGIN, hostnameGeneratorRef: { coreName: generator } });
  }
  const hostnameGenerators = outcomes.map(({ generator, condition }) => ({
    hostnameGeneratorRef: { coreName: generator },
    conditions: [condition],
  }));
  return {
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(hostnameGenerators.length === 0 ? {} : { hostnameGenerators }),
  };
}

/** The service with its hostnames and the conditions of the generators that select it. */
export function withHostnames(
  draft: MeshServiceDraft,
  outcomes: readonly HostnameOutcome[],
): MeshServiceDraft {
  const { addresses, hostnameGenerators, ...rest } = draft.status ?? {};
  const status = { ...rest, ...hostnameStatus({ addresses, hostnameGenerators }, outcomes) };
  return draft.status === undefined && outcomes.length === 0 ? draft : revised(draft, { status });
}
