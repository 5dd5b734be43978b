import assert from "node:assert/strict";
import { test } from "node:test";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import type { IdentityStage } from "./identities.ts";
import { hasReached } from "./identities.ts";

const I0 = "kri_mid_default_east__i0_";
const I1 = "kri_mid_default_east__i1_";
const MTLS = "mtls/default/ca-1";
type Stages = Readonly<Record<string, IdentityStage | undefined>>;

const identityDocument = (name: string, labels: Readonly<Record<string, string>>, domain = "td") => ({
  type: "MeshIdentity",
  mesh: "default",
  name,
  spec: {
    selector: { dataplane: { matchLabels: labels } },
    spiffeID: { trustDomain: domain, path: "/{{ .Workload }}" },
    provider: {
      type: "Bundled",
      bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
    },
  },
});

/** The identity of a proxy of the workload `web`, and what is planned from it. */
function identityOf(
  documents: readonly unknown[],
  stages: Stages,
  { mtls = false, mode = "STRICT", labels = { app: "web", "kuma.io/workload": "web" } } = {},
) {
  const world = new World({ zone: ZONE });
  new Documents().put(
    world,
    {
      type: "Mesh",
      name: "default",
      meshServices: { mode: "Exclusive" },
      ...(mtls
        ? { mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin", mode }] } }
        : {}),
    },
    {
      type: "Dataplane",
      mesh: "default",
      name: "web-1",
      labels,
      networking: { address: "127.0.1.1", inbound: [{ port: 8080, tags: { "kuma.io/service": "web" } }] },
    },
    ...documents,
  );
  const { planner, stage } = world.mesh("default");
  for (const [issuer, value] of Object.entries(stages)) stage.set(issuer, value);
  const identity = planner.identity.at("web-1").get();
  return { ...identity, inbound: planner.plan.at("web-1").get()?.inbounds[0]?.shared.tls?.mode };
}

const everybody = identityDocument("i0", {});

test("stages are in order", () => {
  assert.equal(hasReached("calling", "serving"), true);
  assert.equal(hasReached("announced", "serving"), false);
  assert.equal(hasReached(undefined, "announced"), false);
});

type Expected = readonly [
  current: "mesh-identity" | "mesh-mtls" | undefined,
  acceptsTls: boolean,
  callers: string | undefined,
  inbound: string | undefined,
];
const table: readonly [about: string, mtls: boolean, stages: Stages, expected: Expected][] = [
  ["nothing is ready", false, {}, [undefined, false, undefined, undefined]],
  ["announced: known, and not used", false, { [I0]: "announced" }, [undefined, false, undefined, undefined]],
  [
    "serving: presented beside plaintext",
    false,
    { [I0]: "serving" },
    ["mesh-identity", false, "identity", "permissive"],
  ],
  ["calling: clients use it", false, { [I0]: "calling" }, ["mesh-identity", true, "identity", "permissive"]],
  [
    "enforced: nothing else is taken",
    false,
    { [I0]: "enforced" },
    ["mesh-identity", true, "identity", "strict"],
  ],
  ["the mesh's own CA, serving", true, { [MTLS]: "serving" }, ["mesh-mtls", false, "tags", "permissive"]],
  ["the mesh's own CA, enforced", true, { [MTLS]: "enforced" }, ["mesh-mtls", true, "tags", "strict"]],
  [
    "from one to the other, announced: both are expected",
    true,
    { [MTLS]: "enforced", [I0]: "announced" },
    ["mesh-mtls", true, "either", "strict"],
  ],
  [
    "from one to the other, serving: TLS all the time",
    true,
    { [MTLS]: "enforced", [I0]: "serving" },
    ["mesh-identity", true, "either", "strict"],
  ],
  [
    "from one to the other, calling",
    true,
    { [MTLS]: "enforced", [I0]: "calling" },
    ["mesh-identity", true, "either", "strict"],
  ],
  [
    "from one to the other, enforced",
    true,
    { [MTLS]: "enforced", [I0]: "enforced" },
    ["mesh-identity", true, "identity", "strict"],
  ],
];

for (const [about, mtls, stages, expected] of table) {
  test(`identity: ${about}`, () => {
    const { current, acceptsTls, callers, inbound } = identityOf([everybody], stages, { mtls });
    assert.deepEqual([current?.kind, acceptsTls, callers, inbound], expected);
  });
}

test("clients expect every id that may be presented", () => {
  const { ids } = identityOf([everybody], { [MTLS]: "enforced", [I0]: "announced" }, { mtls: true });
  assert.deepEqual(ids, ["spiffe://default/web", "spiffe://td/web"]);
});

test("certificates are wanted before they are presented", () => {
  const { certificates } = identityOf([everybody], { [MTLS]: "enforced", [I0]: "announced" }, { mtls: true });
  assert.deepEqual(
    certificates.map(({ issuer, secrets }) => [issuer, secrets]),
    [
      [I0, [I0]],
      [MTLS, ["system_mtls_identity_default", "identity_cert:secret:default"]],
    ],
  );
});

test("the identity that asks for most labels is used", () => {
  const documents = [identityDocument("i0", {}), identityDocument("i1", { app: "web" }, "other")];
  const { current } = identityOf(documents, { [I0]: "enforced", [I1]: "enforced" });
  assert.equal(current?.issuer, I1);
});

test("a label that the path needs and nobody set is a problem that is named", () => {
  const { current, problem } = identityOf(
    [everybody],
    { [I0]: "enforced" },
    { labels: { app: "web" } as never },
  );
  assert.equal(current, undefined);
  assert.match(problem ?? "", /kuma\.io\/workload/);
});

const better = [identityDocument("i0", {}), identityDocument("i1", { app: "web" }, "other")];
for (const stage of [undefined, "announced", "serving", "calling"] as const) {
  test(`a better identity in the making (${stage ?? "not ready"}) opens nothing that the other one closed`, () => {
    const { current, acceptsTls, inbound } = identityOf(better, { [I0]: "enforced", [I1]: stage });
    assert.notEqual(current, undefined);
    assert.equal(acceptsTls, true);
    assert.equal(inbound, "strict");
  });
}

test("a backend of the mesh may take plaintext", () => {
  const { inbound } = identityOf([], { [MTLS]: "enforced" }, { mtls: true, mode: "PERMISSIVE" });
  assert.equal(inbound, "permissive");
});
