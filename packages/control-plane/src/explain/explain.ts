import type { ProxyPlan } from "@skein/policies";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { MeshWorld } from "../pipeline/world.ts";
import { branchesOf } from "./branches.ts";
import { type BackendCalls, endingsOf } from "./endings.ts";
import type {
  Branch,
  ExplainedVerdict,
  Explanation,
  Limits,
  Question,
  QuestionProblem,
  Remedy,
} from "./explanation.ts";
import { isSlowdown } from "./faults.ts";
import { findDestination, type Target } from "./find-destination.ts";
import { findDataplanes } from "./find-source.ts";
import { workloadOf } from "./names.ts";
import { outboundStep } from "./outbound-step.ts";
import { retriesOf } from "./retries.ts";
import { type RouteEnd, routeStep } from "./route-step.ts";
import { seenBy } from "./seen.ts";
import { sourceStep } from "./source-step.ts";
import { limitsOf, outboundTimeouts } from "./timeouts.ts";

/** What would happen to a request, read from the plans that program Envoy. */
export function explain(mesh: MeshWorld, question: Question): Outcome<Explanation, QuestionProblem> {
  const dataplanes = [...mesh.index.dataplaneNames()]
    .sort()
    .flatMap((name) => mesh.index.dataplane.at(name).get() ?? []);
  const sources = findDataplanes(question.source, dataplanes, "source");
  if (!sources.ok) return sources;
  const plans = sources.value.flatMap(({ name }) => mesh.planner.plan.at(name).get() ?? []);
  const [first, ...others] = plans;
  const [dataplane] = sources.value;
  if (first === undefined || dataplane === undefined) {
    const message = `"${question.source}" has no plan: there is no Mesh "${question.mesh}"`;
    return failure({ kind: "invalid", field: "source", message, suggestions: [] });
  }
  const target = findDestination(question, first, mesh.index, dataplanes);
  if (!target.ok) return target;
  const explanation = explainFor(mesh, first, workloadOf(dataplane), target.value, question);
  const otherwise = unlike(first, others, target.value)
    .map((source) => explainFor(mesh, source, workloadOf(dataplane), target.value, question))
    .filter(({ verdict, reason }) => verdict !== explanation.verdict || reason !== explanation.reason)
    .map(({ source, verdict, reason }) => ({ dataplane: source.dataplane, verdict, reason }));
  return success({ ...explanation, otherwise });
}

/** Instances of the caller that may be answered differently: callers of one kind share the plan of their way. */
function unlike(first: ProxyPlan, others: readonly ProxyPlan[], target: Target): readonly ProxyPlan[] {
  const known = [first];
  const way = ({ outbounds }: ProxyPlan) => outbounds.find(({ target: key }) => key === target.key)?.upstream;
  for (const plan of others) {
    const isKnown = known.some(
      (other) => way(other) === way(plan) && other.identity?.uris.join() === plan.identity?.uris.join(),
    );
    if (!isKnown) known.push(plan);
  }
  return known.slice(1);
}

