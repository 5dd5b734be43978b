import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { outsideCa } from "../outside/ca.ts";
import { type OutsideServer, outsideServer, type SeenOutside } from "../outside/server.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { get, httpClient, startLoad } from "./load.ts";
import {
  applied,
  deleted,
  documents,
  httpLoad,
  inSync,
  MESH,
  meshYaml,
  nothingLost,
  policy,
  reachable,
  resource,
  withScene,
} from "./scene.ts";

const NAME = "bookings.localhost";

/** A MeshExternalService for HTTP. */
function external(name: string, endpoints: readonly object[], tls?: object): string {
  return policy("MeshExternalService", name, {
    match: { type: "HostnameGenerator", port: 80, protocol: "http" },
    endpoints,
    ...(tls === undefined ? {} : { tls: { enabled: true, ...tls } }),
  });
}

function secret(name: string, text: string): string {
  return resource("Secret", name, { data: Buffer.from(text).toString("base64") });
}

/** A caller with an outbound for each of these external services, from port 10001 on. */
async function withCaller(
  t: TestContext,
  names: readonly string[],
  body: (caller: {
    readonly world: World;
    readonly url: (name: string) => string;
    /** The first answer with this status. */
    readonly answer: (name: string, status: number) => Promise<string>;
    readonly seen: (name: string) => Promise<SeenOutside>;
    readonly open: (server: Promise<OutsideServer>) => Promise<OutsideServer>;
    readonly conditions: () => Promise<readonly string[]>;
  }) => Promise<void>,
): Promise<void> {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(meshYaml());
    await world.startService({
      service: "passenger-portal",
      host: 11,
      outbounds: names.map((service, i) => ({ kind: "MeshExternalService", service, port: 10_001 + i })),
    });
    const url = (name: string) => `http://${world.site.block.address(11)}:${10_001 + names.indexOf(name)}/`;
    const answer = async (name: string, status: number): Promise<string> => {
      let last = "";
      await until(
        `${name} is answered with ${status}`,
        async () => {
          const got = await get(undefined, url(name));
          last = `${got.status} ${got.body}${got.error ?? ""}`;
          if (got.status !== status) throw new Error(last);
          last = got.body;
          return true;
        },
        { timeoutMs: 30_000 },
      );
      return last;
    };
    await body({
      world,
      url,
      answer,
      seen: async (name) => JSON.parse(await answer(name, 200)),
      open: async (starting) => {
        const server = await starting;
        t.after(() => server.close());
        return server;
      },
      conditions: async () => {
        const path = `/meshes/${MESH}/dataplanes/passenger-portal/_plan`;
        const plan = await (await fetch(world.controlPlane.api + path)).json();
        return (plan as { conditions: { type: string; message: string }[] }).conditions.map(
          ({ type, message }) => `${type}: ${message}`,
        );
      },
    });
  });
}

