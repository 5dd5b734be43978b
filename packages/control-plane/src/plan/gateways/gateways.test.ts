import assert from "node:assert/strict";
import { test } from "node:test";
import { AIRLINE, policy, worldOf } from "../../explain/testing/airline.ts";
import { PEM } from "../../pipeline/testing/certificates.ts";

const document = (type: string, name: string, fields: object) =>
  `\n---\n${JSON.stringify({ type, mesh: "default", name, ...fields })}\n`;
const EDGE = document("Dataplane", "edge-1", {
  labels: { app: "edge", "kuma.io/workload": "edge" },
  networking: {
    address: "127.0.1.9",
    gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge", tier: "outer" } },
  },
});
const HTTP = { port: 80, protocol: "HTTP" };
const meshGateway = (listeners: readonly object[], match: object = {}, name = "g") =>
  document("MeshGateway", name, {
    selectors: [{ match: { "kuma.io/service": "edge", ...match } }],
    conf: { listeners },
  });
const ending = (...names: readonly string[]) => ({
  mode: "TERMINATE",
  certificates: names.map((secret) => ({ secret })),
});
const secret = (name: string, ...texts: readonly string[]) =>
  document("Secret", name, { data: Buffer.from(texts.join("")).toString("base64") });
const ref = (name: string, port = 8080) => ({ kind: "MeshService", name, port });
const route = (
  name: string,
  backendRefs: readonly object[],
  { tags, hostnames, path = "/" }: { tags?: object; hostnames?: readonly string[]; path?: string } = {},
) =>
  policy("MeshHTTPRoute", name, {
    targetRef: { kind: "MeshGateway", name: "g", ...(tags === undefined ? {} : { tags }) },
    to: [
      {
        targetRef: { kind: "Mesh" },
        ...(hostnames === undefined ? {} : { hostnames }),
        rules: [{ matches: [{ path: { type: "PathPrefix", value: path } }], default: { backendRefs } }],
      },
    ],
  });

function planned(yaml: string) {
  const { world } = worldOf(AIRLINE + EDGE + yaml);
  const mesh = world.mesh("default");
  const plan = mesh.planner.plan.at("edge-1").get();
  assert.ok(plan !== undefined);
  const chains = plan.gateway?.ports.flatMap((port) => port.chains) ?? [];
  return {
    plan,
    chains: chains.map(({ name }) => name),
    hosts: chains.flatMap(({ hosts }) => hosts),
    conditions: plan.conditions.map(({ type, message }) => `${type}: ${message}`),
    config: mesh.config.at("edge-1").get(),
  };
}

/** By host name, the paths of its routes with the policy of each. */
function table({ hosts }: ReturnType<typeof planned>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    hosts.flatMap(({ virtualHosts }) =>
      virtualHosts.map(({ hostname, routes }) => [
        hostname,
        routes.map(({ match, policy: kri }) => `${match.path?.value} ${kri.split("_").at(-2)}`),
      ]),
    ),
  );
}

test("of two MeshGateways the one with more matching tags is served", () => {
  const both = meshGateway([HTTP]) + meshGateway([{ ...HTTP, port: 81 }], { tier: "outer" }, "better");
  const { plan, conditions } = planned(both);
  assert.equal(plan.gateway?.name, "better");
  assert.ok(conditions.some((each) => each.startsWith('OverruledMeshGateway: MeshGateway "g" selects')));
  assert.match(planned(meshGateway([HTTP], { tier: "inner" })).conditions.join(), /^NoMeshGateway: /);
});

test("rules for fewer hosts come first, and what they leave open falls to the others", () => {
  const found = planned(
    meshGateway([HTTP]) +
      route("all", [ref("check-in")], { path: "/a" }) +
      route("wild", [ref("check-in")], { hostnames: ["*.air.test"], path: "/b" }) +
      route("whole", [ref("check-in")], { hostnames: ["X.air.test"], path: "/" }),
  );
  assert.deepEqual(table(found), {
    "x.air.test": ["/ whole"],
    "*.air.test": ["/b wild", "/a all"],
    "*": ["/a all"],
  });
});

test("a listener gets the hosts for which none of its port is more specific", () => {
  const listeners = [
    { ...HTTP, tags: { name: "rest" } },
    { ...HTTP, hostname: "*.air.test", tags: { name: "air" } },
  ];
  const found = planned(
    meshGateway(listeners) +
      route("rest", [ref("check-in")], { hostnames: ["x.air.test", "else.test"], tags: { name: "rest" } }),
  );
  assert.deepEqual(table(found), { "*.air.test": [], "else.test": ["/ rest"], "*": [] });
  assert.match(
    found.conditions.join("\n"),
    /UnattachedHostname: .*hostnames\[0\]: no listener .* "x\.air\.test"/,
  );
  assert.doesNotMatch(found.conditions.join("\n"), /else\.test/);
});

