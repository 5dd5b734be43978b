import type { ExternalEndpointPlan, ExternalPlan, ExternalTlsPlan } from "@skein/policies";
import type { Backend } from "./backends.ts";
import { callFacts } from "./cluster-step.ts";
import type { Branch, Hop } from "./explanation.ts";
import { plainFact } from "./facts.ts";
import { limitsOf } from "./timeouts.ts";

/** What becomes of requests that leave the mesh: the caller's own proxy sees them off, and nobody else is asked. */
export function externalBranch(backend: Backend, external: ExternalPlan, route: string | undefined): Branch {
  const { destination, clusterName } = backend.upstream;
  const name = `${destination.name}:${destination.port}`;
  const facts = callFacts(backend, route);
  const base = {
    backend: name,
    share: backend.share,
    instances: [],
    decidedBy: null,
    limits: limitsOf(facts),
  };
  if (external.problem !== undefined) {
    const hop: Hop = { at: "cluster", name: clusterName, outcome: "stop", text: external.problem, facts };
    return {
      ...base,
      verdict: "no-endpoints",
      reason: external.problem,
      hops: [hop],
      remedy: {
        text: `put right what the message names in MeshExternalService ${destination.name} or its mesh`,
      },
    };
  }
  const warning = external.warning === undefined ? "" : ` (${external.warning})`;
  const cluster: Hop = {
    at: "cluster",
    name: clusterName,
    outcome: external.warning === undefined ? "pass" : "warn",
    text: `${name} is outside the mesh: ${placesText(external.endpoints)}${warning}`,
    facts: [plainFact("endpoints", external.endpoints.map(place).join(", ")), ...facts],
  };
  const tls = tlsHop(name, external.tls);
  return { ...base, verdict: "allowed", reason: tls.text, hops: [cluster, tls], remedy: null };
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
