import assert from "node:assert/strict";
import { test } from "node:test";
import { AIRLINE, IDENTITY, policy, worldOf } from "../explain/testing/airline.ts";

test("services are generated, identities rolled out, and their domains trusted", () => {
  const { world, resources } = worldOf(AIRLINE + IDENTITY);
  assert.deepEqual(
    resources
      .filter(({ type }) => type === "MeshService")
      .map(({ name }) => name)
      .sort(),
    ["check-in", "portal", "radar"],
  );
  const plan = world.mesh("default").planner.plan.at("portal-1").get();
  assert.deepEqual(plan?.identity?.uris, ["spiffe://air.test/portal"]);
  const tls = plan?.inbounds[0]?.shared.tls;
  assert.deepEqual([tls?.mode, tls?.trustDomains], ["strict", ["air.test"]]);
  assert.ok(plan?.outbounds[0]?.upstream.tls !== undefined, "clients use TLS");
});

test("a service of the files is taken as it is", () => {
  const own = policy("MeshService", "radar", {
    selector: { dataplaneLabels: { matchLabels: { app: "radar" } } },
    ports: [{ port: 80, targetPort: 9000, appProtocol: "tcp" }],
  });
  const { world } = worldOf(AIRLINE + own);
  assert.deepEqual(
    world
      .mesh("default")
      .index.service.at("radar")
      .get()
      ?.spec.ports?.map(({ port }) => port),
    [80],
  );
});

test("a mesh brings its default policies, unless a file has them or the mesh wants none", () => {
  const names = (yaml: string) => worldOf(yaml).resources.filter(({ type }) => type === "MeshTimeout");
  assert.equal(names(AIRLINE).length, 0);
  const usual = AIRLINE.replace('skipCreatingInitialPolicies: ["*"]', "");
  assert.equal(names(usual).length, 2);
  const own = policy("MeshTimeout", "mesh-timeout-all-default", {
    to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1s" } }],
  });
  assert.equal(names(usual + own).length, 2);
});
