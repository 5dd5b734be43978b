import { SERVICE_TAG } from "@skein/model";
import type { OutboundPlan, ProxyPlan } from "@skein/policies";
import { namedDestination } from "../plan/destination-keys.ts";
import type { Hop, Remedy } from "./explanation.ts";
import { plainFact } from "./facts.ts";
import type { Target } from "./find-destination.ts";

/** Where the application of the caller reaches a destination, if anywhere. */
export interface OutboundChoice {
  readonly hop: Hop;
  readonly outbound?: OutboundPlan;
  readonly remedy?: Remedy;
}

/** The first port that snippets suggest. */
const FIRST_PORT = 10_001;

/** The outbound of the caller's proxy for a destination. */
export function outboundStep(source: ProxyPlan, target: Target): OutboundChoice {
  const outbound = source.outbounds.find((each) => each.target === target.key);
  if (outbound !== undefined) {
    return {
      outbound,
      hop: {
        at: "outbound",
        name: outbound.listenerName,
        outcome: "pass",
        text: `the application calls ${outbound.address}:${outbound.port}`,
        facts: [plainFact("protocol", outbound.upstream.destination.protocol)],
      },
    };
  }
  const unresolved = source.conditions.filter(
    ({ type }) => type === "UnresolvedOutbound" || type === "ForbiddenOutbound",
  );
  const reached = source.outbounds.map(
    ({ upstream: { destination } }) => `${destination.name}:${destination.port}`,
  );
  return {
    hop: {
      at: "outbound",
      name: `${target.name}:${target.port}`,
      outcome: "stop",
      text: `${source.name} has no outbound for it: no port leads there`,
      facts: [
        plainFact("outbounds", reached.length === 0 ? "none" : reached.join(", ")),
        ...unresolved.map(({ message }) => plainFact("unresolved", message)),
      ],
    },
    remedy: {
      text: `add an outbound to the Dataplane ${source.name}`,
      document: {
        networking: {
          outbound: [
            {
              port: freePort(source),
              ...(target.port === 0
                ? { tags: { [SERVICE_TAG]: target.name } }
                : { backendRef: backendRef(target) }),
            },
          ],
        },
      },
    },
  };
}

function backendRef({ key, name, port }: Target): object {
  const { kind } = namedDestination(key);
  return kind === "MeshExternalService" ? { kind, name } : { kind, name, port };
}

function freePort({ outbounds, inbounds }: ProxyPlan): number {
  const taken = new Set([...outbounds, ...inbounds].map(({ port }) => port));
  for (let port = FIRST_PORT; ; port++) if (!taken.has(port)) return port;
}
