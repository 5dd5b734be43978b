import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { bytesServer } from "../outside/bytes-server.ts";
import { outsideCa } from "../outside/ca.ts";
import { type OutsideServer, outsideServer, type SeenOutside } from "../outside/server.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { identity, idOf } from "./documents.ts";
import { get, tcpClient } from "./load.ts";
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
  resource,
} from "./scene.ts";

const NAME = "bookings.localhost";
const HOSTS = { "passenger-portal": 11, "check-in-api": 12 } as const;
type Workload = keyof typeof HOSTS;

const throughEgress = (zoneEgress: boolean): string => meshYaml({ routing: { zoneEgress } });

/** Two workloads that call the same two services outside: `pay` over HTTP with TLS, `ledger` with bytes. */
interface Scene {
  readonly world: World;
  /** The server behind `pay`. */
  readonly pay: OutsideServer;
  readonly url: (workload: Workload) => string;
  /** Waits for an answer with this status; returns its body. */
  readonly answer: (workload: Workload, status: number) => Promise<string>;
  /** Whether bytes to `ledger` come back. */
  readonly isAnswered: (workload: Workload) => Promise<boolean>;
  readonly plan: (
    dataplane: string,
  ) => Promise<{ readonly conditions: readonly string[]; readonly text: string }>;
  readonly config: (dataplane: string) => Promise<string>;
  /** Who may leave the mesh as the access matrix has it: `<workload> <service> <verdict> <policy>`. */
  readonly matrix: () => Promise<readonly string[]>;
  /** What a preview says of who may leave, should this be applied. */
  readonly foreseen: (text: string) => Promise<readonly string[]>;
}

async function withLeaving(
  t: TestContext,
  workloads: readonly Workload[],
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  const ca = await outsideCa("Outside CA");
  const credentials = await ca.issue("bookings", [NAME]);
  const shown = await ca.issue("kong-air", []);
  const demanding = { ...credentials, ca: ca.pem, requestCert: true, rejectUnauthorized: true };
  const pay = await outsideServer("pay", demanding);
  t.after(() => pay.close());
  const ledger = await bytesServer("ledger");
  t.after(() => ledger.close());
  const secret = (name: string, text: string) =>
    resource("Secret", name, { data: Buffer.from(text).toString("base64") });
  await withWorld(async (world) => {
    await world.startControlPlane({ KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY: "500ms" });
    await world.apply(
      documents(
        throughEgress(true),
        identity(),
        secret("client-cert", shown.cert),
        secret("client-key", shown.key),
        policy("MeshExternalService", "pay", {
          match: { type: "HostnameGenerator", port: 80, protocol: "http" },
          endpoints: [{ address: NAME, port: pay.port }],
          tls: {
            enabled: true,
            verification: {
              caCert: { inlineString: ca.pem },
              clientCert: { secret: "client-cert" },
              clientKey: { secret: "client-key" },
            },
          },
        }),
        policy("MeshExternalService", "ledger", {
          match: { type: "HostnameGenerator", port: 5432, protocol: "tcp" },
          endpoints: [{ address: "127.0.0.1", port: ledger.port }],
        }),
      ),
    );
    await Promise.all(
      workloads.map((service) =>
        world.startService({
          service,
          host: HOSTS[service],
          outbounds: [
            { kind: "MeshExternalService", service: "pay", port: 10_001 },
            { kind: "MeshExternalService", service: "ledger", port: 10_003 },
          ],
        }),
      ),
    );
    const hostOf = (workload: Workload) => world.site.block.address(HOSTS[workload]);
    const url = (workload: Workload) => `http://${hostOf(workload)}:10001/`;
    const dataplane = async (name: string, what: string): Promise<string> =>
      await (await fetch(`${world.controlPlane.api}/meshes/${MESH}/dataplanes/${name}/${what}`)).text();
    await body({
      world,
      pay,
      url,
      answer: async (workload, status) => {
        let got = { status: 0, body: "" };
        await until(
          `${workload} is answered with ${status}`,
          async () => {
            const { error, ...last } = await get(undefined, url(workload));
            if (last.status !== status) throw new Error(`${last.status} ${last.body}${error ?? ""}`);
            got = last;
            return true;
          },
          { timeoutMs: 40_000 },
        );
        return got.body;
      },
      isAnswered: async (workload) => (await tcpClient(hostOf(workload), 10_003).send()) === undefined,
      plan: async (name) => {
        const text = await dataplane(name, "_plan");
        const { conditions } = JSON.parse(text) as { conditions: { type: string; message: string }[] };
        return { text, conditions: conditions.map(({ type, message }) => `${type}: ${message}`) };
      },
      config: async (name) => await dataplane(name, "_config"),
      matrix: async () => {
        const { stdout } = await world.ctl(["access", "-m", MESH, "-o", "json"]);
        const { items } = JSON.parse(stdout) as { items: readonly Leaving[] };
        return leaving(items, ({ verdict }) => verdict);
      },
      foreseen: async (text) => {
        const { stdout } = await world.ctl(["apply", "-f", "-", "--dry-run=server", "-o", "json"], {
          stdin: text,
        });
        const { access } = JSON.parse(stdout) as { access: { items: readonly Leaving[] } };
        return leaving(access.items, ({ change }) => change);
      },
    });
  });
}

