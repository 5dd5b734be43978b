import {
  computeLabels,
  type DataplaneResource,
  isDns1035Label,
  LABEL,
  type WorkloadResource,
  workloadKind,
} from "@skein/model";
import { isReady } from "../plan/destinations.ts";
import { isLocal, revised, type WorkloadDraft } from "./draft.ts";
import type { Derived } from "./meshservice-generator.ts";
import type { DataplaneFacts, NamingSettings } from "./settings.ts";

/** Value of `kuma.io/managed-by` on the Workloads made here. */
export const WORKLOAD_GENERATOR = "workload-generator";

/** All that decides about one Workload. */
export interface WorkloadInput {
  readonly mesh: string;
  readonly name: string;
  /** Those whose label `kuma.io/workload` is the name, in any order. */
  readonly dataplanes: readonly DataplaneResource[];
  readonly existing: WorkloadResource | undefined;
  readonly facts: Pick<DataplaneFacts, "connected">;
  readonly settings: NamingSettings;
}

/**
 * Derives one Workload from the dataplanes that carry its name, with how many they are. It goes with the last of them.
 * One that a user made gets the counts but stays.
 */
export function deriveWorkload(input: WorkloadInput): Derived<WorkloadDraft> {
  const { mesh, name, dataplanes, existing, settings } = input;
  const isOurs = existing === undefined || existing.labels[LABEL.managedBy] === WORKLOAD_GENERATOR;
  if (existing !== undefined && !isLocal(existing)) return { draft: existing, problems: [] };
  if (dataplanes.length === 0 && isOurs) return { draft: undefined, problems: [] };
  if (existing === undefined && !isDns1035Label(name)) {
    const message = `no Workload is derived for the label ${LABEL.workload}: ${name}: a name must have at most 63 lower case letters, digits or '-', start with a letter and end with a letter or digit`;
    return { draft: undefined, problems: [{ mesh, type: "Workload", name, reason: "InvalidName", message }] };
  }
  const status = { ...existing?.status, dataplaneProxies: countProxies(input) };
  if (existing !== undefined) return { draft: revised<WorkloadDraft>(existing, { status }), problems: [] };
  const own = { [LABEL.displayName]: name, [LABEL.managedBy]: WORKLOAD_GENERATOR };
  const labels = computeLabels(workloadKind, { mesh, labels: own, spec: {} }, settings.context);
  const owner = { type: "Mesh", mesh: "", name: mesh };
  return { draft: { ...{ type: "Workload", mesh, name, labels, spec: {} }, status, owner }, problems: [] };
}

function countProxies({ mesh, dataplanes, facts }: WorkloadInput) {
  let connected = 0;
  let healthy = 0;
  for (const dataplane of dataplanes) {
    if (facts.connected(mesh, dataplane.name)) connected++;
    if (isHealthy(dataplane)) healthy++;
  }
  return { connected, healthy, total: dataplanes.length };
}

function isHealthy({ spec }: DataplaneResource): boolean {
  const { inbound = [], listeners = [] } = spec.networking ?? {};
  return (
    inbound.every((each) => each.state === "Ignored" || isReady(each)) &&
    listeners.every(({ state }) => state !== "NotReady")
  );
}
