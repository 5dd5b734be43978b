import assert from "node:assert/strict";
import { test } from "node:test";
import { AIRLINE, allow, ask, IDENTITY } from "./testing/airline.ts";

const GATEWAY = `
---
type: Dataplane
mesh: default
name: edge-1
labels: {app: edge, kuma.io/workload: edge}
networking:
  address: 127.0.1.9
  gateway: {type: BUILTIN, tags: {kuma.io/service: edge}}
---
type: MeshGateway
mesh: default
name: outer
selectors: [{match: {kuma.io/service: edge}}]
conf: {listeners: [{port: 80, protocol: HTTP}, {port: 90, protocol: TCP}]}
`;
const ROUTES = `
---
type: MeshHTTPRoute
mesh: default
name: r
spec:
  targetRef: {kind: MeshGateway, name: outer}
  to:
    - targetRef: {kind: Mesh}
      hostnames: [air.test]
      rules:
        - matches: [{path: {type: PathPrefix, value: /in}}]
          default: {backendRefs: [{kind: MeshService, name: check-in, port: 8080}]}
---
type: MeshTCPRoute
mesh: default
name: t
spec:
  targetRef: {kind: MeshGateway, name: outer}
  to: [{targetRef: {kind: Mesh}, rules: [{default: {backendRefs: [{kind: MeshService, name: radar, port: 9000}]}}]}]
`;

test("a gateway calls what its routes lead to, and the called one decides as for anybody", () => {
  const world = AIRLINE + IDENTITY + GATEWAY + ROUTES;
  const allowed = ask(world + allow("edge"), "edge", "check-in");
  assert.equal(allowed.verdict, "allowed");
  const hop = allowed.hops.find(({ at }) => at === "outbound");
  assert.match(hop?.text ?? "", /^clients of MeshGateway "outer" are sent there by a route/);
  assert.deepEqual(
    hop?.facts.find(({ name }) => name === "route air.test:80"),
    {
      name: "route air.test:80",
      value: "PathPrefix /in",
      origin: { policy: "kri_mhttpr_default_east__r_", rule: "to[0].rules[0]" },
    },
  );
  const denied = ask(world + allow("portal"), "edge", "check-in");
  assert.equal(denied.verdict, "denied");
  assert.equal(ask(world + allow("edge"), "edge", "radar").verdict, "allowed");
});

test("where no route leads, the remedy is a route and not an outbound", () => {
  const answer = ask(AIRLINE + IDENTITY + GATEWAY, "edge", "check-in");
  assert.equal(answer.verdict, "no-outbound");
  assert.match(answer.reason, /^no route of MeshGateway "outer" leads there from edge-1/);
  assert.match(
    JSON.stringify(answer.remedy?.document),
    /"type":"MeshHTTPRoute".*"name":"outer".*"port":8080/,
  );
});
