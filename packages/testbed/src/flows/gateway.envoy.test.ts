import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { outsideCa } from "../outside/ca.ts";
import { callOverOneConnection, greetFromOutside } from "../outside/client.ts";
import { outsideServer } from "../outside/server.ts";
import { until } from "../poll.ts";
import { idOf, LEGACY_MTLS } from "./documents.ts";
import {
  below,
  echoed,
  GATEWAY,
  HTTP_PORT,
  HTTPS_PORT,
  httpRoute,
  meshGateway,
  secretOf,
  tcpRoute,
  to,
  withGateway,
} from "./gateway-scene.ts";
import { type Client, startLoad } from "./load.ts";
import {
  applied,
  deleted,
  documents,
  httpLoad,
  inSync,
  meshYaml,
  nothingLost,
  outOfSync,
  policy,
} from "./scene.ts";

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
            requestHeaderModifier: { set: [{ name: "x-airline-edge", value: "yes" }] },
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
    assert.equal(checkIn.headers["x-forwarded-proto"], "http");

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
    assert.equal(rewritten.headers["x-airline-edge"], "yes");

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

    // What a stranger says of who calls does not get in, and ambiguous headers do not either.
    const liar = { "x-forwarded-client-cert": "URI=spiffe://somebody", "x-forwarded-proto": "https" };
    const lied = echoed(await call({ host: "check-in.test", headers: liar }));
    assert.equal(lied.caller, idOf(GATEWAY));
    assert.equal(lied.headers["x-forwarded-proto"], "http");
    assert.equal((await call({ host: "check-in.test", headers: { x_caller: "me" } })).status, 400);

    // What is known of a proxy is known of a gateway.
    const base = `${world.controlPlane.api}/meshes/${world.mesh}/dataplanes/${GATEWAY}`;
    const read = async (view: string): Promise<string> => {
      const answer = await fetch(`${base}/${view}`);
      assert.equal(answer.status, 200, view);
      return await answer.text();
    };
    const blamed = await read("_blame?type=route");
    assert.match(blamed, /"kind":\s*"MeshHTTPRoute".*"name":\s*"portal"/s);
    assert.match(blamed, /"kind":\s*"MeshGateway".*"name":\s*"edge-gateway"/s);
    assert.match(await read("_blame?type=listener"), /"section":\s*"18080:\*\.shop\.test"/);
    const matched = JSON.parse(await read("policies")) as {
      kind: string;
      gateway: object;
      listeners: unknown[];
    };
    assert.deepEqual(
      [matched.kind, matched.gateway],
      ["MeshGatewayDataplane", { mesh: world.mesh, name: "edge-gateway" }],
    );
    assert.match(JSON.stringify(matched.listeners), /"hostName":"check-in\.test".*"kuma\.io\/service"/);
    assert.match(await read("_rules"), /MeshHTTPRoute/);
    await until("it has been seen", async () => (await fetch(`${base}/_config`)).status === 200);
    for (const view of ["_layout", "_policies", "_config", "_overview", "xds", "stats"]) await read(view);
    const inspected = await world.ctl(["inspect", "dataplane", GATEWAY, "-m", world.mesh, "--type=policies"]);
    assert.equal(inspected.code, 0, inspected.stderr);
    await inSync(world);
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
    await inSync(world);

    // A port that somebody else has is refused by Envoy; the status says whose it was to be, and all else goes on.
    const squatter = createServer().listen(HTTP_PORT + 2, gateway.address);
    t.after(() => squatter.close());
    await once(squatter, "listening");
    await world.apply(meshGateway([PLAIN, { port: HTTP_PORT + 2, protocol: "HTTP" }]));
    const refused = await until("the listener is refused", async () => {
      const [proxy] = (await outOfSync(world)) as { name: string; rejected: { name: string }[] }[];
      return proxy?.rejected[0] && JSON.stringify(proxy);
    });
    assert.match(refused, /"name":"edge-gateway:HTTP:18082"/);
    assert.match(refused, /kri_mgw_kong-air-mesh_zone1__edge-gateway_/);
    await becomes(200, { host: "x.test" });
    await applied(world, meshGateway([PLAIN]));
    await inSync(world);
  });
});