/** A pair of the access matrix, or of a preview. */
interface Leaving {
  readonly source: string;
  readonly destination: string;
  readonly outside?: string;
  readonly verdict?: string;
  readonly change?: string;
  readonly policy: string | null;
}

function leaving(items: readonly Leaving[], what: (item: Leaving) => string | undefined): readonly string[] {
  return items
    .filter(({ outside }) => outside !== undefined)
    .map(
      (item) => `${item.source} ${item.destination} ${what(item)} ${item.policy?.split("_").at(-2) ?? "-"}`,
    )
    .sort();
}

/** Lets workloads call a service by an egress, each named by its SPIFFE id and the server name it asks for. */
function permission(name: string, service: string, workloads: readonly string[], list = "allow"): string {
  return policy("MeshTrafficPermission", name, {
    targetRef: { kind: "Dataplane", labels: { "kuma.io/listener-zoneegress": "enabled" } },
    rules: [
      {
        default: {
          [list]: workloads.map((workload) => ({
            spiffeID: { type: "Exact", value: idOf(workload) },
            sni: { type: "Exact", value: `sni.extsvc.${MESH}.zone1.${service}` },
          })),
        },
      },
    ],
  });
}

test("an egress lets out whom a permission names, and has what it takes to be let in outside", async (t) => {
  await withLeaving(
    t,
    ["passenger-portal", "check-in-api"],
    async ({ world, url, answer, isAnswered, plan, config, matrix, foreseen }) => {
      await t.test("without an egress nothing leaves, and everybody is told why", async () => {
        const why = /routing\.zoneEgress: true, no zone egress is ready \(no Dataplane has a listener/;
        assert.match(await answer("passenger-portal", 503), why);
        assert.equal(await isAnswered("passenger-portal"), false);
        const { conditions } = await plan("passenger-portal");
        assert.equal(conditions.filter((each) => why.test(each)).length, 2, conditions.join("\n"));
        assert.deepEqual(await matrix(), [
          "check-in-api ledger unreachable -",
          "check-in-api pay unreachable -",
          "passenger-portal ledger unreachable -",
          "passenger-portal pay unreachable -",
        ]);
      });
      await world.startEgress("egress-1", 21);
      await t.test("with one, nobody is let out before a permission says so", async () => {
        await answer("passenger-portal", 403);
        await answer("check-in-api", 403);
        assert.equal(await isAnswered("passenger-portal"), false);
        assert.deepEqual((await plan("passenger-portal")).conditions, []);
        assert.ok(
          (await matrix()).every((each) => each.endsWith(" deny -")),
          (await matrix()).join("\n"),
        );
      });
      await t.test("a permission is for one workload and one service", async () => {
        const forPortal = permission("pay", "pay.80", ["passenger-portal"]);
        assert.deepEqual(await foreseen(forPortal), ["passenger-portal pay newly-allowed pay"]);
        await applied(world, forPortal);
        const seen = JSON.parse(await answer("passenger-portal", 200)) as SeenOutside;
        const { server, host, sni, client, callerTags, callerCertificate } = seen;
        assert.deepEqual(
          { server, host, sni, client, callerTags, callerCertificate },
          {
            server: "pay",
            host: NAME,
            sni: NAME,
            client: "kong-air",
            callerTags: null,
            callerCertificate: null,
          },
        );
        await answer("check-in-api", 403);
        assert.equal(await isAnswered("passenger-portal"), false);

        await applied(world, permission("ledger", "ledger.5432", ["check-in-api"]));
        await until("bytes get through", () => isAnswered("check-in-api"));
        assert.equal(await isAnswered("passenger-portal"), false);
        await answer("check-in-api", 403);
        assert.deepEqual(await matrix(), [
          "check-in-api ledger allow ledger",
          "check-in-api pay deny -",
          "passenger-portal ledger deny -",
          "passenger-portal pay allow pay",
        ]);
      });
      await t.test("a deny outweighs it", async () => {
        const denied = permission("nobody", "pay.80", ["passenger-portal"], "deny");
        assert.deepEqual(await foreseen(denied), ["passenger-portal pay newly-denied nobody"]);
        await applied(world, denied);
        await answer("passenger-portal", 403);
        assert.ok((await matrix()).includes("passenger-portal pay deny nobody"));
        await deleted(world, "meshtrafficpermission", "nobody");
        await answer("passenger-portal", 200);
      });
      await t.test("a denial in shadow mode lets out and is counted", async () => {
        await applied(world, permission("pay", "pay.80", ["passenger-portal"], "allowWithShadowDeny"));
        await answer("passenger-portal", 200);
        const denied = async () =>
          (await world.sidecarStats("egress-1", "rbac.*shadow_denied")).values().reduce((a, b) => a + b, 0);
        await until("it is counted", async () => (await denied()) > 0);
      });
      await t.test("a rule about the caller and one about the service hold together", async () => {
        const local = (http: object) => ({ local: { http } });
        await applied(
          world,
          policy("MeshRateLimit", "both", {
            targetRef: { kind: "Dataplane", labels: { "kuma.io/listener-zoneegress": "enabled" } },
            rules: [
              {
                matches: [{ sni: { type: "Exact", value: `sni.extsvc.${MESH}.zone1.pay.80` } }],
                default: local({ requestRate: { num: 2, interval: "1h" } }),
              },
              {
                matches: [{ spiffeID: { type: "Exact", value: idOf("passenger-portal") } }],
                default: local({ onRateLimit: { status: 423 } }),
              },
            ],
          }),
        );
        await answer("passenger-portal", 423);
        await deleted(world, "meshratelimit", "both");
        await answer("passenger-portal", 200);
      });
      await t.test(
        "agents and limits of services of the mesh have no say, and do not close the egress",
        async () => {
          await world.startRateLimitService("limits", 31);
          const rego = { inlineString: "package closed\n\nimport rego.v1\n\ndefault allow := false\n" };
          const opa = policy("MeshOPA", "closed", { default: { appendPolicies: [{ rego }] } });
          const http = { requestRate: { num: 1, interval: "1h" } };
          const backend = {
            rateLimitService: { url: `http://${world.site.block.address(31)}:10003`, timeout: "2s" },
          };
          const limit = policy("MeshGlobalRateLimit", "one", {
            from: [{ targetRef: { kind: "Mesh" }, default: { http, backend } }],
          });
          await applied(world, documents(opa, limit));
          const { conditions } = await plan("egress-1");
          assert.equal(conditions.filter((each) => each.startsWith("NoEffectAtEgress")).length, 2);
          for (let i = 0; i < 3; i++) {
            const { status, body } = await get(undefined, url("passenger-portal"));
            assert.equal(status, 200, body);
          }
          await deleted(world, "meshopa", "closed");
          await deleted(world, "meshglobalratelimit", "one");
        },
      );
      await t.test("only the egress has the secrets", async () => {
        assert.match(await config("egress-1"), /system_extsvc_client_pay/);
        for (const dataplane of ["passenger-portal", "check-in-api"]) {
          assert.doesNotMatch(await config(dataplane), /system_extsvc_/);
        }
        assert.doesNotMatch(await config("egress-1"), /PRIVATE KEY/);
      });
      await inSync(world);
    },
  );
});

test("egresses come and go, and the mesh is switched over, without a lost request", async (t) => {
  await withLeaving(t, ["passenger-portal"], async ({ world, pay, url, answer, foreseen }) => {
    const loads = () => [
      httpLoad(url("passenger-portal"), "kept", 40),
      httpLoad(url("passenger-portal"), "new", 40),
    ];
    const handled = async (egress: string): Promise<number> =>
      (await world.sidecarStats(egress, "_pay_80.downstream_rq_total")).values().reduce((a, b) => a + b, 0);
    await applied(world, permission("pay", "pay.80", ["passenger-portal"]));
    const first = await world.startEgress("egress-1", 21);
    await answer("passenger-portal", 200);

    await t.test("one that ends leaves nobody without a way out who has another", async () => {
      await world.startEgress("egress-2", 22);
      const running = loads();
      await until("both are called", async () => (await handled("egress-2")) > 0);
      await first.child.stop(30_000);
      const before = await handled("egress-2");
      await nothingLost(running);
      assert.ok((await handled("egress-2")) > before);
    });
    const toPay = (conf: object) => ({
      to: [{ targetRef: { kind: "MeshExternalService", name: "pay" }, default: conf }],
    });
    const retries = documents(
      policy(
        "MeshRetry",
        "pay",
        toPay({
          http: {
            numRetries: 3,
            retryOn: ["ConnectFailure", "Reset", "RefusedStream"],
            hostSelection: [{ predicate: "OmitPreviousHosts" }],
            hostSelectionMaxAttempts: 5,
          },
        }),
      ),
      policy("MeshCircuitBreaker", "pay", toPay({ connectionLimits: { maxRetries: 100 } })),
    );
    await t.test("one that dies does neither, where requests are tried again", async () => {
      await applied(world, retries);
      const third = await world.startEgress("egress-3", 23);
      const running = loads();
      await until("both are called", async () => (await handled("egress-3")) > 0);
      await third.child.kill();
      await nothingLost(running);
      await deleted(world, "meshretry", "pay");
      await deleted(world, "meshcircuitbreaker", "pay");
    });
    await t.test("the way past it opens and closes under traffic", async () => {
      assert.deepEqual(await foreseen(throughEgress(false)), [
        "passenger-portal ledger newly-allowed -",
        "passenger-portal pay newly-unchecked -",
      ]);
      const running = loads();
      await applied(world, throughEgress(false));
      const count = async () => ({ outside: pay.seen.length, egress: await handled("egress-2") });
      const since = async (before: { outside: number; egress: number }) => {
        const { outside, egress } = await count();
        return { outside: outside - before.outside, egress: egress - before.egress };
      };
      // Requests that were under way when the last proxy had acknowledged the change.
      await until("the last requests through it are answered", async () => {
        const before = await count();
        await until("some more come", async () => (await since(before)).outside > 20);
        return (await since(before)).egress === 0;
      });
      await applied(world, throughEgress(true));
      await nothingLost(running);
      const before = await count();
      for (let i = 0; i < 20; i++) await answer("passenger-portal", 200);
      assert.deepEqual(await since(before), { outside: 20, egress: 20 });
      await deleted(world, "meshtrafficpermission", "pay");
      assert.equal((await get(undefined, url("passenger-portal"))).status, 403);
    });
  });
});

test("the only egress dies and comes back", async (t) => {
  await withLeaving(t, ["passenger-portal"], async ({ world, answer, plan }) => {
    await applied(world, permission("pay", "pay.80", ["passenger-portal"]));
    const egress = await world.startEgress("egress-1", 21);
    await answer("passenger-portal", 200);
    await egress.child.kill();
    await until("its callers are told", async () =>
      /no zone egress is ready/.test(await answer("passenger-portal", 503)),
    );
    await world.startEgress("egress-1", 21);
    await answer("passenger-portal", 200);

    // Back, but nobody: its own certificate is what it is known by.
    await applied(
      world,
      policy("MeshIdentity", "everybody", {
        selector: { dataplane: { matchLabels: { app: "passenger-portal" } } },
        spiffeID: { trustDomain: "kong-air.test", path: '/sa/{{ label "app" }}' },
        provider: {
          type: "Bundled",
          bundled: { insecureAllowSelfSigned: true, autogenerate: { enabled: true } },
        },
      }),
    );
    assert.match(await answer("passenger-portal", 503), /egress-1: no MeshIdentity gives it an identity/);
    assert.match(
      (await plan("egress-1")).conditions.join("\n"),
      /EgressNotServing: ZoneEgress listener 10002/,
    );
  });
});