test("a bad certificate takes its own listener away and no other", () => {
  const pair = [PEM["leaf.pem"], PEM["leaf-key.pem"]];
  const https = (hostname: string, ...names: readonly string[]) => ({
    ...{ port: 443, protocol: "HTTPS", hostname, tls: ending(...names) },
  });
  const { chains, conditions, config, plan } = planned(
    meshGateway([
      https("good.test", "good"),
      https("none.test", "absent"),
      https("key.test", "no-key"),
      https("cert.test", "no-certificate"),
      https("other.test", "other-key"),
      https("twice.test", "good", "same-type"),
    ]) +
      secret("good", ...pair) +
      secret("same-type", ...pair.toReversed()) +
      secret("no-key", PEM["leaf.pem"]) +
      secret("no-certificate", PEM["leaf-key.pem"]) +
      secret("other-key", PEM["ca.pem"], PEM["leaf-key.pem"]),
  );
  assert.deepEqual(chains, ["g:HTTPS:443:twice.test", "g:HTTPS:443:good.test"]);
  const said = conditions.filter((each) => each.startsWith("InvalidCertificate")).join("\n");
  assert.match(said, /listeners\[1\]: tls\.certificates\[0\]: there is no Secret "absent"/);
  assert.match(said, /listeners\[2\]: .* Secret "no-key" holds no private key in PEM form/);
  assert.match(said, /listeners\[3\]: .* Secret "no-certificate" holds no certificate in PEM form/);
  assert.match(said, /listeners\[4\]: .* Secret "other-key" holds a private key that is not the one/);
  assert.match(said, /listeners\[5\]: tls\.certificates\[1\]: has a key of type ECDSA as the one before/);
  assert.deepEqual([...(config?.secrets.keys() ?? [])], ["system_gateway_cert/secret/good"]);
  assert.deepEqual(config?.missing, []);
  const [good] = plan.gateway?.ports[0]?.chains.filter(({ serverName }) => serverName === "good.test") ?? [];
  assert.ok(good?.misdirected.includes("none.test"));
});

test("listeners whose policies say the same of a destination share its cluster, others do not", () => {
  const listeners = [
    { ...HTTP, tags: { name: "a" } },
    { ...HTTP, port: 81, tags: { name: "b" } },
    { ...HTTP, port: 82, tags: { name: "c" } },
  ];
  const timeout = (name: string, tags: object) =>
    policy("MeshTimeout", name, {
      targetRef: { kind: "MeshGateway", name: "g", tags },
      to: [{ targetRef: { kind: "Mesh" }, default: { connectionTimeout: "3s" } }],
    });
  const incoming = policy("MeshTimeout", "in", {
    targetRef: { kind: "MeshGateway", name: "g", tags: { name: "b" } },
    rules: [{ default: { idleTimeout: "3s" } }],
  });
  const base = meshGateway(listeners) + route("r", [ref("check-in")]);
  const clusters = (yaml: string) => planned(yaml).plan.backends.map(({ upstream }) => upstream.clusterName);
  assert.equal(clusters(base).length, 1);
  const [usual = ""] = clusters(base);
  assert.deepEqual(clusters(base + incoming), [usual], "it says nothing of calls");
  assert.deepEqual(clusters(base + timeout("t", { name: "b" })), [usual, `${usual}@81:*`]);
  const { hosts } = planned(base + timeout("t", { name: "b" }));
  const used = hosts.flatMap(({ backends }) =>
    Object.values(backends).map((backend) => (backend.kind === "resolved" ? backend.clusterName : "")),
  );
  assert.deepEqual(used, [usual, `${usual}@81:*`, usual]);
});

test("a route for a protocol that none of its listeners has is said", () => {
  const bytes = { port: 90, protocol: "TCP", tags: { name: "bytes" } };
  const { conditions, chains } = planned(
    meshGateway([HTTP, bytes]) + route("r", [ref("check-in")], { tags: { name: "bytes" } }),
  );
  assert.deepEqual(chains, ["g:HTTP:80:*"]);
  assert.match(conditions.join("\n"), /RouteOfOtherProtocol: .*__r_ has no effect here: .*MeshTCPRoute/);
  assert.match(
    conditions.join("\n"),
    /NoRoutes: .*listeners\[1\]: no MeshTCPRoute selects it, so nothing listens/,
  );
  assert.match(conditions.join("\n"), /NoRoutes: .*listeners\[0\]: no MeshHTTPRoute/);
});
