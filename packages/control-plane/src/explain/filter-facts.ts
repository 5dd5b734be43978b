import { intOrStringValue } from "@skein/model";
import type { Origin, UpstreamPlan } from "@skein/policies";
import type { HeaderModifier, HttpRouteFilter } from "@skein/policies/mesh-http-route/conf";
import type { HttpRoutePlan } from "@skein/policies/mesh-http-route/plan";
import { mirrorTarget } from "./backends.ts";
import type { Copies, Fact } from "./explanation.ts";

/** What the filters of a route do, one fact each. */
export function filterFacts(
  { filters, mirrors, origins }: HttpRoutePlan,
  called: UpstreamPlan,
): readonly Fact[] {
  return filters.map((filter, i) => ({
    ...told(filter, () => mirrorTarget(called.backends[mirrors[i] ?? ""])),
    ...(origins.filters === undefined ? {} : { origin: itemOf(origins.filters, i) }),
  }));
}

/** Who gets copies of the requests of a route. */
export function copiesOf({ filters, mirrors }: HttpRoutePlan, called: UpstreamPlan): readonly Copies[] {
  return filters.flatMap(({ requestMirror }, i) => {
    if (requestMirror === undefined) return [];
    const backend = called.backends[mirrors[i] ?? ""];
    const { percentage = 100 } = requestMirror;
    return {
      backend: backend?.kind === "resolved" ? mirrorTarget(backend) : null,
      share: intOrStringValue(percentage),
    };
  });
}

function told(
  filter: HttpRouteFilter,
  target: () => string,
): { readonly name: string; readonly value: string } {
  const { requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite, requestMirror } =
    filter;
  if (requestHeaderModifier !== undefined)
    return { name: "request headers", value: modified(requestHeaderModifier) };
  if (responseHeaderModifier !== undefined)
    return { name: "response headers", value: modified(responseHeaderModifier) };
  if (requestRedirect !== undefined) return { name: "redirect", value: JSON.stringify(requestRedirect) };
  if (urlRewrite !== undefined) return { name: "rewrite", value: JSON.stringify(urlRewrite) };
  const percent = String(requestMirror?.percentage ?? 100).replace(/%?$/, "%");
  return { name: "mirror", value: `${percent} are copied to ${target()}` };
}

function modified({ set = [], add = [], remove = [] }: HeaderModifier): string {
  return [
    ...set.map(({ name, value }) => `set ${name}: ${value}`),
    ...add.map(({ name, value }) => `add ${name}: ${value}`),
    ...remove.map((name) => `remove ${name}`),
  ].join("; ");
}

function itemOf({ policy, rule }: Origin, index: number): Origin {
  return { policy, rule: `${rule}.default.filters[${index}]` };
}