function explainFor(
  mesh: MeshWorld,
  source: ProxyPlan,
  workload: string,
  target: Target,
  question: Question,
): Explanation {
  const from = sourceStep(source);
  const { hop, outbound, remedy } = outboundStep(source, target);
  const about = {
    mesh: question.mesh,
    source: { dataplane: source.name, workload, spiffeId: source.identity?.uris[0] ?? null },
    otherwise: [],
  };
  if (outbound === undefined) {
    return {
      ...about,
      destination: { name: target.name, port: target.port, protocol: "" },
      request: null,
      verdict: "no-outbound",
      reason: hop.text,
      decidedBy: null,
      route: null,
      answer: null,
      sent: null,
      returned: null,
      copies: [],
      endings: [],
      endingsEstimated: false,
      seen: seenBy({ verdict: "no-outbound", protocol: "tcp", limits: {} }),
      limits: {},
      hops: [from, hop],
      branches: [],
      remedy: remedy ?? null,
    };
  }
  const route = routeStep(outbound, source, question);
  const { protocol } = outbound.upstream.destination;
  const request = { method: question.method ?? "GET", headers: question.headers ?? {} };
  const calls = route.backends.map((backend): BackendCalls => {
    const only = backend.target === target.key ? target.only : undefined;
    return {
      share: backend.share,
      branches: branchesOf({ mesh, source, backend, route: route.policy, only }),
      again: retriesOf(backend.called.policies, protocol, route.policy, request),
      requestMs: limitsOf(outboundTimeouts(backend, route.policy)).requestMs,
    };
  });
  const branches = calls.flatMap((each) => each.branches);
  const [first] = branches;
  const verdict = route.end?.verdict ?? together(branches);
  const limits = first === undefined || branches.length > 1 ? widest(branches) : first.limits;
  const { endings, isEstimated } =
    route.end?.answer === undefined
      ? endingsOf(protocol === "tcp" ? [] : calls)
      : { endings: [{ share: 100, status: route.end.answer.status }], isEstimated: false };
  const refused = branches.find((branch) => branch.verdict !== "allowed") ?? first;
  return {
    ...about,
    destination: { name: target.name, port: target.port, protocol },
    request: protocol === "tcp" ? null : { ...request, path: question.path ?? "/" },
    verdict,
    reason: verdict === "differs" ? differing(branches) : (refused?.reason ?? route.hop.text),
    decidedBy: route.end?.decidedBy ?? refused?.decidedBy ?? null,
    route: route.rule ?? null,
    answer: route.end?.answer ?? null,
    sent: route.sent ?? null,
    returned: route.returned ?? null,
    copies: route.copies ?? [],
    endings,
    endingsEstimated: isEstimated,
    seen: `${seenBy({ verdict, protocol, limits, answer: route.end?.answer, endings, isEstimated })}${branches.some(isSlowed) ? SLOWED_TOO : ""}`,
    limits,
    hops: [from, hop, route.hop],
    branches,
    remedy: refused?.remedy ?? remedyOf(route.end) ?? null,
  };
}

function remedyOf(end: RouteEnd | undefined): Remedy | undefined {
  if (end?.verdict !== "no-backend" || end.decidedBy === undefined) return undefined;
  return { text: `correct backendRefs in ${end.decidedBy.rule} of ${end.decidedBy.policy}` };
}

const SLOWED_TOO = "; a MeshFaultInjection slows some requests on purpose";

function isSlowed({ hops }: Branch): boolean {
  return hops.some(({ facts }) => facts.some(isSlowdown));
}

function together(branches: readonly Branch[]): ExplainedVerdict {
  const verdicts = new Set(branches.filter(({ share }) => share > 0).map(({ verdict }) => verdict));
  const [only = "no-route"] = verdicts;
  return verdicts.size > 1 ? "differs" : only;
}

function differing(branches: readonly Branch[]): string {
  return branches
    .map(({ share, verdict, backend, instances }) => {
      const where = instances.length === 0 ? backend : instances.join(", ");
      return `${share}% ${verdict} (${where})`;
    })
    .join("; ");
}

/** Limits that hold for some branch at the latest: after them nothing is under way any more. */
function widest(branches: readonly Branch[]): Limits {
  const most = (pick: (limits: Limits) => number | undefined): number | undefined => {
    const values = branches.map(({ limits }) => pick(limits) ?? Number.POSITIVE_INFINITY);
    const value = Math.max(...values);
    return Number.isFinite(value) ? value : undefined;
  };
  const requestMs = most((limits) => limits.requestMs);
  const connectMs = most((limits) => limits.connectMs);
  const idleMs = most((limits) => limits.idleMs);
  return {
    ...(requestMs === undefined ? {} : { requestMs }),
    ...(connectMs === undefined ? {} : { connectMs }),
    ...(idleMs === undefined ? {} : { idleMs }),
  };
}
