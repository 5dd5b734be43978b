import assert from "node:assert/strict";
import { test } from "node:test";
import type { InboundSharedPlan, ProxyPlan, UpstreamPlan } from "@skein/policies";
import { webPlan } from "../api/testing/plan.ts";
import { tlsStep } from "./tls-step.ts";

const CALLER = "spiffe://air.test/web";
const SERVER = "spiffe://air.test/api";

interface Case {
  readonly caller?: string;
  readonly server?: string;
  readonly expected?: readonly string[] | undefined;
  readonly trusted?: readonly string[];
  readonly mode?: "off" | "permissive" | "strict";
}

function proxy(name: string, id: string | undefined): ProxyPlan {
  const { identity } = webPlan;
  return {
    ...webPlan,
    name,
    identity: id === undefined || identity === undefined ? undefined : { ...identity, uris: [id] },
  };
}

function step({ caller, server, expected, trusted = [], mode = "strict" }: Case) {
  const [outbound] = webPlan.outbounds;
  const [inbound] = webPlan.inbounds;
  assert.ok(outbound !== undefined && inbound !== undefined);
  const secrets = { certificateSecret: "c", validationSecret: "v" };
  const upstream: UpstreamPlan = {
    ...outbound.upstream,
    tls: expected === undefined ? undefined : { ...secrets, sni: "s", serverIds: expected },
  };
  const shared: InboundSharedPlan = {
    ...inbound.shared,
    tls: mode === "off" ? undefined : { ...secrets, mode, trustDomains: trusted },
  };
  return tlsStep(proxy("web-1", caller), upstream, proxy("api-1", server), shared);
}

const both = { caller: CALLER, server: SERVER };
const cases: readonly [about: string, given: Case, outcome: string, text: RegExp][] = [
  ["both know each other", { ...both, expected: [SERVER], trusted: ["air.test"] }, "tls", /mutual TLS/],
  ["any id of a trusted domain", { ...both, expected: [] }, "tls", /mutual TLS/],
  [
    "another server than expected",
    { ...both, expected: ["spiffe://air.test/x"] },
    "tls-failed",
    /does not expect/,
  ],
  [
    "a caller of another domain",
    { ...both, expected: [], trusted: ["sea.test"] },
    "tls-failed",
    /trusts sea\.test only/,
  ],
  [
    "a domain that only begins alike",
    { ...both, expected: [], trusted: ["air"] },
    "tls-failed",
    /trusts air only/,
  ],
  ["a server without TLS", { ...both, expected: [], mode: "off" }, "tls-failed", /speaks no TLS/],
  ["a caller without identity, strict", { server: SERVER }, "plaintext-refused", /web-1 has no identity/],
  [
    "a caller without identity, permissive",
    { server: SERVER, mode: "permissive" },
    "plaintext",
    /lets plaintext in/,
  ],
  ["a server without identity", { caller: CALLER, mode: "off" }, "plaintext", /api-1 has no identity/],
  ["a server that is not ready for TLS", both, "plaintext-refused", /not every instance/],
];

for (const [about, given, outcome, text] of cases) {
  test(`TLS: ${about}`, () => {
    const choice = step(given);
    assert.equal(choice.outcome, outcome);
    assert.match(choice.hop.text, text);
  });
}
