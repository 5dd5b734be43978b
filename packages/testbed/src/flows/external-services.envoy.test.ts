import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { get, httpClient, startLoad } from "./load.ts";
import { type OutsideServer, outsideCa, outsideServer, type SeenOutside } from "./outside.ts";
import {
  applied,
  documents,
  httpLoad,
  MESH,
  meshYaml,
  nothingLost,
  outOfSync,
  policy,
  resource,
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
        await applied(world, pair(await ca.issue("passenger-portal-2", [])));
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
    assert.deepEqual(await outOfSync(world), []);
  });
});