test("TLS begins at the caller's proxy, and whoever answers is verified", async (t) => {
  const ca = await outsideCa("Outside CA");
  const other = await outsideCa("Other CA");
  const server = await ca.issue("bookings", [NAME]);
  const names = ["good", "wrong-ca", "wrong-san", "skip-san", "skip-ca", "client", "by-address", "missing"];
  await withCaller(t, names, async ({ world, answer, seen, open, conditions, url }) => {
    const https = await open(outsideServer("https", { ...server, ALPNProtocols: ["http/1.1"] }));
    const demanding = await open(
      outsideServer("demanding", { ...server, ca: ca.pem, requestCert: true, rejectUnauthorized: true }),
    );
    const byName = [{ address: NAME, port: https.port }];
    const trusted = { caCert: { inlineString: ca.pem } };
    const client = await ca.issue("passenger-portal", []);
    await applied(
      world,
      documents(
        secret("outside-ca", ca.pem),
        external("good", byName, { verification: { caCert: { secret: "outside-ca" } } }),
        external("wrong-ca", byName, { verification: { caCert: { inlineString: other.pem } } }),
        external("wrong-san", byName, {
          verification: { ...trusted, subjectAltNames: [{ type: "Exact", value: "payments.localhost" }] },
        }),
        external("skip-san", byName, {
          verification: { ...trusted, mode: "SkipSAN", serverName: "payments.localhost" },
        }),
        external("skip-ca", byName, { verification: { mode: "SkipCA" } }),
        external("by-address", [{ address: "127.0.0.1", port: https.port }], {
          version: { min: "TLS12", max: "TLS12" },
          verification: {
            ...trusted,
            serverName: NAME,
            subjectAltNames: [{ type: "Prefix", value: "bookings." }],
          },
        }),
        external("client", [{ address: NAME, port: demanding.port }], { verification: trusted }),
        external("missing", byName, { verification: { caCert: { secret: "not-yet" } } }),
      ),
    );

    const failures = async (kind: string, service: string): Promise<number> => {
      const stats = await world.sidecarStats("passenger-portal", `_${service}_.*ssl.${kind}`);
      return stats.values().reduce((sum, value) => sum + value, 0);
    };
    await t.test("the right server is, and is asked by its name", async () => {
      const { host, sni, protocol, alpn } = await seen("good");
      assert.deepEqual(
        { host, sni, protocol, alpn },
        { host: NAME, sni: NAME, protocol: "TLSv1.3", alpn: "http/1.1" },
      );
    });
    await t.test("one of another CA is refused", async () => {
      await answer("wrong-ca", 503);
      assert.ok((await failures("fail_verify_error", "wrong-ca")) > 0);
    });
    await t.test("one with another name is refused, unless names are not looked at", async () => {
      await answer("wrong-san", 503);
      assert.ok((await failures("fail_verify_san", "wrong-san")) > 0);
      assert.equal((await seen("skip-san")).sni, "payments.localhost");
    });
    await t.test("nobody is verified where the mode says so", async () => {
      assert.equal((await seen("skip-ca")).server, "https");
    });
    await t.test("an address is called with the name that its certificate has", async () => {
      const { host, sni, protocol } = await seen("by-address");
      assert.deepEqual({ host, sni, protocol }, { host: NAME, sni: NAME, protocol: "TLSv1.2" });
    });
    await t.test(
      "a server that asks for a certificate gets it, and a new one without a lost request",
      async () => {
        await answer("client", 503);
        const withClient = {
          verification: {
            ...trusted,
            clientCert: { secret: "client-cert" },
            clientKey: { secret: "client-key" },
          },
        };
        const pair = ({ cert, key }: { cert: string; key: string }) =>
          documents(secret("client-cert", cert), secret("client-key", key));
        await applied(
          world,
          documents(pair(client), external("client", [{ address: NAME, port: demanding.port }], withClient)),
        );
        assert.equal((await seen("client")).client, "passenger-portal");
        const loads = [httpLoad(url("client"), "kept", 40), startLoad(httpClient(url("client"), "new"), 40)];
        const renewed = await ca.issue("passenger-portal-2", []);
        await applied(world, secret("client-cert", renewed.cert));
        assert.match(
          (await conditions()).find((each) => each.startsWith("OutdatedSecret")) ?? "",
          /clientKey: Secret "client-key" is not the key of the certificate in clientCert; what was stored before is used on/,
        );
        await applied(world, secret("client-key", renewed.key));
        // Connections that are open keep what they were opened with.
        demanding.behave({ closing: true });
        await until("the new certificate is shown", () =>
          demanding.seen.some(({ client }) => client === "passenger-portal-2"),
        );
        await nothingLost(loads);
        const dump = await (
          await fetch(`${world.controlPlane.api}/meshes/${MESH}/dataplanes/passenger-portal/_config`)
        ).text();
        assert.match(dump, /system_extsvc_client_client/);
        assert.doesNotMatch(dump, /PRIVATE KEY/);
      },
    );
    await t.test("a secret that is missing is named, and used as soon as it is there", async () => {
      assert.match(await answer("missing", 503), /there is no Secret "not-yet" in mesh "kong-air-mesh"/);
      const [condition] = await conditions();
      assert.match(
        condition ?? "",
        /^UnavailableDestination: MeshExternalService "missing" tls\.verification\.caCert/,
      );
      await applied(world, secret("not-yet", "no certificate"));
      assert.match(await answer("missing", 503), /Secret "not-yet" holds no certificate in PEM form/);
      await applied(world, secret("not-yet", ca.pem));
      assert.equal((await seen("missing")).server, "https");
      assert.deepEqual(await conditions(), []);
    });
    await inSync(world);
  });
});

test("an external service is whatever its endpoints are, in the order of their priorities", async (t) => {
  await withCaller(t, ["mixed", "socket", "far"], async ({ world, seen, open, answer }) => {
    const path = join(world.site.dir, "outside.sock");
    const [first, second, third] = await Promise.all([
      open(outsideServer("first", undefined, { address: world.site.block.address(201) })),
      open(outsideServer("second", undefined)),
      open(outsideServer("socket", undefined, { socket: path })),
    ]);
    await applied(
      world,
      documents(
        external("mixed", [
          { address: world.site.block.address(201), port: first.port, priority: 3 },
          { address: NAME, port: second.port, priority: 128 },
        ]),
        external("socket", [{ address: `unix://${path}` }]),
        external("far", [{ address: "nowhere.invalid", port: 80 }]),
        policy("MeshHealthCheck", "outside", {
          to: [
            {
              targetRef: { kind: "MeshExternalService", name: "mixed" },
              default: {
                ...{ interval: "200ms", noTrafficInterval: "200ms", timeout: "5s" },
                ...{ unhealthyThreshold: 1, healthyThreshold: 1, http: { path: "/healthz" } },
              },
            },
          ],
        }),
      ),
    );
    await t.test("an endpoint is a socket of the machine", async () => {
      assert.equal((await seen("socket")).server, "socket");
      assert.equal(third.seen.length, 1);
    });
    await t.test("what has a higher priority is called as long as it is well", async () => {
      assert.equal((await seen("mixed")).server, "first");
      await first.close();
      await until("the spare one answers", async () => (await seen("mixed")).server === "second");
      assert.equal((await seen("mixed")).host, NAME);
    });
    await t.test("a host name that is none takes nothing else along", async () => {
      assert.match(await answer("far", 503), /no healthy upstream/);
      assert.equal((await seen("socket")).server, "socket");
    });
  });
});

