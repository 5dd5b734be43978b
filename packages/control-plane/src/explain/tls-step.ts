import type { Origin, ProxyPlan, ServingPlan, UpstreamPlan } from "@skein/policies";
import { meshTls, planOf } from "@skein/policies";
import type { Hop, Remedy } from "./explanation.ts";
import { factsOf, plainFact } from "./facts.ts";

/** What becomes of the connection between two proxies. */
export interface TlsChoice {
  readonly hop: Hop;
  /** `tls`: the server knows who calls; `plaintext`: it does not. */
  readonly outcome: "tls" | "plaintext" | "plaintext-refused" | "tls-failed";
  readonly decidedBy?: Origin;
  readonly remedy?: Remedy;
}

/** The connection from a caller to one kind of instance. */
export function tlsStep(
  source: ProxyPlan,
  upstream: UpstreamPlan,
  server: ProxyPlan,
  inbound: ServingPlan,
): TlsChoice {
  const mode = inbound.tls?.mode ?? "off";
  const modeFact = factsOf(planOf(meshTls, inbound.policies)).find(({ name }) => name === "mode");
  const facts = [modeFact ?? plainFact("mode", mode)];
  const hop = (outcome: Hop["outcome"], text: string, more: Hop["facts"] = []): Hop => ({
    at: "tls",
    name: server.name,
    outcome,
    text,
    facts: [...facts, ...more],
  });
  const decidedBy = modeFact?.origin === undefined ? {} : { decidedBy: modeFact.origin };
  if (upstream.tls === undefined) {
    const why =
      source.identity === undefined
        ? `${source.name} has no identity`
        : server.identity === undefined
          ? `${server.name} has no identity`
          : "not every instance of the destination takes TLS yet";
    if (mode !== "strict") {
      const taken = mode === "off" ? "the server asks for nothing else" : "the server lets plaintext in";
      return { outcome: "plaintext", hop: hop("warn", `plaintext, because ${why}; ${taken}`) };
    }
    return {
      outcome: "plaintext-refused",
      ...decidedBy,
      hop: hop("stop", `plaintext, because ${why}; the server refuses it`),
      remedy: {
        text:
          source.identity === undefined
            ? `give ${source.name} an identity with a MeshIdentity that selects it, or let plaintext in with a MeshTLS of mode Permissive`
            : "wait for the rollout of identities, or let plaintext in with a MeshTLS of mode Permissive",
      },
    };
  }
  const presented = source.identity?.uris[0] ?? "";
  const shownBy = server.identity?.uris ?? [];
  const expected = upstream.tls.serverIds;
  const more = [
    plainFact("presents", presented),
    plainFact("sni", upstream.tls.sni),
    plainFact("expects", expected.length === 0 ? "any id of a trusted domain" : expected.join(", ")),
    plainFact("server is", shownBy[0] ?? "nobody"),
  ];
  const failed = (text: string): TlsChoice => ({
    outcome: "tls-failed",
    hop: hop("stop", text, more),
    remedy: { text: "see the conditions of both proxies, and the MeshTrusts of the mesh" },
  });
  if (inbound.tls === undefined || mode === "off")
    return failed(`${server.name} speaks no TLS, and the caller nothing else`);
  if (expected.length > 0 && !expected.some((id) => shownBy.includes(id))) {
    return failed(`${server.name} presents ${shownBy[0] ?? "no id"}, which the caller does not expect`);
  }
  const { trustDomains } = inbound.tls;
  const isTrusted = (uri: string): boolean =>
    trustDomains.some((domain) => uri.startsWith(`spiffe://${domain}/`));
  if (trustDomains.length > 0 && !(source.identity?.uris ?? []).some(isTrusted)) {
    return failed(`${server.name} trusts ${trustDomains.join(", ")} only, and the caller is ${presented}`);
  }
  return { outcome: "tls", hop: hop("pass", `mutual TLS: ${presented} calls ${shownBy[0] ?? ""}`, more) };
}