test("certificates by server name, renewed under traffic; bytes, and TLS that ends elsewhere", async (t) => {
  const ca = await outsideCa("Public CA");
  const [shop, desk, renewed] = [
    await ca.issue("shop", ["shop.test"]),
    await ca.issue("desk", ["*.desk.test"]),
    await ca.issue("shop renewed", ["shop.test"]),
  ];
  const [rsa, ecdsa] = [
    await ca.issue("with RSA", ["both.test"], "RSA"),
    await ca.issue("with ECDSA", ["both.test"]),
  ];
  const behind = await outsideServer("behind", await ca.issue("behind", ["behind.test"]));
  t.after(() => behind.close());
  const https = { port: HTTPS_PORT, protocol: "HTTPS", tags: { name: "secure" } };
  const ending = (secret: string) => ({ mode: "TERMINATE", certificates: [{ secret }] });
  const tls = { port: 19_443, protocol: "TLS" };
  const prepared = documents(
    secretOf("shop-cert", shop.cert, shop.key),
    secretOf("desk-cert", desk.key, desk.cert),
    secretOf("rsa-cert", rsa.cert, rsa.key),
    secretOf("ecdsa-cert", ecdsa.cert, ecdsa.key),
    meshGateway([
      { ...https, hostname: "shop.test", tls: ending("shop-cert") },
      { ...https, hostname: "*.desk.test", tls: ending("desk-cert") },
      { ...https, hostname: "late.test", tls: ending("late-cert") },
      { port: 19_000, protocol: "TCP", tags: { name: "bytes" } },
      { port: 19_001, protocol: "TCP", tags: { name: "bytes" }, resources: { connectionLimit: 1 } },
      { ...tls, hostname: "shop.test", tags: { name: "bytes" }, tls: ending("shop-cert") },
      {
        ...{ ...tls, hostname: "both.test", tags: { name: "bytes" } },
        tls: { mode: "TERMINATE", certificates: [{ secret: "rsa-cert" }, { secret: "ecdsa-cert" }] },
      },
      { ...tls, hostname: "behind.test", tags: { name: "behind" }, tls: { mode: "PASSTHROUGH" } },
    ]),
    httpRoute("shop", [below("/", to("check-in-api"))], { hostnames: ["shop.test", "late.test"] }),
    httpRoute("desk", [below("/", to("passenger-portal"))], { hostnames: ["*.desk.test"] }),
    tcpRoute("bytes", { name: "bytes" }, [{ kind: "MeshService", name: "flight-control", port: 8080 }]),
    tcpRoute("behind", { name: "behind" }, [{ kind: "MeshExternalService", name: "behind" }]),
    policy("MeshExternalService", "behind", {
      match: { type: "HostnameGenerator", port: 443, protocol: "tcp" },
      endpoints: [{ address: "127.0.0.1", port: behind.port }],
    }),
  );
  await withGateway(t, prepared, async ({ world, call, becomes, conditions, gateway }) => {
    const secure = (host: string, serverName = host) => ({
      ...{ host, port: HTTPS_PORT },
      tls: { ca: ca.pem, serverName },
    });
    const atShop = echoed(await becomes(200, secure("shop.test")));
    assert.deepEqual([atShop.service, atShop.caller], ["check-in-api", idOf(GATEWAY)]);
    assert.equal(atShop.headers["x-forwarded-proto"], "https");
    assert.equal(echoed(await becomes(200, secure("a.desk.test"))).service, "passenger-portal");
    const one = { address: gateway.address, port: HTTPS_PORT, ca: ca.pem };
    assert.deepEqual(
      await callOverOneConnection(one, ["shop.test", "a.desk.test", "shop.test"]),
      [200, 421, 200],
    );
    // A connection is for the name that it was opened for.
    assert.equal((await call(secure("shop.test", "a.desk.test"))).status, 421);
    assert.equal((await call(secure("else.test", "a.desk.test"))).status, 404);
    assert.equal((await call(secure("else.test"))).status, 0);
    assert.equal((await call({ host: "shop.test", port: HTTPS_PORT })).status, 0);
    assert.equal((await call(secure("late.test"))).status, 0);
    assert.ok((await conditions()).some((each) => each.includes('there is no Secret "late-cert"')));

    const { address } = gateway;
    assert.equal((await greetFromOutside({ address, port: 19_000 })).line, "flight-control");
    // Of connections there are as many as the listener takes, and another one when one has gone.
    const held = connect({ host: address, port: 19_001 });
    await once(held, "data");
    await assert.rejects(greetFromOutside({ address, port: 19_001 }), /closed|reset/i);
    held.destroy();
    await until("there is room again", async () => {
      return (await greetFromOutside({ address, port: 19_001 })).line === "flight-control";
    });
    const ended = { address, port: 19_443, tls: { ca: ca.pem, serverName: "shop.test" } };
    assert.deepEqual(await greetFromOutside(ended), { subject: "shop", line: "flight-control" });
    // Of two certificates a client gets the one that it can read.
    const both = async (ciphers: string) =>
      (await greetFromOutside({ ...ended, tls: { ca: ca.pem, serverName: "both.test", ciphers } })).subject;
    assert.equal(await both("ECDHE-RSA-AES128-GCM-SHA256"), "with RSA");
    assert.equal(await both("ECDHE-ECDSA-AES128-GCM-SHA256"), "with ECDSA");
    await becomes(200, { host: "behind.test", port: 19_443, tls: { ca: ca.pem } });
    assert.equal(behind.seen.at(-1)?.sni, "behind.test");

    // The certificate that was missing comes, one is renewed, one turns bad: nobody's connection is lost.
    const client: Client = {
      close: () => {},
      send: async () => {
        const { status, error } = await call(secure("shop.test"));
        return status === 200 ? undefined : `${status} ${error ?? ""}`;
      },
    };
    const loads = [startLoad(client, 30)];
    const late = await ca.issue("late", ["late.test"]);
    const draining = await listenersDrained(gateway.admin);
    await applied(world, secretOf("shop-cert", renewed.cert, renewed.key));
    await until("the renewed certificate is shown", async () => {
      const { subject } = await greetFromOutside(ended);
      return subject === "shop renewed";
    });
    assert.equal(await listenersDrained(gateway.admin), draining, "a certificate is no reason to drain");
    await applied(world, secretOf("desk-cert", desk.cert, renewed.key));
    assert.equal(echoed(await becomes(200, secure("b.desk.test"))).service, "passenger-portal");
    assert.ok(
      (await conditions()).some((each) => each.includes("what was stored before is used on")),
      (await conditions()).join("\n"),
    );
    await applied(world, secretOf("late-cert", late.cert, late.key));
    await becomes(200, secure("late.test"));
    await nothingLost(loads);
    await deleted(world, "secret", "late-cert");
    await until("nobody is let in without a certificate", async () => {
      return (await call(secure("late.test"))).status === 0;
    });
    await becomes(200, secure("shop.test"));
    await inSync(world);
  });
});

