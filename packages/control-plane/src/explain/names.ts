import { type DataplaneResource, displayName, LABEL, SERVICE_TAG } from "@skein/model";

/** The kinds of names that people know workloads by, the most telling first. */
const NAMES: readonly {
  readonly what: string;
  readonly of: (dataplane: DataplaneResource) => readonly (string | undefined)[];
}[] = [
  { what: "dataplane", of: (dataplane) => [dataplane.name, displayName(dataplane)] },
  { what: "workload", of: ({ labels }) => [labels[LABEL.workload]] },
  { what: "app", of: ({ labels }) => [labels.app] },
  {
    what: "service tag",
    of: ({ spec: { networking } }) => [
      ...(networking?.inbound ?? []).map(({ tags }) => tags?.[SERVICE_TAG]),
      networking?.gateway?.tags?.[SERVICE_TAG],
    ],
  },
];

/** The dataplanes that one kind of name finds. */
export interface Found {
  readonly what: string;
  readonly dataplanes: readonly DataplaneResource[];
}

/** The dataplanes that a word stands for, by each kind of name that it is. */
export function dataplanesCalled(word: string, all: readonly DataplaneResource[]): readonly Found[] {
  return NAMES.map(({ what, of }) => ({
    what,
    dataplanes: all.filter((dataplane) => of(dataplane).includes(word)),
  })).filter(({ dataplanes }) => dataplanes.length > 0);
}

/** Every word that stands for some dataplane, each once, sorted. */
export function knownNames(all: readonly DataplaneResource[]): readonly string[] {
  const words = all.flatMap((dataplane) => NAMES.flatMap(({ of }) => of(dataplane)));
  return [...new Set(words.filter((word) => word !== undefined && word !== ""))].sort() as string[];
}

/** What people call the workload of a dataplane. */
export function workloadOf({ name, labels, spec }: DataplaneResource): string {
  const tag = spec.networking?.inbound?.[0]?.tags?.[SERVICE_TAG];
  return labels[LABEL.workload] ?? labels.app ?? tag ?? name;
}
