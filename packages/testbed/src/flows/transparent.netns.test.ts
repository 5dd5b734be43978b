import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../poll.ts";
import { ALLOW_ALL, identity, idOf, LEGACY_MTLS, meshTls } from "./documents.ts";
import { applied, documents, MESH, meshYaml, policy } from "./scene.ts";
import { type RunningProxy, type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

const INBOUND = { port: 8080, protocol: "http" };
const UNIFIED = ["--transparent-proxy", "--unified-naming"];

const DENY_WEB = policy("MeshTrafficPermission", "not-web", {
  targetRef: { kind: "Dataplane", labels: { app: "api" } },
  rules: [{ default: { deny: [{ spiffeID: { type: "Exact", value: idOf("web") } }] } }],
});

/** The sum of a proxy's counters. */
async function count(proxy: RunningProxy, filter: string): Promise<number> {
  return [...(await proxy.stats(filter)).values()].reduce((sum, value) => sum + value, 0);
}

/** Waits until a proxy counts more than it did. */
async function counts(proxy: RunningProxy, filter: string, before = 0): Promise<void> {
  await until(`${filter} is more than ${before}`, async () => (await count(proxy, filter)) > before);
}

/** Addresses of a host, as URLs have them. */
function addresses(scene: TransparentScene, host: string): readonly string[] {
  const { ipv4, ipv6 } = scene.host(host);
  return [ipv4, `[${ipv6}]`];
}

test("an application that knows nothing of its proxy: strict and permissive, with and without passthrough, by both families", async () => {
  const hosts = ["web", "api", "outside"];
  const begin = documents(meshYaml(), identity(), ALLOW_ALL);
  await withTransparentScene({ hosts, documents: begin }, async (scene) => {
    const { world } = scene;
    await Promise.all([
      ...hosts.map((name) => scene.startApp(name)),
      scene.startApp("api", 9999, "undeclared"),
    ]);
    const networking = { inbound: [INBOUND] };
    const [web, api] = await Promise.all([
      scene.startProxy("web", { networking, args: UNIFIED }),
      scene.startProxy("api", { networking, args: UNIFIED }),
    ]);
    const own = scene.host("api");

    // Strict, as a MeshIdentity is: nobody without a certificate gets in, by no address and to no port.
    for (const address of addresses(scene, "api")) {
      for (const from of ["outside", "web"]) await scene.isRefused(from, `http://${address}:8080/`);
      await scene.isRefused("outside", `http://${address}:9999/`);
    }
    await counts(api, "listener.self_transparentproxy_passthrough_inbound_ipv4.no_filter_chain_match");
    // What stays on the machine does not come by its proxy.
    for (const address of ["127.0.0.1", "[::1]", own.ipv4, `[${own.ipv6}]`]) {
      assert.equal((await scene.reaches("api", `http://${address}:8080/`)).answer.service, "api");
      assert.equal((await scene.reaches("api", `http://${address}:9999/`)).answer.service, "undeclared");
    }
    assert.equal(await count(api, "^http.self_inbound_dp_8080.downstream_rq_2xx$"), 0);

    // What no outbound is for goes where it was going.
    for (const [family, address] of ["ipv4", "ipv6"].map(
      (name, i) => [name, addresses(scene, "outside")[i]] as const,
    )) {
      const { answer } = await scene.reaches("web", `http://${address}:8080/hello`);
      assert.equal(answer.service, "outside");
      assert.equal(answer.path, "/hello");
      await counts(web, `^cluster.self_transparentproxy_passthrough_outbound_${family}.upstream_cx_total$`);
    }

    // A control plane that is gone changes nothing.
    await world.killControlPlane();
    await scene.reaches("web", `http://${scene.host("outside").ipv4}:8080/`);
    await scene.isRefused("outside", `http://${own.ipv4}:8080/`);
    await world.startControlPlane();

    // Without passthrough it is refused at once, and the statistics say why.
    await applied(world, meshYaml({ networking: { outbound: { passthrough: false } } }));
    for (const address of addresses(scene, "outside")) {
      const begun = performance.now();
      await scene.isRefused("web", `http://${address}:8080/`);
      assert.ok(performance.now() - begun < 15_000);
    }
    await counts(web, "^tcp.self_transparentproxy_passthrough_outbound_ipv4.downstream_cx_no_route$");
    await counts(web, "^tcp.self_transparentproxy_passthrough_outbound_ipv6.downstream_cx_no_route$");
    await applied(world, meshYaml());
    for (const address of addresses(scene, "outside")) await scene.reaches("web", `http://${address}:8080/`);

    // Permissive: everybody gets in, also where no inbound is.
    await applied(world, meshTls({ mode: "Permissive" }));
    for (const address of addresses(scene, "api")) {
      const { answer } = await scene.reaches("web", `http://${address}:8080/`);
      assert.equal(answer.service, "api");
      assert.equal(answer.caller, null);
      assert.equal((await scene.reaches("outside", `http://${address}:9999/`)).answer.service, "undeclared");
    }
    await counts(api, "^http.self_inbound_dp_8080.downstream_rq_2xx$");
    await counts(api, "^cluster.self_transparentproxy_passthrough_inbound_ipv6.upstream_cx_total$");

    // The proxy's own ports lead nowhere, and not round and round.
    for (const port of [15001, 15006]) {
      for (const address of ["127.0.0.1", "[::1]", ...addresses(scene, "api")])
        await scene.isRefused("api", `http://${address}:${port}/`);
      for (const address of addresses(scene, "api"))
        await scene.isRefused("outside", `http://${address}:${port}/`);
    }
    const active = "^listener.self_transparentproxy_passthrough.*downstream_cx_active$";
    await until("no connection is left", async () => (await count(api, active)) === 0);
  });
});

test("a service by an address of its own, older names, one process: the outbounds of the Dataplane are where it says", async () => {
  const hosts = ["web", "api"];
  const begin = documents(
    meshYaml({ ...LEGACY_MTLS, meshServices: { mode: "Everywhere" } }),
    policy("MeshTrafficPermission", "everybody", {
      from: [{ targetRef: { kind: "Mesh" }, default: { action: "Allow" } }],
    }),
  );
  await withTransparentScene({ hosts, documents: begin }, async (scene) => {
    await Promise.all(hosts.map((name) => scene.startApp(name)));
    const transparentProxying = { redirectPortInbound: 15006, redirectPortOutbound: 15001 };
    const inbound = (service: string) => [{ ...INBOUND, tags: { "kuma.io/service": service } }];
    await scene.startProxy("api", {
      networking: { inbound: inbound("api"), transparentProxying },
      args: ["--lean"],
    });
    const backendRef = { kind: "MeshService", name: "api", port: 8080 };
    const web = await scene.startProxy("web", {
      networking: {
        inbound: inbound("web"),
        outbound: [
          { address: "240.0.0.7", port: 80, backendRef },
          { address: "fd00:fd00::7", port: 80, backendRef },
          { port: 10080, backendRef },
          { address: scene.host("web").ipv4, port: 10081, tags: { "kuma.io/service": "api" } },
        ],
        transparentProxying,
      },
      args: ["--lean"],
    });
    for (const address of [
      "240.0.0.7",
      "[fd00:fd00::7]",
      "127.0.0.1:10080",
      `${scene.host("web").ipv4}:10081`,
    ]) {
      const { answer } = await scene.reaches("web", `http://${address}/`);
      assert.equal(answer.service, "api");
      assert.equal(answer.caller, `spiffe://${MESH}/web`);
    }
    assert.ok((await count(web, "^http.kong-air-mesh_api__zone1_msvc_8080.downstream_rq_2xx$")) >= 3);
    // Another port of the address is nobody's; and nobody calls the service by its own address.
    await scene.isRefused("web", "http://240.0.0.7:81/");
    await scene.isRefused("web", `http://${scene.host("api").ipv4}:8080/`);
    await scene.world.killControlPlane();
    assert.equal((await scene.reaches("web", "http://240.0.0.7/")).answer.service, "api");
  });
});

test("unified names by the ports of the Dataplane: a service by an address of its own, and its instances by theirs", async () => {
  const hosts = ["web", "api"];
  const begin = documents(meshYaml(), identity(), ALLOW_ALL);
  await withTransparentScene({ hosts, documents: begin }, async (scene) => {
    await Promise.all(hosts.map((name) => scene.startApp(name)));
    const networking = { inbound: [INBOUND] };
    // Callers use an address that no inbound has: mesh TLS and permissions hold there as well.
    const advertisedAddress = scene.host("api").ipv6;
    const api = await scene.startProxy("api", {
      networking: { ...networking, advertisedAddress },
      args: UNIFIED,
    });
    const web = await scene.startProxy("web", {
      networking: {
        ...networking,
        outbound: [
          { address: "240.0.0.7", port: 80, backendRef: { kind: "MeshService", name: "api", port: 8080 } },
        ],
        transparentProxying: {
          redirectPortInbound: 15006,
          redirectPortOutbound: 15001,
          directAccessServices: ["*"],
        },
      },
      args: ["--unified-naming"],
    });
    for (const address of ["240.0.0.7", `${scene.host("api").ipv4}:8080`]) {
      const { answer } = await scene.reaches("web", `http://${address}/`);
      assert.equal(answer.service, "api");
      assert.equal(answer.caller, idOf("web"));
    }
    await counts(web, "^http.kri_msvc_kong-air-mesh_zone1__api_8080.downstream_rq_2xx$");
    await counts(web, "^cluster.direct_access.upstream_cx_total$");
    await counts(api, "^listener.self_transparentproxy_passthrough_inbound_ipv6.downstream_cx_total$");
    // The server name, too, is looked for at every address: by the port that was called, not by the listener's own.
    const sni = { type: "Exact", value: `sni.msvc.${MESH}.zone1.api.8080` };
    const byName = { spiffeID: { type: "Exact", value: idOf("web") }, sni };
    await applied(
      scene.world,
      policy("MeshTrafficPermission", "allow-all", { rules: [{ default: { allow: [byName] } }] }),
    );
    const { answer } = await scene.reaches("web", "http://240.0.0.7/");
    assert.equal(answer.caller, idOf("web"));
    await applied(scene.world, DENY_WEB);
    await until("web is refused by the service's permission", async () => {
      return (await scene.call("web", "http://240.0.0.7/")).status === 403;
    });
  });
});

test("a gateway of one's own: callers reach it directly, and what it calls goes by its proxy", async () => {
  const hosts = ["gateway", "api", "outside"];
  const begin = documents(meshYaml(), identity(), ALLOW_ALL);
  await withTransparentScene({ hosts, documents: begin }, async (scene) => {
    await Promise.all(hosts.map((name) => scene.startApp(name)));
    const rules = join(scene.network.dir, "rules.yaml");
    writeFileSync(rules, "redirect: {inbound: {enabled: false}}\n");
    const gateway = await scene.startProxy("gateway", {
      networking: {
        gateway: { tags: { "kuma.io/service": "gateway" } },
        transparentProxying: { directAccessServices: ["api"] },
      },
      installArgs: ["--config", rules],
      args: ["--unified-naming", "--transparent-proxy-config", rules],
    });
    await scene.startProxy("api", { networking: { inbound: [INBOUND] }, args: UNIFIED });
    for (const address of addresses(scene, "gateway"))
      assert.equal((await scene.reaches("outside", `http://${address}:8080/`)).answer.service, "gateway");
    const { answer } = await scene.reaches("gateway", `http://${scene.host("api").ipv4}:8080/`);
    assert.equal(answer.caller, idOf("gateway"));
    assert.equal((await gateway.stats("passthrough_inbound")).size, 0);
    await counts(gateway, "^cluster.direct_access.upstream_cx_total$");
  });
});
