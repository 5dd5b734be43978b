import type { InboundPlan, ProxyPlan } from "@skein/policies";
import type { AccessEntry } from "../api/ports.ts";
import { judge, workloadName } from "../pipeline/answers.ts";
import type { AccessChange } from "./report.ts";

/** Who is in a mesh: one instance speaks for all of its workload. */
export interface Parties {
  /** By name of the workload. */
  readonly callers: ReadonlyMap<string, ProxyPlan>;
  /** By name of the workload and port. */
  readonly ports: ReadonlyMap<string, { readonly label: string; readonly inbound: InboundPlan }>;
}

/** The parties of a mesh from its plans, in the order of their names. */
export function partiesOf(plans: Iterable<ProxyPlan>): Parties {
  const callers = new Map<string, ProxyPlan>();
  const ports = new Map<string, { readonly label: string; readonly inbound: InboundPlan }>();
  for (const plan of plans) {
    const label = workloadName(plan);
    if (!callers.has(label)) callers.set(label, plan);
    for (const inbound of plan.inbounds) {
      const key = `${label} ${inbound.port}`;
      if (!ports.has(key)) ports.set(key, { label, inbound });
    }
  }
  return { callers, ports };
}

/** All callers of either time, in order. */
export function callersOf(before: Parties, after: Parties): readonly string[] {
  return [...new Set([...before.callers.keys(), ...after.callers.keys()])].sort();
}

/** What becomes of the pairs of one caller. Pairs whose two sides stay what they are are not judged. */
export function accessChanges(
  mesh: string,
  source: string,
  before: Parties,
  after: Parties,
): readonly AccessChange[] {
  const [was, is] = [before.callers.get(source), after.callers.get(source)];
  const sameCaller = was !== undefined && is !== undefined && was.identity === is.identity;
  const changes: AccessChange[] = [];
  for (const key of new Set([...before.ports.keys(), ...after.ports.keys()])) {
    const [old, now] = [before.ports.get(key), after.ports.get(key)];
    const port = now ?? old;
    if (port === undefined || port.label === source) continue;
    if (sameCaller && old !== undefined && old.inbound.shared === now?.inbound.shared) continue;
    const then = was === undefined || old === undefined ? undefined : judge(was, old.inbound);
    const next = is === undefined || now === undefined ? undefined : judge(is, now.inbound);
    const change = changeOf(then?.verdict, next?.verdict);
    if (change === undefined) continue;
    changes.push({
      mesh,
      source,
      destination: port.label,
      port: port.inbound.port,
      ...(then === undefined ? {} : { before: then.verdict }),
      ...(next === undefined ? {} : { after: next.verdict }),
      change,
      policy: next?.policy ?? null,
      reason: next?.reason ?? "one of the two is gone",
    });
  }
  return changes.sort((a, b) =>
    a.destination < b.destination ? -1 : a.destination > b.destination ? 1 : a.port - b.port,
  );
}

function changeOf(
  before: AccessEntry["verdict"] | undefined,
  after: AccessEntry["verdict"] | undefined,
): AccessChange["change"] | undefined {
  if (before === after) return undefined;
  if (before === undefined) return "appears";
  if (after === undefined) return "disappears";
  if (after === "deny") return "newly-denied";
  if (before === "deny") return "newly-allowed";
  return after === "allow" ? "newly-encrypted" : "newly-plaintext";
}
