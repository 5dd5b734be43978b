import type {
  DataplaneResource,
  HostnameGeneratorResource,
  MeshMultiZoneServiceResource,
  MeshServiceResource,
  Resource,
} from "@skein/model";
import {
  ADDRESSED_TYPES,
  type AddressedDraft,
  type AddressedStatus,
  type AddressedType,
} from "../naming/addressed.ts";
import {
  evaluateHostnames,
  generatorSelects,
  type HostnameSubject,
  orderGenerators,
  renderHostname,
  subjectKey,
} from "../naming/hostnames.ts";
import type { Store } from "../store/store.ts";
import { matchesLabels } from "../view/label-matches.ts";

/** The hostnames that a written service would have, if another service had not got them, or templates could make them. */
export function hostnameWarnings(written: AddressedDraft, store: Store): readonly string[] {
  const type = written.type as AddressedType;
  const generators = store.list<HostnameGeneratorResource>({ type: "HostnameGenerator" });
  const self = subjectOf(store.get(written) ?? { creationTime: "", ...written });
  const own = { ...self, labels: written.labels };
  const selecting = orderGenerators(generators).filter((generator) => generatorSelects(generator, own));
  if (selecting.length === 0) {
    return [
      `no HostnameGenerator selects this ${type}, so it has an address but no host name: applications cannot call it by name`,
    ];
  }
  const wanted = new Set(
    selecting.flatMap(({ spec }) => {
      const rendered = renderHostname(spec.template, own);
      return rendered.ok ? [rendered.value] : [];
    }),
  );
  const rivals = ADDRESSED_TYPES.flatMap((each) => store.list({ type: each, mesh: written.mesh }))
    .filter((other) => hostnamesOf(other).some((name) => wanted.has(name)))
    .map(subjectOf)
    .filter((other) => subjectKey(other) !== subjectKey(own));
  const outcomes = evaluateHostnames(generators, [own, ...rivals]).get(subjectKey(own)) ?? [];
  return outcomes.flatMap(({ generator, condition }) =>
    condition.status === "True"
      ? []
      : [`HostnameGenerator "${generator}" gives it no host name: ${condition.message}`],
  );
}

/** A MeshMultiZoneService that stands for nobody, or has a port that leads nowhere. */
export function memberWarnings(written: MeshMultiZoneServiceResource, store: Store): readonly string[] {
  const { selector, ports } = written.spec;
  const members = store
    .list<MeshServiceResource>({ type: "MeshService", mesh: written.mesh })
    .filter((service) => matchesLabels(service, selector.meshService.matchLabels));
  if (members.length === 0) {
    return ["spec.selector.meshService.matchLabels finds none of the MeshServices that are there now"];
  }
  const numbers = new Set(members.flatMap(({ spec }) => (spec.ports ?? []).map(({ port }) => port)));
  return ports.flatMap(({ port }, i) =>
    numbers.has(port)
      ? []
      : [
          `spec.ports[${i}].port: none of the ${members.length} MeshServices that it selects has a port ${port}; they have ${[...numbers].sort((a, b) => a - b).join(", ") || "none"}`,
        ],
  );
}

const SELECTORS = {
  meshService: "MeshService",
  meshExternalService: "MeshExternalService",
  meshMultiZoneService: "MeshMultiZoneService",
} as const;

/** A HostnameGenerator that names nothing that is there, or whose names cannot be made or are taken. */
export function generatorWarnings(written: HostnameGeneratorResource, store: Store): readonly string[] {
  const { selector, template, extension } = written.spec;
  if (template === "" && extension !== undefined) {
    return [
      `spec.extension.type: there is no extension "${extension.type}", so this generator names nothing`,
    ];
  }
  const [, type] = Object.entries(SELECTORS).find(([key]) => selector?.[key as keyof typeof SELECTORS]) ?? [];
  if (type === undefined) return [];
  const all = store.list({ type });
  const named = all.map(subjectOf).filter((service) => generatorSelects(written, service));
  if (all.length > 0 && named.length === 0) {
    return [`spec.selector finds none of the ${all.length} ${type}s that are there now`];
  }
  const others = store
    .list<HostnameGeneratorResource>({ type: "HostnameGenerator" })
    .filter(({ name }) => name !== written.name);
  const warnings: string[] = [];
  for (const [mesh, services] of Map.groupBy(named, (service) => service.mesh)) {
    const outcomes = evaluateHostnames([...others, written], servicesOf(mesh, store));
    const failed = services.flatMap((service) =>
      (outcomes.get(subjectKey(service)) ?? [])
        .filter(({ generator, condition }) => generator === written.name && condition.status !== "True")
        .map(({ condition }) => `${service.type} "${service.name}": ${condition.message}`),
    );
    if (failed.length === 0) continue;
    const more = failed.length > 1 ? `, and ${failed.length - 1} more` : "";
    warnings.push(
      `${failed.length} of ${services.length} services in mesh "${mesh}" get no name from it: ${failed[0]}${more}`,
    );
  }
  return warnings;
}

