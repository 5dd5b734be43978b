import assert from "node:assert/strict";
import { test } from "node:test";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";

const service = (name: string, labels: Readonly<Record<string, string>>, ports: readonly number[]) => ({
  type: "MeshService",
  mesh: "default",
  name,
  labels,
  spec: { ports: ports.map((port) => ({ port, targetPort: 8080 })) },
});

/** What a proxy with one outbound plans: its destination, or what is wrong. */
function target(outbound: Readonly<Record<string, unknown>>): string {
  const world = new World({ zone: ZONE });
  new Documents().put(
    world,
    { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } },
    service("z-old", { app: "api" }, [80]),
    service("a-new", { app: "api", "kuma.io/display-name": "api" }, [80, 81]),
    service("empty", {}, []),
    {
      type: "MeshExternalService",
      mesh: "default",
      name: "pay",
      labels: { team: "money" },
      spec: {
        match: { type: "HostnameGenerator", port: 443 },
        endpoints: [{ address: "192.0.2.1", port: 443 }],
      },
    },
    {
      type: "MeshMultiZoneService",
      mesh: "default",
      name: "apis",
      spec: { selector: { meshService: { matchLabels: { app: "api" } } }, ports: [{ port: 80 }] },
    },
    {
      type: "Dataplane",
      mesh: "default",
      name: "web-1",
      networking: {
        address: "127.0.1.1",
        inbound: [{ port: 8080, tags: { "kuma.io/service": "web" } }],
        outbound: [{ port: 10080, ...outbound }],
      },
    },
  );
  const plan = world.mesh("default").planner.plan.at("web-1").get();
  return plan?.outbounds[0]?.upstream.destination.kri ?? plan?.conditions[0]?.message ?? "";
}
const ref = (fields: Readonly<Record<string, unknown>>) => ({
  backendRef: { kind: "MeshService", port: 80, ...fields },
});

const external = (fields: Readonly<Record<string, unknown>>) => ({
  backendRef: { kind: "MeshExternalService", ...fields },
});
const multiZone = (name: string, port: number) => ({
  backendRef: { kind: "MeshMultiZoneService", name, port },
});

const cases: readonly [
  about: string,
  outbound: Readonly<Record<string, unknown>>,
  expected: string | RegExp,
][] = [
  ["by name", ref({ name: "a-new" }), "kri_msvc_default_east__api_80"],
  ["by display name", ref({ name: "api", port: 81 }), "kri_msvc_default_east__api_81"],
  ["by labels, the oldest", ref({ labels: { app: "api" } }), "kri_msvc_default_east__z-old_80"],
  [
    "by a name that nobody has",
    ref({ name: "nowhere" }),
    /^networking\.outbound\[0\]: there is no MeshService "nowhere"$/,
  ],
  ["by labels that nobody has", ref({ labels: { app: "x" } }), /no MeshService has the labels \{"app":"x"\}/],
  ["a port that is not there", ref({ name: "a-new", port: 99 }), /has no port 99 \(its ports: 80, 81\)/],
  ["a service without ports", ref({ name: "empty" }), /has no port 80 \(its ports: none\)/],
  ["by tag", { tags: { "kuma.io/service": "z-old" } }, "kri_msvc_default_east__z-old_80"],
  ["of an external service", external({ name: "pay" }), "kri_extsvc_default_east__pay_443"],
  [
    "of an external service by labels",
    external({ labels: { team: "money" } }),
    "kri_extsvc_default_east__pay_443",
  ],
  [
    "of an external service by another port",
    external({ name: "pay", port: 80 }),
    /MeshExternalService "pay" has no port 80 \(its ports: 443\)/,
  ],
  [
    "of an external service that is not there",
    external({ name: "nowhere" }),
    /^networking\.outbound\[0\]: there is no MeshExternalService "nowhere"$/,
  ],
  ["of several services in one", multiZone("apis", 80), "kri_mzsvc_default___apis_80"],
  [
    "of several by a port that it has not",
    multiZone("apis", 81),
    /MeshMultiZoneService "apis" has no port 81/,
  ],
];

for (const [about, outbound, expected] of cases) {
  test(`an outbound ${about}`, () => {
    const found = target(outbound);
    if (typeof expected === "string") assert.equal(found, expected);
    else assert.match(found, expected);
  });
}
