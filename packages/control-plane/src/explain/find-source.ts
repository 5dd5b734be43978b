import type { DataplaneResource } from "@skein/model";
import { suggest } from "@skein/model";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { QuestionProblem } from "./explanation.ts";
import { dataplanesCalled, knownNames } from "./names.ts";

/** At most that many names in a sentence. */
const SHOWN = 5;

/**
 * The dataplanes that a word stands for: the one of that name, else all of that workload, app or service tag. A word that
 * means different workloads by different kinds of name is refused.
 */
export function findDataplanes(
  word: string,
  all: readonly DataplaneResource[],
  field: "source" | "destination",
): Outcome<readonly DataplaneResource[], QuestionProblem> {
  const found = dataplanesCalled(word, all);
  const [best, ...others] = found;
  if (best === undefined) return failure(unknownName(word, knownNames(all), field));
  if (best.what === "dataplane") return success(best.dataplanes.slice(0, 1));
  const chosen = new Set(best.dataplanes);
  const odd = others.find(({ dataplanes }) => dataplanes.some((dataplane) => !chosen.has(dataplane)));
  if (odd === undefined) return success(best.dataplanes);
  const names = (list: readonly DataplaneResource[]): string => shown(list.map(({ name }) => name));
  return failure({
    kind: "ambiguous",
    field,
    message: `"${word}" is the ${best.what} of ${names(best.dataplanes)} and the ${odd.what} of ${names(odd.dataplanes)}: name a dataplane`,
    suggestions: [...best.dataplanes, ...odd.dataplanes].map(({ name }) => name),
  });
}

/** The problem of a name that nothing has. */
export function unknownName(
  word: string,
  known: readonly string[],
  field: QuestionProblem["field"],
): QuestionProblem {
  const near = suggest(word, known);
  const what = field === "source" ? "dataplane or workload" : "MeshService, dataplane or workload";
  const hint =
    near !== undefined
      ? `did you mean "${near}"?`
      : known.length === 0
        ? "the mesh has none"
        : `there are ${shown(known)}`;
  return {
    kind: "unknown",
    field,
    message: `there is no ${what} "${word}"; ${hint}`,
    suggestions: near === undefined ? known.slice(0, SHOWN) : [near],
  };
}

/** Names for a sentence, not too many. */
export function shown(names: readonly string[]): string {
  const rest = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