test("policies shape calls to the outside as they shape all others", async (t) => {
  await withCaller(t, ["pay"], async ({ world, seen, open, answer, url }) => {
    const server = await open(outsideServer("pay", undefined));
    const to = (conf: object) => ({
      to: [{ targetRef: { kind: "MeshExternalService", name: "pay" }, default: conf }],
    });
    await applied(world, external("pay", [{ address: "127.0.0.1", port: server.port }]));
    await seen("pay");
    await t.test("a timeout", async () => {
      await applied(world, policy("MeshTimeout", "pay", to({ http: { requestTimeout: "300ms" } })));
      server.behave({ delayMs: 2_000 });
      await answer("pay", 504);
      server.behave({});
      await deleted(world, "meshtimeout", "pay");
    });
    await t.test("retries", async () => {
      server.behave({ statuses: [503, 503] });
      await answer("pay", 503);
      await applied(world, policy("MeshRetry", "pay", to({ http: { numRetries: 3, retryOn: ["5xx"] } })));
      server.behave({ statuses: [503, 503] });
      const before = server.seen.length;
      assert.equal((await get(undefined, url("pay"))).status, 200);
      assert.equal(server.seen.length, before + 3);
      await deleted(world, "meshretry", "pay");
    });
    await t.test("a circuit breaker", async () => {
      const limits = { connectionLimits: { maxConnections: 1, maxPendingRequests: 1, maxRequests: 1 } };
      await applied(world, policy("MeshCircuitBreaker", "pay", to(limits)));
      server.behave({ delayMs: 1_000 });
      const answers = await Promise.all(Array.from({ length: 8 }, () => get(undefined, url("pay"))));
      const statuses = answers.map(({ status }) => status);
      assert.ok(statuses.includes(200) && statuses.includes(503), statuses.join());
      server.behave({});
      await deleted(world, "meshcircuitbreaker", "pay");
    });
    await t.test("a route that sends a part of a path elsewhere outside", async () => {
      const mirror = await open(outsideServer("elsewhere", undefined));
      await applied(
        world,
        documents(
          external("elsewhere", [{ address: NAME, port: mirror.port }]),
          policy("MeshHTTPRoute", "pay", {
            to: [
              {
                targetRef: { kind: "MeshExternalService", name: "pay" },
                rules: [
                  {
                    matches: [{ path: { type: "PathPrefix", value: "/new" } }],
                    default: { backendRefs: [{ kind: "MeshExternalService", name: "elsewhere" }] },
                  },
                ],
              },
            ],
          }),
        ),
      );
      const body = JSON.parse((await get(undefined, `${url("pay")}new`)).body) as SeenOutside;
      assert.deepEqual([body.server, body.host], ["elsewhere", NAME]);
      assert.equal((await seen("pay")).server, "pay");
    });
  });
});

test("a mesh can forbid the outside, to everybody or past its egress", async (t) => {
  await withCaller(t, ["pay", "maps"], async ({ world, seen, open, answer, url, conditions }) => {
    const server = await open(outsideServer("pay", undefined));
    const at = [{ address: "127.0.0.1", port: server.port }];
    await applied(world, documents(external("pay", at), external("maps", at), identity(), ALLOW_ALL));
    await seen("maps");
    await t.test("who is not allowed to has no way there", async () => {
      await applied(world, meshYaml({ routing: { defaultForbidMeshExternalServiceAccess: true } }));
      await until("the way is closed", async () => (await get(undefined, url("pay"))).status === 0);
      const forbidden = (await conditions()).filter((each) => each.startsWith("ForbiddenOutbound"));
      assert.equal(forbidden.length, 2);
      assert.match(
        forbidden[0] ?? "",
        /no MeshTrafficPermission .* allows it the sni sni\.extsvc\.kong-air-mesh/,
      );
    });
    await t.test("who is allowed to has one, and only to what was named", async () => {
      const mes = await (
        await fetch(`${world.controlPlane.api}/meshes/${MESH}/meshexternalservices/pay`)
      ).json();
      const [{ sni }] = (mes as { snis: [{ sni: string }] }).snis;
      const allow = (service: string) =>
        policy("MeshTrafficPermission", "outside", {
          rules: [
            {
              default: {
                allow: [
                  { spiffeID: { type: "Exact", value: idOf(service) }, sni: { type: "Exact", value: sni } },
                ],
              },
            },
          ],
        });
      await applied(world, allow("somebody-else"));
      assert.equal((await get(undefined, url("pay"))).status, 0);
      await applied(world, allow("passenger-portal"));
      assert.equal((await seen("pay")).server, "pay");
      assert.equal((await get(undefined, url("maps"))).status, 0);
    });
    await t.test("nothing goes past an egress that is not there", async () => {
      await applied(world, meshYaml({ routing: { zoneEgress: true } }));
      assert.match(await answer("pay", 503), /routing\.zoneEgress: true, no zone egress is ready/);
    });
  });
});

