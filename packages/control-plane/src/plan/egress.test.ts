import assert from "node:assert/strict";
import { test } from "node:test";
import { verdict } from "@skein/policies";
import type { PermissionPlan } from "@skein/policies/mesh-traffic-permission/plan";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import { destinationKey } from "./destination-keys.ts";
import type { IdentityStage } from "./identities.ts";

const ISSUER = "kri_mid_default_east__everybody_";
const PAY = destinationKey("MeshExternalService", "pay", 443);

/** `web` calls `pay` outside; there may be egresses. */
class Leaving {
  readonly world = new World({ zone: ZONE });
  readonly #documents = new Documents();

  constructor(mesh: object = {}) {
    this.put(
      {
        type: "Mesh",
        name: "default",
        meshServices: { mode: "Exclusive" },
        routing: { zoneEgress: true },
        ...mesh,
      },
      this.dataplane("web", {
        inbound: [{ port: 80 }],
        outbound: [{ port: 10080, backendRef: { kind: "MeshExternalService", name: "pay" } }],
      }),
      {
        type: "MeshExternalService",
        mesh: "default",
        name: "pay",
        spec: {
          match: { type: "HostnameGenerator", port: 443, protocol: "http" },
          endpoints: [{ address: "pay.example", port: 443 }],
        },
      },
    );
  }

  put(...documents: readonly object[]): void {
    this.#documents.put(this.world, ...documents);
  }

  drop(type: string, name: string): void {
    this.#documents.delete(this.world, type, "default", name);
  }

  dataplane(name: string, networking: object): object {
    return {
      type: "Dataplane",
      mesh: "default",
      name,
      labels: { app: name, "kuma.io/workload": name },
      networking: { address: "127.0.1.1", ...networking },
    };
  }

  egress(name: string, address: string, more: object = {}): void {
    this.put(this.dataplane(name, { address, listeners: [{ type: "ZoneEgress", port: 10_002, ...more }] }));
  }

  /** Gives everybody, or one application, certificates that have got this far. */
  identify(stage: IdentityStage, matchLabels: object = {}): void {
    this.put({
      type: "MeshIdentity",
      mesh: "default",
      name: "everybody",
      spec: {
        selector: { dataplane: { matchLabels } },
        spiffeID: { trustDomain: "air.test", path: "/{{ .Workload }}" },
        provider: {
          type: "Bundled",
          bundled: { insecureAllowSelfSigned: true, autogenerate: { enabled: true } },
        },
      },
    });
    this.#mesh.stage.set(ISSUER, stage);
  }

  plan(name: string) {
    return this.#mesh.planner.plan.at(name).get() ?? assert.fail(`${name} has no plan`);
  }

  get way() {
    return this.plan("web").outbounds[0]?.upstream ?? assert.fail("web has no outbound");
  }

  get called(): readonly string[] {
    const { localities } = this.#mesh.planner.endpoints.at(PAY).get();
    return localities.flatMap(({ endpoints }) => endpoints.map(({ address, port }) => `${address}:${port}`));
  }

  get #mesh() {
    return this.world.mesh("default");
  }
}

test("callers go to the listeners that are ready, and expect the ids of those proxies only", () => {
  const mesh = new Leaving();
  mesh.identify("enforced");
  mesh.egress("egress-1", "127.0.1.8");
  mesh.egress("egress-2", "127.0.1.9");
  assert.deepEqual(mesh.called, ["127.0.1.8:10002", "127.0.1.9:10002"]);
  assert.deepEqual(mesh.way.tls?.serverIds, ["spiffe://air.test/egress-1", "spiffe://air.test/egress-2"]);
  assert.equal(mesh.way.tls?.sni, "sni.extsvc.default.east.pay.443");
  assert.equal("external" in mesh.way, false);
  mesh.egress("egress-1", "127.0.1.8", { state: "NotReady" });
  assert.deepEqual(mesh.called, ["127.0.1.9:10002"]);
  assert.equal(mesh.plan("egress-1").egresses?.length, 1, "who is on its way out still serves");
  mesh.drop("Dataplane", "egress-2");
  assert.match(mesh.way.external?.problem ?? "", /\(egress-1: its listener is not Ready\)/);
});

test("an egress that nobody can know is none, and callers are told what is wrong", () => {
  const mesh = new Leaving();
  mesh.egress("egress-1", "127.0.1.8");
  assert.match(mesh.way.external?.problem ?? "", /\(egress-1: no MeshIdentity gives it an identity\)/);
  assert.deepEqual(
    mesh.plan("egress-1").conditions.map(({ type }) => type),
    ["EgressNotServing"],
  );
  mesh.identify("serving");
  assert.match(mesh.way.external?.problem ?? "", /\(egress-1: its identity is not in use yet\)/);
  assert.equal(mesh.plan("egress-1").egresses?.length, 1, "it serves before it is called");
  mesh.identify("calling");
  assert.deepEqual(mesh.called, ["127.0.1.8:10002"]);
  mesh.put({
    type: "Mesh",
    name: "default",
    meshServices: { mode: "Everywhere" },
    routing: { zoneEgress: true },
  });
  assert.match(mesh.way.external?.problem ?? "", /meshServices\.mode of Mesh "default" is not Exclusive/);
});

