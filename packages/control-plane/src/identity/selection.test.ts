import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bestIdentity,
  type IdentitySelector,
  matchingIdentities,
  type NamingContext,
  spiffeIdOf,
  trustDomainOf,
  usesWorkload,
} from "./selection.ts";

const universal: NamingContext = { zone: "zone-1", environment: "universal" };

function identity(
  name: string,
  matchLabels: Record<string, string> | undefined,
  spiffeID?: { trustDomain?: string; path?: string },
): IdentitySelector {
  const selector = matchLabels === undefined ? {} : { selector: { dataplane: { matchLabels } } };
  return { name, mesh: "default", labels: {}, spec: { ...selector, ...(spiffeID && { spiffeID }) } };
}

test("most labels win, then the smallest name; a missing selector takes nobody, an empty one everybody", () => {
  const identities = [
    identity("b-all", {}),
    identity("a-all", {}),
    identity("none", undefined),
    { ...identity("no-dataplane", {}), spec: { selector: {} } },
    identity("one", { app: "web" }),
    identity("two", { app: "web", version: "v1" }),
  ];
  const names = (labels: Record<string, string>): readonly string[] =>
    matchingIdentities(identities, labels).map(({ name }) => name);
  assert.deepEqual(names({ app: "web", version: "v1", more: "x" }), ["two", "one", "a-all", "b-all"]);
  assert.deepEqual(names({ app: "web" }), ["one", "a-all", "b-all"]);
  assert.equal(bestIdentity(identities, {})?.name, "a-all");
  assert.equal(bestIdentity([identity("one", { app: "web" })], { app: "api" }), undefined);
});

test("names are made from templates, with the defaults of the environment", () => {
  const labels = {
    "kuma.io/workload": "web",
    "k8s.kuma.io/namespace": "ns",
    "k8s.kuma.io/service-account": "sa",
    team: "blue",
  };
  const nameOf = (context: NamingContext, subject: IdentitySelector): unknown => {
    const id = spiffeIdOf(context, subject, labels);
    return id.ok ? id.value : id.error;
  };
  assert.equal(nameOf(universal, identity("i", {})), "spiffe://default.zone-1.mesh.local/workload/web");
  const kubernetes: NamingContext = { ...universal, environment: "kubernetes" };
  assert.equal(nameOf(kubernetes, identity("i", {})), "spiffe://default.zone-1.mesh.local/ns/ns/sa/sa");
  const synced = { ...identity("i", {}), labels: { "kuma.io/zone": "zone-9" } };
  assert.equal(nameOf(universal, synced), "spiffe://default.zone-9.mesh.local/workload/web");
  const own = identity("i", {}, { trustDomain: "td.example", path: '/t/{{ label "team" }}' });
  assert.equal(nameOf(universal, own), "spiffe://td.example/t/blue");
});

test("a missing label and an impossible name are errors with their field", () => {
  const errorOf = (subject: IdentitySelector, labels: Record<string, string>): string => {
    const id = spiffeIdOf(universal, subject, labels);
    return id.ok ? id.value : id.error;
  };
  assert.match(
    errorOf(identity("i", {}), {}),
    /^spec\.spiffeID\.path: the proxy has no label kuma\.io\/workload/,
  );
  const label = identity("i", {}, { path: '/{{ label "team" }}' });
  assert.match(errorOf(label, {}), /"team" is not set/);
  for (const path of ["", "a", "/", "/a//b", "/a/../b", "/a b", "/ü", "/a/", `/${"x".repeat(2048)}`]) {
    assert.match(errorOf(identity("i", {}, { path }), {}), /^spec\.spiffeID\.path gives /, path);
  }
  for (const trustDomain of ["", "TD", "a/b", "a b", "x".repeat(256)]) {
    assert.match(
      errorOf(identity("i", {}, { trustDomain }), {}),
      /^spec\.spiffeID\.trustDomain gives /,
      trustDomain,
    );
  }
  const domain = trustDomainOf(universal, identity("i", {}, { trustDomain: '{{ label "no" }}' }));
  assert.ok(!domain.ok);
});

test("it is known which identities name proxies by their workload", () => {
  const uses = (context: NamingContext, path?: string): boolean =>
    usesWorkload(context, identity("i", {}, path === undefined ? {} : { path }));
  assert.ok(uses(universal));
  assert.ok(!uses({ ...universal, environment: "kubernetes" }));
  assert.ok(uses(universal, '/x/{{ label "kuma.io/workload" }}'));
  assert.ok(uses(universal, "/x/{{.Workload}}"));
  assert.ok(!uses(universal, "/x/.Workload"));
  assert.ok(!uses(universal, "/x/{{ .Namespace }}"));
});