/** Who calls a name that goes with a deleted service. */
export function namedServiceWarnings(deleted: Resource, store: Store): readonly string[] {
  const callers = store
    .list<DataplaneResource>({ type: "Dataplane", mesh: deleted.mesh })
    .filter(({ spec }) =>
      (spec.networking?.outbound ?? []).some(
        ({ backendRef }) => backendRef?.kind === deleted.type && backendRef.name === deleted.name,
      ),
    );
  const warnings: string[] = [];
  if (callers.length > 0) {
    const names = callers.slice(0, 3).map(({ name }) => name);
    const list = callers.length > 3 ? `${names.join(", ")}, …` : names.join(", ");
    warnings.push(
      `${callers.length} dataplane${callers.length === 1 ? " has an outbound" : "s have outbounds"} to it, and calls there fail without it: ${list}`,
    );
  }
  if (deleted.type !== "MeshService") return warnings;
  const left = store
    .list<MeshServiceResource>({ type: "MeshService", mesh: deleted.mesh })
    .filter(({ name }) => name !== deleted.name);
  const service = deleted as MeshServiceResource;
  for (const { name, spec } of store.list<MeshMultiZoneServiceResource>({
    type: "MeshMultiZoneService",
    mesh: deleted.mesh,
  })) {
    const { matchLabels } = spec.selector.meshService;
    if (!matchesLabels(service, matchLabels) || left.some((other) => matchesLabels(other, matchLabels)))
      continue;
    warnings.push(
      `it is the last MeshService of MeshMultiZoneService "${name}", which leads nowhere without it`,
    );
  }
  return warnings;
}

/** Services that lose a name when a generator goes. */
export function deletedGeneratorWarnings(
  deleted: HostnameGeneratorResource,
  store: Store,
): readonly string[] {
  const losing = Object.values(SELECTORS)
    .flatMap((type) => store.list({ type }))
    .filter(({ status }) =>
      ((status as AddressedStatus | undefined)?.addresses ?? []).some(
        ({ hostnameGeneratorRef }) => hostnameGeneratorRef?.coreName === deleted.name,
      ),
    );
  const [first] = losing;
  if (first === undefined) return [];
  const hostname = hostnamesOf(first)[0] ?? "";
  return [
    `${losing.length} service${losing.length === 1 ? " has its host name" : "s have their host names"} from it, and calls by ${losing.length === 1 ? "that name" : "these names"} fail unless another generator gives the same: ${first.type} "${first.name}" (${hostname})${losing.length > 1 ? ", …" : ""}`,
  ];
}

function servicesOf(mesh: string, store: Store): readonly HostnameSubject[] {
  return ADDRESSED_TYPES.flatMap((type) => store.list({ type, mesh })).map(subjectOf);
}

function subjectOf(resource: AddressedDraft | Resource): HostnameSubject {
  const { mesh, name, labels } = resource;
  const type = resource.type as AddressedType;
  const creationTime = "creationTime" in resource ? resource.creationTime : "";
  const fixed = type === "TaggedService" ? { fixed: hostnamesOf(resource) } : {};
  return { type, mesh, name, labels, creationTime, ...fixed };
}

/** The hostnames that a service has now. */
function hostnamesOf({ status }: { readonly status?: unknown }): readonly string[] {
  return ((status as AddressedStatus | undefined)?.addresses ?? []).flatMap(({ hostname }) => hostname ?? []);
}
