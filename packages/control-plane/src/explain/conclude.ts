import type { DestinationPlan, ProxyPlan } from "@skein/policies";
import type { MeshWorld } from "../pipeline/world.ts";
import type { Backend } from "./backends.ts";
import { branchesOf } from "./branches.ts";
import { type BackendCalls, behind, endingsOf } from "./endings.ts";
import type {
  Attempt,
  Branch,
  ExplainedVerdict,
  Explanation,
  Hop,
  Limits,
  Question,
  Remedy,
} from "./explanation.ts";
import { isSlowdown } from "./faults.ts";
import { retriesOf } from "./retries.ts";
import type { RouteChoice, RouteEnd } from "./route-step.ts";
import { seenBy } from "./seen.ts";
import { limitsOf, outboundTimeouts } from "./timeouts.ts";

/** What is known of a request once it has found its route. */
export interface Routed {
  readonly mesh: MeshWorld;
  readonly source: ProxyPlan;
  readonly workload: string;
  readonly question: Question;
  /** What was asked about. */
  readonly destination: { readonly name: string; readonly port: number };
  /** Of the request on its way to the route. */
  readonly protocol: DestinationPlan["protocol"];
  readonly route: RouteChoice;
  /** The hops up to the route. */
  readonly hops: readonly Hop[];
  /** How requests end, or do not, before they come to the route; absent where nothing ends there. */
  readonly before?: readonly Attempt[];
  /** The only instance of a backend that was asked about. */
  readonly only: (backend: Backend) => string | undefined;
}

/** Who asks, in an explanation. */
export function askedBy(source: ProxyPlan, workload: string): Pick<Explanation, "source" | "otherwise"> {
  return {
    source: { dataplane: source.name, workload, spiffeId: source.identity?.uris[0] ?? null },
    otherwise: [],
  };
}

/** What becomes of a request behind its route. */
export function concluded({
  mesh,
  source,
  workload,
  question,
  destination,
  protocol,
  route,
  hops,
  before,
  only,
}: Routed): Explanation {
  const request = { method: question.method ?? "GET", headers: question.headers ?? {} };
  const calls = route.backends.map(
    (backend): BackendCalls => ({
      share: backend.share,
      branches: branchesOf({ mesh, source, backend, route: route.policy, only: only(backend) }),
      again: retriesOf(backend.called.policies, protocol, route.policy, request),
      requestMs: limitsOf(outboundTimeouts(backend, route.policy)).requestMs,
    }),
  );
  const branches = calls.flatMap((each) => each.branches);
  const [first] = branches;
  const verdict = route.end?.verdict ?? together(branches);
  const limits = first === undefined || branches.length > 1 ? widest(branches) : first.limits;
  const { endings, isEstimated } =
    route.end?.answer === undefined
      ? behind(before, endingsOf(protocol === "tcp" ? [] : calls))
      : { endings: [{ share: 100, status: route.end.answer.status }], isEstimated: false };
  const refused = branches.find((branch) => branch.verdict !== "allowed") ?? first;
  const all = [...hops, route.hop];
  const isSlowed = branches.some(hasSlowdown) || all.some(({ facts }) => facts.some(isSlowdown));
  return {
    mesh: question.mesh,
    ...askedBy(source, workload),
    destination: { ...destination, protocol },
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
    seen:
      seenBy({ verdict, protocol, limits, answer: route.end?.answer, endings, isEstimated }) +
      (isSlowed ? SLOWED_TOO : ""),
    limits,
    hops: all,
    branches,
    remedy: refused?.remedy ?? remedyOf(route.end) ?? null,
  };
}

function remedyOf(end: RouteEnd | undefined): Remedy | undefined {
  if (end?.decidedBy === undefined) return undefined;
  const { policy, rule } = end.decidedBy;
  if (end.verdict === "aborted") return { text: `take the abort out of ${rule} of ${policy}, or delete it` };
  if (end.verdict !== "no-backend") return undefined;
  return { text: `correct backendRefs in ${rule} of ${policy}` };
}

const SLOWED_TOO = "; a MeshFaultInjection slows some requests on purpose";

function hasSlowdown({ hops }: Branch): boolean {
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
