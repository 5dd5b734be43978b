import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf } from "./documents.ts";
import {
  below,
  echoed,
  GATEWAY,
  HTTP_PORT,
  httpRoute,
  meshGateway,
  to,
  withGateway,
} from "./gateway-scene.ts";
import { applied, documents, httpLoad, nothingLost, outOfSync } from "./scene.ts";

const PLAIN = { port: HTTP_PORT, protocol: "HTTP" };

test("clients outside reach services of a strict mesh by the host that they name", async (t) => {
  const gateway = meshGateway([
    { ...PLAIN, tags: { name: "rest" } },
    { ...PLAIN, hostname: "*.shop.test", tags: { name: "shops" } },
  ]);
  const routes = documents(
    httpRoute("check-in", [below("/", to("check-in-api"))], { hostnames: ["check-in.test"] }),
    httpRoute("portal", [below("/", to("passenger-portal"))], { hostnames: ["*.shop.test"] }),
    httpRoute(
      "extras",
      [
        below("/moved", {}, [
          {
            type: "RequestRedirect",
            requestRedirect: { scheme: "https", hostname: "new.test", port: 443, statusCode: 301 },
          },
        ]),
        below("/v1", to("check-in-api"), [
          {
            type: "URLRewrite",
            urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" } },
          },
          {
            type: "RequestHeaderModifier",
            requestHeaderModifier: { set: [{ name: "x-edge", value: "yes" }] },
          },
        ]),
        below("/partner", { backendRefs: [{ kind: "MeshExternalService", name: "partner" }] }),
        below("/nowhere", { backendRefs: [{ kind: "MeshService", name: "nobody", port: 80 }] }),
        below("/split", {
          backendRefs: [
            { kind: "MeshService", name: "check-in-api", port: 8080, weight: 1 },
            { kind: "MeshService", name: "passenger-portal", port: 8080, weight: 1 },
          ],
        }),
      ],
      { tags: { name: "rest" } },
    ),
  );
  await withGateway(t, documents(gateway, routes), async ({ world, call, becomes, partner, conditions }) => {
    const checkIn = echoed(await becomes(200, { host: "check-in.test", path: "/x" }));
    assert.equal(checkIn.service, "check-in-api");
    assert.equal(checkIn.caller, idOf(GATEWAY));
    assert.equal(checkIn.headers["x-forwarded-for"] !== undefined, true);

    // A wildcard takes names of any depth, a port in the host changes nothing, and names know no case.
    for (const host of ["a.shop.test", "b.a.shop.test", "a.shop.test:18080", "A.Shop.TEST"]) {
      assert.equal(echoed(await becomes(200, { host })).service, "passenger-portal", host);
    }
    // What the route for a name leaves open falls to the one for all names; the wildcard's listener is another one.
    assert.equal((await call({ host: "shop.test" })).status, 404);
    assert.equal((await call({ host: "else.test", path: "/v3" })).status, 404);
    assert.equal(
      (await becomes(301, { host: "else.test", path: "/moved" })).headers.location,
      "https://new.test:443/moved",
    );

    const rewritten = echoed(await becomes(200, { host: "else.test", path: "/v1/x" }));
    assert.equal(rewritten.path, "/v2/x");
    assert.equal(rewritten.headers["x-edge"], "yes");
    assert.equal(rewritten.headers.host, "else.test");

    await becomes(200, { host: "else.test", path: "/partner" });
    assert.equal(partner.seen.at(-1)?.host, "partner.localhost");
    assert.equal(partner.seen.at(-1)?.callerCertificate, null);

    assert.match((await becomes(503, { host: "else.test", path: "/nowhere" })).body, /no backend of route/);
    const all = await conditions();
    assert.ok(
      all.some((each) => each.includes('there is no MeshService "nobody"')),
      all.join("\n"),
    );

    const split = new Set<string>();
    for (let i = 0; i < 60; i++) split.add(echoed(await call({ host: "else.test", path: "/split" })).service);
    assert.deepEqual([...split].sort(), ["check-in-api", "passenger-portal"]);

    // What a stranger says of who calls, and what only proxies may say, does not get in.
    const lied = echoed(
      await call({
        host: "check-in.test",
        headers: { "x-forwarded-client-cert": "URI=spiffe://somebody", "x-envoy-retry-on": "5xx" },
      }),
    );
    assert.equal(lied.headers["x-envoy-retry-on"], undefined);
    assert.doesNotMatch(lied.headers["x-forwarded-client-cert"] ?? "", /somebody/);
    assert.equal(lied.caller, idOf(GATEWAY));

    // A changed route reaches requests on open connections, and none is lost.
    const address = `http://check-in.test.localhost:${HTTP_PORT}/`;
    void address;
    assert.deepEqual(await outOfSync(world), []);
  });
});

test("routes change under traffic without losing a request", async (t) => {
  const plain = documents(meshGateway([PLAIN]), httpRoute("all", [below("/", to("check-in-api"))]));
  await withGateway(t, plain, async ({ world, becomes, gateway }) => {
    await becomes(200, { host: "x.test" });
    const url = `http://${gateway.address}:${HTTP_PORT}/`;
    const loads = [httpLoad(url, "kept", 60), httpLoad(url, "new", 30)];
    await applied(world, httpRoute("all", [below("/", to("passenger-portal"))]));
    assert.equal(echoed(await becomes(200, { host: "x.test" })).service, "passenger-portal");
    await applied(world, httpRoute("all", [below("/", to("passenger-portal", "check-in-api"))]));
    await applied(
      world,
      documents(
        meshGateway([PLAIN, { port: HTTP_PORT + 1, protocol: "HTTP" }]),
        httpRoute("other", [below("/other", to("check-in-api"))]),
      ),
    );
    await becomes(200, { host: "x.test", port: HTTP_PORT + 1 });
    assert.ok((await nothingLost(loads)) > 100);
    assert.deepEqual(await outOfSync(world), []);
  });
});
