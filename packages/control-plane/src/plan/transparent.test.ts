import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource, MeshResource } from "@skein/model";
import type { InboundTlsPlan } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { type NodeFacts, UNKNOWN_NODE } from "./node-facts.ts";
import type { Redirect } from "./redirect.ts";
import { redirectOf, TransparentPlans, transparentConditions } from "./transparent.ts";

const BOTH: Redirect = { outboundPort: 15_001, inboundPort: 15_006, ipv6: true };

function dataplane(transparentProxying: object): DataplaneResource {
  const networking = { address: "192.0.2.1", transparentProxying };
  return stored({ type: "Dataplane", mesh: "default", name: "web", networking }, 1) as DataplaneResource;
}

function mesh(spec: object): MeshResource {
  return stored({ type: "Mesh", name: "default", ...spec }, 1) as MeshResource;
}

test("what the launcher says counts, not the Dataplane; without IPv6 there is none to redirect", () => {
  const legacy = dataplane({ redirectPortInbound: 16_006, redirectPortOutbound: 16_001 });
  const of = (facts: Partial<NodeFacts>) => redirectOf(legacy, { ...UNKNOWN_NODE, ...facts });
  assert.deepEqual(of({}), { outboundPort: 16_001, inboundPort: 16_006, ipv6: true });
  assert.deepEqual(of({ redirect: BOTH }), BOTH);
  assert.deepEqual(of({ redirect: BOTH, ipv6: false }), { ...BOTH, ipv6: false });
  assert.equal(of({ bindOutbounds: true }).outboundPort, undefined);
});

test("ports are strict where the proxy asks for it and an inbound demands mesh TLS", () => {
  const plans = new TransparentPlans();
  const tls = (mode: InboundTlsPlan["mode"]): InboundTlsPlan => ({
    mode,
    certificateSecret: "c",
    validationSecret: "v",
    trustDomains: [],
  });
  const of = (strictInboundPorts: boolean, ...inbounds: readonly (InboundTlsPlan | undefined)[]) =>
    plans.of({
      redirect: BOTH,
      mesh: mesh({}),
      strictInboundPorts,
      inbounds: inbounds.map((each, i) => ({ inbound: { port: 8080 + i }, tls: each })),
    })?.strictPorts;
  assert.equal(of(true, undefined), false);
  assert.equal(of(true, tls("permissive")), false);
  assert.equal(of(true, tls("permissive"), tls("strict")), true);
  assert.equal(of(false, tls("strict")), false);
  assert.equal(of(true), false);
  // An inbound without an application still says how strict its proxy is.
  const inbounds = [{ inbound: { port: 49_151 }, tls: tls("strict") }];
  const plan = plans.of({ redirect: BOTH, mesh: mesh({}), strictInboundPorts: true, inbounds });
  assert.deepEqual([plan?.strictPorts, plan?.serviceless], [true, true]);
});

test("equal plans are one object, and nothing is planned where nothing is redirected", () => {
  const plans = new TransparentPlans();
  const input = { redirect: BOTH, strictInboundPorts: true, inbounds: [] };
  const closed = mesh({ networking: { outbound: { passthrough: false } } });
  assert.equal(plans.of({ ...input, mesh: mesh({}) }), plans.of({ ...input, mesh: mesh({}) }));
  assert.equal(plans.of({ ...input, mesh: mesh({}) })?.passthrough, true);
  assert.equal(plans.of({ ...input, mesh: closed })?.passthrough, false);
  const nothing = { outboundPort: undefined, inboundPort: undefined, ipv6: true };
  assert.equal(plans.of({ ...input, mesh: closed, redirect: nothing }), undefined);
});

test("direct access that comes to nothing is said", () => {
  const wanted = dataplane({ directAccessServices: ["redis"] });
  assert.deepEqual(transparentConditions(wanted, BOTH, UNKNOWN_NODE), []);
  const [condition] = transparentConditions(wanted, { ...BOTH, outboundPort: undefined }, UNKNOWN_NODE);
  assert.match(condition?.message ?? "", /directAccessServices has no effect/);
  assert.deepEqual(
    transparentConditions(dataplane({}), { ...BOTH, outboundPort: undefined }, UNKNOWN_NODE),
    [],
  );
});

test("a launcher that leaves names of the mesh to Envoy is told that nobody answers", () => {
  const facts = { envoyDnsPort: 15_054 };
  const [condition, ...others] = transparentConditions(dataplane({}), BOTH, facts);
  assert.equal(condition?.type, "NamesNotServed");
  assert.match(
    condition?.message ?? "",
    /Envoy's port 15054, where nothing answers; start it with KUMA_DNS_PROXY_PORT/,
  );
  assert.deepEqual(others, []);
  assert.deepEqual(transparentConditions(dataplane({}), { ...BOTH, outboundPort: undefined }, facts), []);
});
