import type { KindDefinition, Resource } from "@skein/model";
import type { FastifyRequest } from "fastify";
import { isRecord, records, stringRecord } from "../insights/fields.ts";
import { listProblem, queryOf, routeTemplate } from "./query.ts";

type Predicate = (resource: Resource) => boolean;

/**
 * What the list parameters `name`, `filter[labels.…]`, `tag` and `gateway` of a request let through. Parameters that
 * the API does not know are ignored.
 * @throws Problem 400
 */
export function filterOf(request: FastifyRequest, kind: KindDefinition): Predicate | undefined {
  const query = queryOf(request);
  const predicates: Predicate[] = [...labelFilters(request, query)];
  const name = query.get("name");
  if (name) predicates.push((resource) => resource.name.includes(name));
  if (kind.type === "Dataplane" || kind.type === "ExternalService") predicates.push(...tagFilters(query));
  if (kind.type === "Dataplane") predicates.push(...gatewayFilters(request, query));
  if (predicates.length === 0) return undefined;
  return (resource) => predicates.every((matches) => matches(resource));
}

function labelFilters(request: FastifyRequest, query: URLSearchParams): Predicate[] {
  const wanted = new Map<string, string>();
  for (const [key, value] of query) {
    if (!key.startsWith("filter[")) continue;
    const field = `${routeTemplate(request)}.${key}`;
    const end = key.indexOf("]");
    if (end < 0 || end < key.length - 1) {
      throw listProblem("Resource is not valid", field, "advanced filters are not supported");
    }
    const inner = key.slice("filter[".length, end);
    if (!inner.startsWith("labels.")) {
      throw listProblem("Resource is not valid", field, "filters are only supported on labels");
    }
    wanted.set(inner.slice("labels.".length), value);
  }
  return [...wanted].map(
    ([label, value]) =>
      (resource) =>
        resource.labels[label] === value,
  );
}

function tagFilters(query: URLSearchParams): Predicate[] {
  const wanted: (readonly [string, string])[] = [];
  for (const tag of query.getAll("tag")) {
    const colon = tag.indexOf(":");
    if (colon > 0) wanted.push([tag.slice(0, colon), tag.slice(colon + 1)]);
  }
  if (wanted.length === 0) return [];
  return [
    (resource) =>
      tagSets(resource.spec).some((tags) =>
        wanted.every(
          ([key, value]) => tags[key] !== undefined && (value === "*" || tags[key].includes(value)),
        ),
      ),
  ];
}

/** Tags of each inbound and of the gateway of a Dataplane, or of an external service. */
function tagSets(spec: unknown): readonly Readonly<Record<string, string>>[] {
  if (!isRecord(spec)) return [];
  if (!isRecord(spec.networking)) return [];
  const { inbound, gateway } = spec.networking;
  const sets = records(inbound).map((each) => stringRecord(each.tags));
  if (isRecord(gateway)) sets.push(stringRecord(gateway.tags));
  if (isRecord(spec.tags)) sets.push(stringRecord(spec.tags));
  return sets;
}

const GATEWAY_CHOICES = ["true", "false", "builtin", "delegated"];

function gatewayFilters(request: FastifyRequest, query: URLSearchParams): Predicate[] {
  const choice = query.get("gateway")?.toLowerCase();
  if (!choice) return [];
  if (!GATEWAY_CHOICES.includes(choice)) {
    throw listProblem(
      "Resource is not valid",
      `${routeTemplate(request)}.gateway`,
      `"${choice}" is not one of ${GATEWAY_CHOICES.join(", ")}`,
    );
  }
  return [
    ({ spec }) => {
      const gateway = isRecord(spec) && isRecord(spec.networking) ? spec.networking.gateway : undefined;
      if (!isRecord(gateway)) return choice === "false";
      const isBuiltin = gateway.type === "BUILTIN";
      return (
        choice === "true" || (choice === "builtin" && isBuiltin) || (choice === "delegated" && !isBuiltin)
      );
    },
  ];
}