test("a caller without an identity is told that it needs one", () => {
  const mesh = new Leaving();
  mesh.egress("egress-1", "127.0.1.8");
  mesh.identify("enforced", { app: "egress-1" });
  assert.match(mesh.way.external?.problem ?? "", /takes mesh TLS only, and this proxy has no identity/);
  assert.deepEqual(
    mesh.plan("web").conditions.map(({ type }) => type),
    ["UnavailableDestination"],
  );
});

test("an egress serves before the mesh is left through it, and callers go past it until then", () => {
  const mesh = new Leaving({ routing: {} });
  mesh.identify("enforced");
  mesh.egress("egress-1", "127.0.1.8");
  assert.equal(mesh.plan("egress-1").egresses?.[0]?.chains.length, 1);
  assert.deepEqual(mesh.called, []);
  assert.equal(mesh.way.external?.endpoints.length, 1);
});

test("what the mesh forbids by default does not count where an egress decides", () => {
  const mesh = new Leaving({ routing: { zoneEgress: true, defaultForbidMeshExternalServiceAccess: true } });
  mesh.identify("enforced");
  mesh.egress("egress-1", "127.0.1.8");
  assert.deepEqual(mesh.plan("web").conditions, []);
  assert.notEqual(mesh.way.tls, undefined);
});

test("a permission for one section is not one for the other; without any nobody is let out", () => {
  const mesh = new Leaving();
  mesh.identify("enforced");
  mesh.put(
    mesh.dataplane("egress-1", {
      address: "127.0.1.8",
      listeners: [
        { type: "ZoneEgress", port: 10_002, name: "open" },
        { type: "ZoneEgress", port: 10_003, name: "closed" },
      ],
    }),
    {
      type: "MeshTrafficPermission",
      mesh: "default",
      name: "p",
      spec: {
        targetRef: {
          kind: "Dataplane",
          labels: { "kuma.io/listener-zoneegress": "enabled" },
          sectionName: "open",
        },
        rules: [
          {
            default: {
              allow: [
                {
                  spiffeID: { type: "Exact", value: "spiffe://air.test/web" },
                  sni: { type: "Exact", value: "sni.extsvc.default.east.pay.443" },
                },
              ],
            },
          },
        ],
      },
    },
  );
  const { egresses = [] } = mesh.plan("egress-1");
  const letsOut = (section: string, id: string): boolean => {
    const [chain] = egresses.find((each) => each.section === section)?.chains ?? [];
    const permissions = chain?.policies.MeshTrafficPermission as PermissionPlan;
    return verdict(permissions, { uris: [id], sni: chain?.destination.sni }).allowed;
  };
  assert.deepEqual(
    [
      letsOut("open", "spiffe://air.test/web"),
      letsOut("open", "spiffe://air.test/other"),
      letsOut("closed", "spiffe://air.test/web"),
    ],
    [true, false, false],
  );
  const clusters = egresses.flatMap(({ chains }) => chains.map(({ clusterName }) => clusterName));
  assert.deepEqual(clusters, [
    "kri_extsvc_default_east__pay_443",
    "self_zoneegress_dp_closed_kri_extsvc_default_east__pay_443",
  ]);
});

test("egresses that have a service alike share its plan", () => {
  const mesh = new Leaving();
  mesh.identify("enforced");
  mesh.egress("egress-1", "127.0.1.8");
  mesh.egress("egress-2", "127.0.1.9");
  const [one, other] = ["egress-1", "egress-2"].map((name) => mesh.plan(name).egresses?.[0]?.chains[0]);
  assert.ok(one !== undefined && one === other);
});

test("what only inbounds ask about has no say, and the egress says so", () => {
  const mesh = new Leaving();
  mesh.identify("enforced");
  mesh.egress("egress-1", "127.0.1.8");
  const everybody = { kind: "Mesh" };
  const rego = { inlineString: "package a\nallow := false" };
  const backend = { rateLimitService: { url: "http://127.0.0.1:10003" } };
  const http = { requestRate: { num: 1, interval: "1s" } };
  mesh.put(
    {
      type: "MeshOPA",
      mesh: "default",
      name: "o",
      spec: { targetRef: everybody, default: { appendPolicies: [{ rego }] } },
    },
    {
      type: "MeshGlobalRateLimit",
      mesh: "default",
      name: "g",
      spec: { targetRef: everybody, from: [{ targetRef: everybody, default: { backend, http } }] },
    },
  );
  const { egresses = [], conditions } = mesh.plan("egress-1");
  const policies = egresses.flatMap(({ chains }) => chains.flatMap((chain) => Object.keys(chain.policies)));
  assert.ok(policies.includes("MeshTrafficPermission"));
  assert.ok(!policies.includes("MeshOPA") && !policies.includes("MeshGlobalRateLimit"), policies.join());
  assert.deepEqual(
    conditions.map(({ type, message }) => `${type}: ${message}`),
    [
      'NoEffectAtEgress: MeshGlobalRateLimit "g" has no effect at ZoneEgress listener 10002: it is about inbounds',
      'NoEffectAtEgress: MeshOPA "o" has no effect at ZoneEgress listener 10002: it is about inbounds',
    ],
  );
});
