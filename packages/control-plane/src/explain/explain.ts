import { type DataplaneResource, displayName } from "@skein/model";
import type { ProxyPlan } from "@skein/policies";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { MeshWorld } from "../pipeline/world.ts";
import { gatewaysOf, isBuiltinGateway } from "../view/gateways.ts";
import { askedBy, concluded } from "./conclude.ts";
import type { Explanation, Question, QuestionProblem } from "./explanation.ts";
import { findDestination, type Target } from "./find-destination.ts";
import { findDataplanes } from "./find-source.ts";
import { explainAtGateway } from "./gateway.ts";
import { workloadOf } from "./names.ts";
import { outboundStep } from "./outbound-step.ts";
import { routeStep } from "./route-step.ts";
import { seenBy } from "./seen.ts";
import { sourceStep } from "./source-step.ts";

/** What would happen to a request, read from the plans that program Envoy. */
export function explain(mesh: MeshWorld, question: Question): Outcome<Explanation, QuestionProblem> {
  const dataplanes = [...mesh.index.dataplaneNames()]
    .sort()
    .flatMap((name) => mesh.index.dataplane.at(name).get() ?? []);
  const sources = sourcesOf(mesh, question.source, dataplanes);
  if (!sources.ok) return sources;
  const plans = sources.value.flatMap(({ name }) => mesh.planner.plan.at(name).get() ?? []);
  const [first, ...others] = plans;
  const [dataplane] = sources.value;
  if (first === undefined || dataplane === undefined) {
    const message = `"${question.source}" has no plan: there is no Mesh "${question.mesh}"`;
    return failure({ kind: "invalid", field: "source", message, suggestions: [] });
  }
  if (isBuiltinGateway(dataplane)) {
    return explainGateways(plans, (source) =>
      explainAtGateway({ mesh, source, workload: workloadOf(dataplane), question, dataplanes }),
    );
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

/** The dataplanes that a word stands for; the name of a MeshGateway stands for the proxies that serve it. */
function sourcesOf(
  mesh: MeshWorld,
  word: string,
  dataplanes: readonly DataplaneResource[],
): Outcome<readonly DataplaneResource[], QuestionProblem> {
  const found = findDataplanes(word, dataplanes, "source");
  if (found.ok) return found;
  const gateways = mesh.index.gateways.get();
  const serving = dataplanes.filter((dataplane) => {
    const [gateway] = gatewaysOf(dataplane, gateways);
    return gateway !== undefined && (gateway.name === word || displayName(gateway) === word);
  });
  return serving.length > 0 ? success(serving) : found;
}

/** The answer of the first of some gateways, and which others give another one. */
function explainGateways(
  [first, ...others]: readonly ProxyPlan[],
  explainAt: (source: ProxyPlan) => Outcome<Explanation, QuestionProblem>,
): Outcome<Explanation, QuestionProblem> {
  const answer = explainAt(first as ProxyPlan);
  if (!answer.ok) return answer;
  const { verdict } = answer.value;
  const otherwise = others.flatMap((source) => {
    const other = explainAt(source);
    if (!other.ok)
      return [{ dataplane: source.name, verdict: "no-route" as const, reason: other.error.message }];
    const isSame =
      other.value.verdict === verdict && other.value.route?.policy === answer.value.route?.policy;
    return isSame
      ? []
      : [{ dataplane: source.name, verdict: other.value.verdict, reason: other.value.reason }];
  });
  return success({ ...answer.value, otherwise });
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
  if (outbound === undefined) {
    return {
      mesh: question.mesh,
      ...askedBy(source, workload),
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
  return concluded({
    ...{ mesh, source, workload, question },
    destination: { name: target.name, port: target.port },
    protocol: outbound.upstream.destination.protocol,
    route: routeStep(outbound, source, question),
    hops: [from, hop],
    only: (backend) => (backend.target === target.key ? target.only : undefined),
  });
}
