import type { ProxyPlan } from "@skein/policies";
import { callerOf } from "../access/parties.ts";
import type { MeshWorld } from "../pipeline/world.ts";
import { attemptsAt, NO_ENDPOINT } from "./attempts.ts";
import type { Backend } from "./backends.ts";
import { clusterStep } from "./cluster-step.ts";
import type { Branch, Hop } from "./explanation.ts";
import { externalBranch, leavingStep } from "./external-step.ts";
import { applicationStep, inboundStep } from "./inbound-step.ts";
import { type Instance, instancesOf } from "./instances.ts";
import { permissionStep } from "./permission-step.ts";
import { limitsOf } from "./timeouts.ts";
import { tlsStep } from "./tls-step.ts";

/** What is asked about one backend. */
export interface BranchInput {
  readonly mesh: MeshWorld;
  readonly source: ProxyPlan;
  readonly backend: Backend;
  readonly route: string | undefined;
  /** The only instance of interest. */
  readonly only: string | undefined;
}

/** What becomes of the requests to one backend: one branch for each kind of instance. */
export function branchesOf(input: BranchInput): readonly Branch[] {
  const { mesh, source, backend, route, only } = input;
  const { external } = backend.upstream;
  if (external !== undefined) return [externalBranch(callerOf(mesh, source), backend, external, route)];
  const all = instancesOf(mesh, backend.target).filter(
    ({ plan }) => only === undefined || plan.name === only,
  );
  const cluster = clusterStep(backend, all, route);
  const { destination } = backend.upstream;
  const name = `${destination.name}:${destination.port}`;
  if (cluster.hop.outcome === "stop") {
    return [
      {
        backend: name,
        share: backend.share,
        instances: [],
        verdict: "no-endpoints",
        reason: cluster.hop.text,
        decidedBy: null,
        limits: limitsOf(cluster.hop.facts),
        attempts: attemptsAt(destination.protocol, NO_ENDPOINT),
        hops: [cluster.hop],
        remedy: cluster.remedy ?? null,
      },
    ];
  }
  const ready = all.filter((instance) => instance.ready);
  return alike(ready).map((group) => {
    const [first] = group;
    const branch = instanceBranch(input, first, cluster.hop);
    return {
      ...branch,
      backend: name,
      share: Math.round((backend.share * group.length * 100) / ready.length) / 100,
      instances: group.map(({ plan }) => plan.name),
    };
  });
}

type Decided = Omit<Branch, "backend" | "share" | "instances">;

function instanceBranch({ source, backend }: BranchInput, instance: Instance, cluster: Hop): Decided {
  const { plan, inbound } = instance;
  const tls = tlsStep(source, backend.upstream, plan, inbound.shared);
  const before = [cluster, tls.hop];
  const limits = limitsOf(cluster.facts);
  const { protocol } = backend.called.destination;
  if (tls.outcome === "plaintext-refused" || tls.outcome === "tls-failed") {
    return {
      verdict: tls.outcome,
      reason: tls.hop.text,
      decidedBy: tls.decidedBy ?? null,
      limits,
      attempts: attemptsAt(protocol, {
        status: 503,
        without: tls.outcome === "tls-failed" ? "connect" : "reset",
      }),
      hops: before,
      remedy: tls.remedy ?? null,
    };
  }
  const caller =
    tls.outcome === "plaintext"
      ? undefined
      : { uris: source.identity?.uris ?? [], sni: backend.upstream.tls?.sni };
  const permission = caller && permissionStep(source, caller, plan, inbound);
  if (permission !== undefined && !permission.allowed) {
    return {
      verdict: "denied",
      reason: permission.hop.text,
      decidedBy: permission.decidedBy ?? null,
      limits,
      attempts: attemptsAt(protocol, { status: 403 }),
      hops: [...before, permission.hop],
      remedy: permission.remedy ?? null,
    };
  }
  const known = { certificate: caller, tags: backend.called.callerTags ?? "" };
  const taken = inboundStep(instance, known, protocol);
  const attempts = protocol === "tcp" ? [] : taken.attempts;
  const hops = [...before, ...(permission === undefined ? [] : [permission.hop]), taken.hop];
  if (taken.abortedBy !== undefined) {
    const { policy, rule } = taken.abortedBy;
    return {
      verdict: "aborted",
      reason: taken.hop.text,
      decidedBy: taken.abortedBy,
      limits,
      attempts,
      hops,
      remedy: { text: `take the abort out of ${rule} of ${policy}, or delete it` },
    };
  }
  const allowed = {
    verdict: "allowed" as const,
    reason: permission?.hop.text ?? tls.hop.text,
    decidedBy: permission?.decidedBy ?? null,
    limits: limitsOf([...cluster.facts, ...taken.hop.facts]),
    attempts,
    remedy: null,
  };
  const { shared } = inbound;
  if (!("external" in shared)) return { ...allowed, hops: [...hops, applicationStep(plan, shared)] };
  const leaving = leavingStep(shared.destination, shared.clusterName, shared.external, []);
  const whole = { ...allowed, hops: [...hops, ...leaving.hops] };
  if (leaving.problem === undefined) return whole;
  return {
    ...{ ...whole, verdict: "no-endpoints", reason: leaving.problem, remedy: leaving.remedy },
    attempts: attempts.map((each) => ({ status: 503, ...each })),
  };
}

/** Instances that cannot differ in what they do, together: all of them but their addresses is the same. */
function alike(instances: readonly Instance[]): readonly (readonly [Instance, ...Instance[]])[] {
  const groups = new Map<string, [Instance, ...Instance[]]>();
  for (const instance of instances) {
    const { shared } = instance.inbound;
    const { protocol, tls, policies } = shared;
    const outside = "external" in shared ? shared.external : undefined;
    const key = JSON.stringify([instance.plan.identity?.uris, protocol, tls, policies, outside]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [instance]);
    else group.push(instance);
  }
  return [...groups.values()];
}
