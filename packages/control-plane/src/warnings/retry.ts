import { type DataplaneResource, SERVICE_TAG } from "@skein/model";
import { contains, type PolicyResource } from "@skein/policies";
import { valueAt } from "./value-at.ts";

/** One entry of `http.hostSelection` of a MeshRetry. */
interface Selection {
  readonly predicate: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly updateFrequency: number;
}

/** The predicates for which an instance is drawn again. */
const DRAWN_AGAIN: readonly string[] = ["OmitPreviousHosts", "OmitHostsWithTags"];

/** Where a MeshRetry says of instances what comes to nothing. `dataplanes` are all of the mesh. */
export function retryWarnings(
  { type, spec }: PolicyResource,
  dataplanes: readonly DataplaneResource[],
): readonly string[] {
  if (type !== "MeshRetry") return [];
  return (spec.to ?? []).flatMap(({ default: conf }, i) =>
    selectionWarnings(`spec.to[${i}].default.http`, valueAt(conf, "http"), dataplanes),
  );
}

function selectionWarnings(
  at: string,
  http: unknown,
  dataplanes: readonly DataplaneResource[],
): readonly string[] {
  const list = valueAt(http, "hostSelection");
  if (!Array.isArray(list)) return [];
  const selection: readonly Selection[] = list;
  const warnings = selection.flatMap((each, i) => {
    const path = `${at}.hostSelection[${i}]`;
    return [
      ...tagWarnings(`${path}.tags`, each, dataplanes),
      ...frequencyWarnings(`${path}.updateFrequency`, each, valueAt(http, "numRetries")),
    ];
  });
  const attempts = valueAt(http, "hostSelectionMaxAttempts");
  const isDrawn = selection.some(({ predicate }) => DRAWN_AGAIN.includes(predicate));
  if (attempts !== undefined && !isDrawn) {
    warnings.push(
      `${at}.hostSelectionMaxAttempts: counts for ${DRAWN_AGAIN.join(" and ")} only, and hostSelection has neither, so it has no effect`,
    );
  }
  if (attempts === 0 && isDrawn) {
    warnings.push(
      `${at}.hostSelectionMaxAttempts: with 0 no other instance is looked for, so ${DRAWN_AGAIN.join(" and ")} have no effect`,
    );
  }
  return warnings;
}

function tagWarnings(
  path: string,
  { predicate, tags }: Selection,
  dataplanes: readonly DataplaneResource[],
): readonly string[] {
  if (tags === undefined) return [];
  if (predicate !== "OmitHostsWithTags") {
    return [`${path}: count for OmitHostsWithTags only, so they have no effect with ${predicate}`];
  }
  const isThere = dataplanes.some(({ spec }) =>
    (spec.networking?.inbound ?? []).some(({ tags: { [SERVICE_TAG]: _, ...own } = {} }) =>
      contains(own, tags),
    ),
  );
  if (isThere || dataplanes.length === 0) return [];
  return [
    `${path}: no inbound has all of these tags now, so no instance is left out; labels do not count, nor does ${SERVICE_TAG}`,
  ];
}

/** Another policy may allow more retries, so only what this one says itself counts. */
function frequencyWarnings(
  path: string,
  { predicate, updateFrequency }: Selection,
  retries: unknown,
): readonly string[] {
  const isLate = typeof retries === "number" && retries > 0 && retries < updateFrequency;
  if (predicate !== "OmitPreviousPriorities" || !isLate) return [];
  return [
    `${path}: priorities are left out from retry ${updateFrequency} on, and numRetries is ${retries}, so it has no effect`,
  ];
}
