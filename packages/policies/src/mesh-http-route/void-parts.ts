import type { PolicySpec } from "../engine/policy-resource.ts";
import type { HttpMatch, HttpRouteFilter, HttpRule } from "./conf.ts";

/** Conditions and filters of a document that another one beside them makes void. */
export function voidParts({ to }: PolicySpec): readonly string[] {
  return (to ?? []).flatMap((entry, i) =>
    ((entry.rules ?? []) as readonly HttpRule[]).flatMap(({ matches, default: conf }, j) => {
      const path = `spec.to[${i}].rules[${j}]`;
      return [
        ...matches.flatMap((match, k) => repeatedHeaders(match, `${path}.matches[${k}].headers`)),
        ...repeatedFilters(conf.filters ?? [], `${path}.default.filters`),
      ];
    }),
  );
}

function repeatedHeaders({ headers = [] }: HttpMatch, path: string): readonly string[] {
  const names = headers.map(({ name }) => name);
  return names.flatMap((name, i) =>
    names.indexOf(name) === i
      ? []
      : [`${path}[${i}] has no effect: of several conditions on ${name} only the first counts`],
  );
}

function repeatedFilters(filters: readonly HttpRouteFilter[], path: string): readonly string[] {
  return (["RequestRedirect", "URLRewrite"] as const).flatMap((wanted) => {
    const places = filters.flatMap(({ type }, i) => (type === wanted ? [i] : []));
    return places.length < 2
      ? []
      : [`${path}[${places[0]}]: of several filters of type ${wanted} the last counts for what they all say`];
  });
}
