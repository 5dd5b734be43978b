import {
  type DestinationPlan,
  type ExternalEndpointPlan,
  type ExternalPlan,
  type ExternalTlsPlan,
  verdict,
} from "@skein/policies";
import type { Caller } from "../access/parties.ts";
import { attemptsAt, NO_ENDPOINT } from "./attempts.ts";
import type { Backend } from "./backends.ts";
import { callFacts } from "./cluster-step.ts";
import type { Branch, Fact, Hop, Remedy } from "./explanation.ts";
import { plainFact } from "./facts.ts";
import { limitsOf } from "./timeouts.ts";

/** What becomes of requests that a proxy sends out of the mesh. */
export interface LeavingChoice {
  readonly hops: readonly Hop[];
  /** Why nothing is sent. */
  readonly problem?: string;
  readonly remedy: Remedy | null;
}

/** The last part of the way, from the proxy that sends requests out of the mesh: the caller's own, or an egress. */
export function leavingStep(
  { name, port }: DestinationPlan,
  clusterName: string,
  external: ExternalPlan,
  facts: readonly Fact[],
): LeavingChoice {
  const { problem, warning, endpoints } = external;
  const to = `${name}:${port}`;
  if (problem !== undefined) {
    return {
      problem,
      hops: [{ at: "cluster", name: clusterName, outcome: "stop", text: problem, facts }],
      remedy: {
        text: `put right what the message names in MeshExternalService ${name} or its mesh`,
      },
    };
  }
  const cluster: Hop = {
    at: "cluster",
    name: clusterName,
    outcome: warning === undefined ? "pass" : "warn",
    text: `${to} is outside the mesh: ${placesText(endpoints)}${warning === undefined ? "" : ` (${warning})`}`,
    facts: [plainFact("endpoints", endpoints.map(place).join(", ")), ...facts],
  };
  return { hops: [cluster, tlsHop(to, external.tls)], remedy: null };
}

/**
 * What becomes of requests that the caller's own proxy sees off. Nobody else is asked, and it itself asks permissions only
 * where the mesh forbids everything outside by default; whom they do not allow has no outbound.
 */
export function externalBranch(
  caller: Caller,
  backend: Backend,
  external: ExternalPlan,
  route: string | undefined,
): Branch {
  const { destination, clusterName } = backend.upstream;
  const facts = callFacts(backend, route);
  const permission = ownPermission(caller, destination);
  const { hops, problem, remedy } = leavingStep(destination, clusterName, external, facts);
  return {
    backend: `${destination.name}:${destination.port}`,
    share: backend.share,
    instances: [],
    verdict: problem === undefined ? "allowed" : "no-endpoints",
    reason: problem ?? `${hops.at(-1)?.text}; ${permission.text}`,
    decidedBy: permission.facts[0]?.origin ?? null,
    limits: limitsOf(facts),
    attempts: attemptsAt(destination.protocol, problem === undefined ? {} : NO_ENDPOINT),
    hops: [permission, ...hops],
    remedy,
  };
}

function ownPermission({ plan, leaving }: Caller, { sni }: DestinationPlan): Hop {
  const hop = { at: "permission", name: plan.name, outcome: "pass" } as const;
  const { permissions } = leaving ?? {};
  const [id] = plan.identity?.uris ?? [];
  const origin = permissions && verdict(permissions, { uris: plan.identity?.uris ?? [], sni }).origin;
  if (origin === undefined) return { ...hop, text: "no permission is asked", facts: [] };
  return {
    ...hop,
    text: `${id ?? "the caller"} is allowed out`,
    facts: [{ name: "decided by", value: origin.rule, origin }],
  };
}

function tlsHop(name: string, tls: ExternalTlsPlan | undefined): Hop {
  if (tls === undefined) {
    const text = "leaves the mesh as the application sent it; the proxy adds no TLS";
    return { at: "tls", name, outcome: "pass", text, facts: [] };
  }
  const to = tls.sni ?? name;
  const expected = tls.sans.map(({ match, value }) => (match === "exact" ? value : `${value}*`));
  const facts = [
    plainFact("sni", tls.sni ?? "none"),
    plainFact("expects", expected.length === 0 ? "any name" : expected.join(", ")),
    plainFact("client certificate", tls.clientSecret ?? "none"),
    plainFact("versions", `${tls.min} to ${tls.max}`),
  ];
  if (tls.authorities === undefined) {
    const text = `leaves the mesh: TLS to ${to}, and nobody is verified`;
    return { at: "tls", name, outcome: "warn", text, facts };
  }
  const roots =
    "secret" in tls.authorities ? "the CA of the resource" : `the machine's roots in ${tls.authorities.file}`;
  const names = expected.length === 0 ? "whatever its name" : `as ${expected.join(" or ")}`;
  return {
    at: "tls",
    name,
    outcome: "pass",
    text: `leaves the mesh: TLS to ${to}, verified by ${roots}, ${names}`,
    facts,
  };
}

function placesText(endpoints: readonly ExternalEndpointPlan[]): string {
  const first = endpoints.filter(({ priority }) => priority === 0);
  const rest = endpoints.length - first.length;
  const spare = rest === 0 ? "" : `, ${rest} more where that fails`;
  return `${first.map(place).join(", ")}${spare}`;
}

function place(endpoint: ExternalEndpointPlan): string {
  return "host" in endpoint ? `${endpoint.host}:${endpoint.port}` : `unix://${endpoint.socket}`;
}