test("an external service has an address of its own, at which proxies take its calls", async (t) => {
  const ca = await outsideCa("Outside CA");
  const server = await outsideServer("pay", await ca.issue("pay", [NAME]));
  t.after(() => server.close());
  await withWorld(async (world) => {
    await world.startControlPlane({
      KUMA_IPAM_MESH_EXTERNAL_SERVICE_CIDR: `${world.site.block.prefix}.192/26`,
    });
    await world.apply(meshYaml());
    // Its proxy listens at the addresses itself, so this needs no rules of the machine.
    const settings = { KUMA_DATAPLANE_RUNTIME_BIND_OUTBOUNDS: "true" };
    await world.startService({ service: "passenger-portal", host: 11, settings });
    await applied(
      world,
      policy("MeshExternalService", "pay", {
        match: { type: "HostnameGenerator", port: 8081, protocol: "http" },
        endpoints: [{ address: NAME, port: server.port }],
        tls: { enabled: true, verification: { caCert: { inlineString: ca.pem } } },
      }),
    );
    const path = `${world.controlPlane.api}/meshes/${MESH}/meshexternalservices/pay`;
    const address = await until("it has an address", async () => {
      const { status } = (await (await fetch(path)).json()) as { status?: { vip?: { ip?: string } } };
      return status?.vip?.ip;
    });
    const body = await until("it answers there", async () => {
      const answer = await get(undefined, `http://${address}:8081/`);
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}${answer.error ?? ""}`);
      return answer.body;
    });
    const { host, sni } = JSON.parse(body) as SeenOutside;
    assert.deepEqual([host, sni], [NAME, NAME]);

    await applied(world, meshYaml({ routing: { defaultForbidMeshExternalServiceAccess: true } }));
    await until(
      "the way is closed",
      async () => (await get(undefined, `http://${address}:8081/`)).status === 0,
    );
  });
});

test("a service inside sends a share of its requests outside, and nothing that is said among proxies", async (t) => {
  const server = await outsideServer("archive", undefined);
  t.after(() => server.close());
  await withScene(meshYaml(), async (scene) => {
    const { world, checkInUrl } = scene;
    await reachable(scene);
    const tagged = { targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "nobody" } } };
    const to = (path: string, backendRefs: readonly object[]) => ({
      matches: [{ path: { type: "PathPrefix", value: path } }],
      default: { backendRefs },
    });
    const archive = { kind: "MeshExternalService", name: "archive" };
    await applied(
      world,
      documents(
        external("archive", [{ address: NAME, port: server.port }]),
        // By tags of callers: so proxies send theirs along.
        policy("MeshFaultInjection", "by-tags", {
          targetRef: { kind: "Mesh", proxyTypes: ["Sidecar"] },
          from: [{ ...tagged, default: { http: [{ abort: { httpStatus: 500, percentage: 1 } }] } }],
        }),
        policy("MeshHTTPRoute", "archive", {
          to: [
            {
              targetRef: { kind: "MeshService", name: "check-in-api" },
              rules: [
                to("/old", [archive]),
                to("/mixed", [
                  { ...archive, weight: 50 },
                  { kind: "MeshService", name: "check-in-api", port: 8080, weight: 50 },
                ]),
              ],
            },
          ],
        }),
      ),
    );
    const one = JSON.parse((await get(undefined, `${checkInUrl}old`)).body) as SeenOutside;
    assert.deepEqual([one.server, one.host, one.callerTags], ["archive", NAME, null]);
    const before = server.seen.length;
    await until("both get their share", async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => get(undefined, `${checkInUrl}mixed`)),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      const inside = answers.filter(({ body }) => body.includes('"service": "check-in-api"'));
      return inside.length > 0 && server.seen.length > before;
    });
    assert.ok(server.seen.every(({ callerTags }) => callerTags === null));
  });
});