/** How many listeners have been replaced or taken away. */
async function listenersDrained(admin: (path: string) => Promise<string>): Promise<string> {
  return await admin("/stats?filter=listener_manager.listener_(modified|removed)");
}

test("a gateway of a mesh with its own CA and service tags starts again, and is told when nothing is left for it", async (t) => {
  const prepared = documents(
    meshGateway([PLAIN]),
    httpRoute("all", [below("/", { backendRefs: [{ kind: "MeshService", name: "check-in-api" }] })]),
  );
  const legacy = {
    mesh: meshYaml({ meshServices: { mode: "Disabled" }, ...LEGACY_MTLS }),
    issuing: policy("MeshTrafficPermission", "edge-only", {
      from: [
        {
          targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": GATEWAY } },
          default: { action: "Allow" },
        },
      ],
    }),
  };
  await withGateway(
    t,
    prepared,
    async ({ world, call, becomes, conditions, gateway }) => {
      assert.equal(echoed(await becomes(200, { host: "x.test" })).service, "check-in-api");
      // That somebody has connected is written down a moment after it serves.
      const inspected = await until("it is seen to be online", async () => {
        const shown = await world.ctl(["inspect", "dataplanes", "-m", world.mesh, "--gateway"]);
        assert.match(shown.stdout, /edge.*Online/);
        return shown;
      });
      assert.doesNotMatch(inspected.stdout, /check-in-api/);
      const served = await world.ctl(["inspect", "meshgateway", "edge-gateway", "-m", world.mesh]);
      assert.equal(served.stdout, `${GATEWAY}\n`, served.stderr);

      await gateway.child.kill();
      await until("the port is closed", async () => (await call({ host: "x.test" })).status === 0);
      await world.killControlPlane();
      await world.startControlPlane();
      const again = await world.startGateway(GATEWAY, 11);
      await becomes(200, { host: "x.test" });

      // A newer MeshGateway with the same tags takes over; without any, nothing listens and the plan says so.
      await applied(world, meshGateway([{ ...PLAIN, port: HTTP_PORT + 1 }], "newer-gateway"));
      await becomes(404, { host: "x.test", port: HTTP_PORT + 1 });
      await until(
        "the older one is served no more",
        async () => (await call({ host: "x.test" })).status === 0,
      );
      assert.ok((await conditions()).some((each) => each.startsWith('MeshGateway "edge-gateway" selects')));
      await deleted(world, "meshgateway", "newer-gateway");
      await becomes(200, { host: "x.test" });
      await deleted(world, "meshgateway", "edge-gateway");
      await until("nothing listens", async () => (await call({ host: "x.test" })).status === 0);
      assert.ok((await conditions()).some((each) => each.includes("no MeshGateway has a selector")));
      await applied(world, meshGateway([PLAIN]));
      await becomes(200, { host: "x.test" });

      await inSync(world);

      // It leaves: connections are asked to go, and the ones that come while it drains are served.
      const stopped = again.child.stop();
      assert.equal((await call({ host: "x.test" })).status, 200);
      await stopped;
    },
    legacy,
  );
});
