import assert from "node:assert/strict";
import { test } from "node:test";
import { outsideCa } from "../outside/ca.ts";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { askPostgres, DATABASE_USER, startPostgres } from "./postgres.ts";
import { applied, documents, meshYaml, policy } from "./scene.ts";

const NAME = "ledger.localhost";

/** A database of the world outside, for bytes. */
function database(name: string, port: number, tls?: object): string {
  return policy("MeshExternalService", name, {
    match: { type: "HostnameGenerator", port: 5432, protocol: "tcp" },
    endpoints: [{ address: NAME, port }],
    ...(tls === undefined ? {} : { tls }),
  });
}

test("a PostgreSQL outside the mesh that takes nothing but TLS", async (t) => {
  const ca = await outsideCa("Database CA");
  const client = await ca.issue(DATABASE_USER, []);
  const postgres = await startPostgres(await ca.issue("ledger", [NAME]), ca.pem);
  t.after(() => postgres.stop());
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(meshYaml());
    const outbound = (service: string, port: number) => ({
      kind: "MeshExternalService" as const,
      service,
      port,
    });
    await world.startService({
      service: "ticketing",
      host: 11,
      outbounds: [outbound("ledger", 10_001), outbound("ledger-by-proxy", 10_002)],
    });
    const host = world.site.block.address(11);
    const tls = {
      enabled: true,
      verification: {
        caCert: { inlineString: ca.pem },
        clientCert: { inlineString: client.cert },
        clientKey: { inlineString: client.key },
      },
    };
    await applied(
      world,
      documents(database("ledger", postgres.port), database("ledger-by-proxy", postgres.port, tls)),
    );

    await t.test(
      "the client's own TLS goes through untouched: it verifies the database by its name",
      async () => {
        const options = { ...client, ca: ca.pem, servername: NAME };
        const session = await until("the database answers", () => askPostgres(host, 10_001, options));
        assert.deepEqual(session, { user: DATABASE_USER, tls: "TLSv1.3", client: `/CN=${DATABASE_USER}` });
        await assert.rejects(
          askPostgres(host, 10_001, { ...options, servername: "payments.localhost" }),
          /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/,
        );
      },
    );
    await t.test("in the clear the database lets nobody in", async () => {
      await assert.rejects(askPostgres(host, 10_001), /no encryption|pg_hba/);
    });
    await t.test("the proxy speaks TLS for a client that does not", async () => {
      // PostgreSQL takes TLS from the first byte from those only who name its protocol in the handshake.
      await assert.rejects(askPostgres(host, 10_002), /closed|ECONNRESET/);
      const name = [...(await world.sidecarStats("ticketing", "_ledger-by-proxy_.*upstream_cx_total")).keys()]
        .map((stat) => /^cluster\.(.*)\.upstream_cx_total$/.exec(stat)?.[1])
        .find((found) => found !== undefined);
      await applied(
        world,
        policy("MeshProxyPatch", "postgres-alpn", {
          targetRef: { kind: "Dataplane", labels: { app: "ticketing" } },
          default: {
            appendModifications: [
              {
                cluster: {
                  operation: "Patch",
                  match: { name },
                  jsonPatches: [
                    {
                      op: "add",
                      path: "/transportSocket/typedConfig/commonTlsContext/alpnProtocols",
                      value: ["postgresql"],
                    },
                  ],
                },
              },
            ],
          },
        }),
      );
      const session = await until("the database answers", () => askPostgres(host, 10_002));
      assert.deepEqual(session, { user: DATABASE_USER, tls: "TLSv1.3", client: `/CN=${DATABASE_USER}` });
    });
  });
});
