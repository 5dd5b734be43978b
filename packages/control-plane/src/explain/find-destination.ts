import { type DataplaneResource, displayName, SERVICE_TAG } from "@skein/model";
import type { DestinationKey, ProxyPlan } from "@skein/policies";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import { type Callable, callableOf } from "../plan/callable.ts";
import { destinationKey, tagDestination } from "../plan/destination-keys.ts";
import type { MeshIndex } from "../view/mesh-view.ts";
import type { Question, QuestionProblem } from "./explanation.ts";
import { findDataplanes, shown, unknownName } from "./find-source.ts";
import { knownNames } from "./names.ts";

/** Where a request goes. */
export interface Target {
  readonly key: DestinationKey;
  readonly name: string;
  readonly port: number;
  /** The only instance that was asked about. */
  readonly only: string | undefined;
}

type Found = Outcome<Target, QuestionProblem>;

/**
 * The port of the service that a word stands for: a MeshService, MeshExternalService or MeshMultiZoneService by its name, a service tag that the source has an outbound
 * for, else the service of a dataplane or workload. Where several fit, the one that the source has an outbound for.
 */
export function findDestination(
  question: Pick<Question, "destination" | "port">,
  source: ProxyPlan,
  index: MeshIndex,
  dataplanes: readonly DataplaneResource[],
): Found {
  const [, bare, digits] = /^(.+):(\d+)$/.exec(question.destination) ?? [];
  const word = bare ?? question.destination;
  const port = question.port ?? (digits === undefined ? undefined : Number(digits));
  if (digits !== undefined && port !== Number(digits)) {
    return invalid(`"${question.destination}" names port ${digits}, and the question port ${port}`);
  }
  const services = callables(index);
  const named = services.filter((service) => service.name === word);
  const called = named.length > 0 ? named : services.filter((service) => displayName(service) === word);
  if (called.length > 0) return portOf(called, port, source, undefined);
  const tagged = source.outbounds.find(
    ({ upstream: { destination } }) => destination.kind === "ServiceTag" && destination.name === word,
  );
  if (tagged !== undefined)
    return success({ key: tagged.target, name: word, port: tagged.port, only: undefined });
  const found = findDataplanes(word, dataplanes, "destination");
  if (!found.ok) {
    if (found.error.kind !== "unknown") return found;
    const known = [...new Set([...services.map(({ name }) => name), ...knownNames(dataplanes)])].sort();
    return failure(unknownName(word, known, "destination"));
  }
  const [first] = found.value;
  const only = found.value.length === 1 && first?.name === word ? word : undefined;
  const names = new Set(found.value.flatMap((dataplane) => index.servicesOf(dataplane)));
  const tag = found.value[0]?.spec.networking?.inbound?.find(({ tags }) => tags?.[SERVICE_TAG])?.tags?.[
    SERVICE_TAG
  ];
  if (names.size === 0 && tag !== undefined && !isExclusive(index)) {
    return success({ key: tagDestination(tag), name: tag, port: 0, only });
  }
  if (names.size === 0) {
    return invalid(
      `no MeshService selects ${shown(found.value.map(({ name }) => name))}, so nobody can call it`,
    );
  }
  return portOf(
    services.filter(({ kind, name }) => kind === "MeshService" && names.has(name)),
    port,
    source,
    only,
  );
}

function callables(index: MeshIndex): readonly Callable[] {
  const { externalServices, multiZoneServices } = index;
  return [
    ...index.serviceNames.get().map((name) => index.service.at(name).get()),
    ...externalServices.names.get().map((name) => externalServices.at(name).get()),
    ...multiZoneServices.names.get().map((name) => multiZoneServices.at(name).get()),
  ].flatMap((each) => callableOf(each) ?? []);
}

/** Services are MeshServices only, so a service tag is no destination. */
function isExclusive(index: MeshIndex): boolean {
  return index.mesh.get()?.spec.meshServices?.mode === "Exclusive";
}

function portOf(
  services: readonly Callable[],
  port: number | undefined,
  source: ProxyPlan,
  only: string | undefined,
): Found {
  const all = services.flatMap(({ kind, name, ports }) =>
    ports.map(({ port }) => ({ key: destinationKey(kind, name, port), name, port, only })),
  );
  const fitting = all.filter((each) => port === undefined || each.port === port);
  const text = (list: readonly Target[]): string => shown(list.map((each) => `${each.name}:${each.port}`));
  if (fitting.length === 0) {
    const names = services.map(({ name }) => `"${name}"`).join(", ");
    const known = all.length === 0 ? "it has no ports" : `there are ${text(all)}`;
    return failure({
      kind: "unknown",
      field: "port",
      message: `${services[0]?.kind ?? "MeshService"} ${names} has no port ${port ?? "at all"}; ${known}`,
      suggestions: all.map((each) => `${each.name}:${each.port}`),
    });
  }
  const reached = fitting.filter(({ key }) => source.outbounds.some(({ target }) => target === key));
  const [target, ...others] = reached.length > 0 ? reached : fitting;
  if (target !== undefined && others.length === 0) return success(target);
  const choices = reached.length > 0 ? reached : fitting;
  return failure({
    kind: "ambiguous",
    field: "destination",
    message: `it can be ${text(choices)}: say which`,
    suggestions: choices.map((each) => `${each.name}:${each.port}`),
  });
}

function invalid(message: string): Found {
  return failure({ kind: "invalid", field: "destination", message, suggestions: [] });
}
