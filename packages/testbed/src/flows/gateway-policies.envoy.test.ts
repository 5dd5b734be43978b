import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { callFromOutside, greetFromOutside, type OutsideAnswer } from "../outside/client.ts";
import { until } from "../poll.ts";
import type { App, Sidecar } from "../world/service.ts";
import { type World, withWorld } from "../world/world.ts";
import { ALLOW_ALL, identity, meshTls } from "./documents.ts";
import { below, GATEWAY, HTTP_PORT, httpRoute, meshGateway, tcpRoute, to } from "./gateway-scene.ts";
import { applied, deleted, documents, inSync, meshYaml, policy } from "./scene.ts";
import { answeredOnlyBy, asker } from "./who-answers.ts";

const TCP_PORT = 19_000;
/** So long that nothing of a bucket is filled again while a test runs. */
const HOUR = "1h";
const SHOP = "shop.test";
const DESK = "desk.test";
const EDGE = { kind: "MeshGateway", name: "edge-gateway" };
const listener = (host: string): object => ({ ...EDGE, tags: { host } });
const GATEWAYS = { kind: "Mesh", proxyTypes: ["Gateway"] };

const toMesh = (conf: object): object => ({ targetRef: { kind: "Mesh" }, default: conf });
/** A policy with one `to` entry about the whole mesh. */
const calls = (type: string, name: string, targetRef: object, conf: object): string =>
  policy(type, name, { targetRef, to: [toMesh(conf)] });
const many = (status: number, count: number): readonly number[] =>
  Array.from({ length: count }, () => status);

/** A gateway with two host names on one port, and bytes on another; `check-in-api` has three instances. */
interface Scene {
  readonly world: World;
  readonly gateway: Sidecar;
  readonly checkIns: readonly App[];
  readonly ask: (
    host: string,
    path?: string,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<OutsideAnswer>;
  /** Statuses of requests, one after the other. */
  readonly statuses: (host: string, count: number, path?: string) => Promise<readonly number[]>;
  /** One connection of bytes; whether it was taken. */
  readonly greeted: () => Promise<boolean>;
}

async function withScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  await withWorld(async (world) => {
    await world.startControlPlane();
    const listeners = [
      { port: HTTP_PORT, protocol: "HTTP", hostname: SHOP, tags: { host: "shop" } },
      { port: HTTP_PORT, protocol: "HTTP", hostname: DESK, tags: { host: "desk" } },
      { port: TCP_PORT, protocol: "TCP", tags: { host: "bytes" } },
    ];
    await world.apply(
      documents(
        meshYaml(),
        identity(),
        ALLOW_ALL,
        meshTls({ mode: "Strict" }),
        meshGateway(listeners),
        httpRoute("shop", [below("/", to("check-in-api"))], { tags: { host: "shop" } }),
        httpRoute("desk", [below("/", to("passenger-portal"))], { tags: { host: "desk" } }),
        tcpRoute("bytes", { host: "bytes" }, [{ kind: "MeshService", name: "flight-control", port: 8080 }]),
      ),
    );
    const [gateway, , , ...checkIns] = await Promise.all([
      world.startGateway(GATEWAY, 11, { labels: { rack: "r1" }, opa: true }),
      world.startService({ service: "passenger-portal", host: 12 }),
      world.startService({ service: "flight-control", host: 13, tcp: true }),
      ...[1, 2, 3].map((n) =>
        world.startService({
          service: "check-in-api",
          instance: `check-in-api-${n}`,
          host: 20 + n,
          labels: { rack: `r${n}` },
        }),
      ),
    ]);
    const { address } = gateway;
    const ask: Scene["ask"] = (host, path = "/", headers = {}) =>
      callFromOutside({ address, port: HTTP_PORT, host, path, headers });
    const greeted: Scene["greeted"] = () =>
      greetFromOutside({ address, port: TCP_PORT }).then(
        ({ line }) => line.startsWith("flight-control"),
        () => false,
      );
    for (const host of [SHOP, DESK]) {
      await until(`${host} is answered`, async () => (await ask(host)).status === 200);
    }
    await until("bytes are answered", greeted);
    await body({
      ...{ world, gateway, ask, greeted },
      checkIns: checkIns.map(({ app }) => app),
      statuses: async (host, count, path) => {
        const seen: number[] = [];
        while (seen.length < count) seen.push((await ask(host, path)).status);
        return seen;
      },
    });
    await inSync(world);
  });
}

test("policies show in the traffic of a built-in gateway", async (t) => {
  await withScene(async (scene) => {
    const { world, gateway, checkIns, ask, statuses, greeted } = scene;
    /** Takes policies back when a part is through, whatever came of it. */
    const during = async (
      context: TestContext,
      ...policies: readonly (readonly [type: string, name: string, yaml: string])[]
    ) => {
      for (const [type, name] of policies) context.after(() => deleted(world, type.toLowerCase(), name));
      await applied(world, documents(...policies.map(([, , yaml]) => yaml)));
    };
    const put = (type: string, name: string, targetRef: object, conf: object) =>
      [type, name, calls(type, name, targetRef, conf)] as const;

    await t.test(
      "a request timeout for the gateway, a longer one for a listener, none from sidecars",
      async (context) => {
        const timeout = (requestTimeout: string) => ({ http: { requestTimeout, streamIdleTimeout: "10s" } });
        await during(
          context,
          put("MeshTimeout", "gateway", EDGE, timeout("300ms")),
          put("MeshTimeout", "desk", listener("desk"), timeout("9s")),
          put("MeshTimeout", "a-sidecars", { kind: "Mesh", proxyTypes: ["Sidecar"] }, timeout("9s")),
        );
        const [shop, desk] = await Promise.all([ask(SHOP, "/delay?ms=3000"), ask(DESK, "/delay?ms=700")]);
        assert.deepEqual([shop.status, desk.status], [504, 200]);
      },
    );

    await t.test("a timeout for one route by its name", async (context) => {
      const conf = { http: { requestTimeout: "300ms" } };
      const yaml = policy("MeshTimeout", "route", {
        to: [{ targetRef: { kind: "MeshHTTPRoute", name: "desk" }, default: conf }],
      });
      await during(context, ["MeshTimeout", "route", yaml]);
      const [shop, desk] = await Promise.all([ask(SHOP, "/delay?ms=700"), ask(DESK, "/delay?ms=3000")]);
      assert.deepEqual([shop.status, desk.status], [200, 504]);
    });

    await t.test("clients that say nothing, or begin a request and stop", async (context) => {
      const rules = (conf: object) =>
        policy("MeshTimeout", "clients", { targetRef: EDGE, rules: [{ default: conf }] });
      await during(context, [
        "MeshTimeout",
        "clients",
        rules({ idleTimeout: "700ms", http: { requestHeadersTimeout: "60s", streamIdleTimeout: "60s" } }),
      ]);
      assert.equal((await untilClosed(gateway.address, "")).bytes, 0, "an idle connection is closed");
      await applied(
        world,
        rules({ idleTimeout: "60s", http: { requestHeadersTimeout: "700ms", streamIdleTimeout: "60s" } }),
      );
      const begun = await untilClosed(gateway.address, `GET / HTTP/1.1\r\nhost: ${SHOP}\r\n`);
      assert.match(begun.text, /^HTTP\/1.1 408 /);
    });

    await t.test("failed requests are sent again, as the destination's policy says", async (context) => {
      const portal = async (): Promise<number> =>
        sum(await world.sidecarStats("passenger-portal", "^cluster\\.localhost_8080\\.upstream_rq_total$"));
      const retries = (numRetries: number) => ({
        http: { numRetries, retryOn: ["5xx"], backOff: { baseInterval: "10ms", maxInterval: "20ms" } },
      });
      const yaml = policy("MeshRetry", "again", {
        to: [
          toMesh(retries(1)),
          { targetRef: { kind: "MeshService", name: "passenger-portal" }, default: retries(3) },
        ],
      });
      await during(context, ["MeshRetry", "again", yaml]);
      const before = await portal();
      assert.equal((await ask(DESK, "/fail?status=503&every=3&try=gateway")).status, 200);
      assert.equal((await portal()) - before, 3);
      assert.equal((await ask(DESK, "/fail?status=503")).status, 503);
      assert.equal((await portal()) - before, 7);
    });

    await t.test("too many requests at once are turned away", async (context) => {
      await during(
        context,
        put("MeshCircuitBreaker", "few", GATEWAYS, {
          connectionLimits: { maxRequests: 2, maxConnections: 1 },
        }),
      );
      const burst = await Promise.all(Array.from({ length: 8 }, () => ask(DESK, "/delay?ms=700")));
      const seen = burst.map(({ status }) => status).sort();
      assert.deepEqual(seen, [200, 200, ...many(503, 6)]);
    });

    const http = asker(`http://${gateway.address}:${HTTP_PORT}`);
    t.after(() => http.close());
    const who = async (headers: Readonly<Record<string, string>> = {}): Promise<string> =>
      (await http.ask("/", { headers: { host: SHOP, ...headers } })).instance;
    const all = ["check-in-api-1", "check-in-api-2", "check-in-api-3"];

    await t.test("an instance that fails its check gets no traffic", async (context) => {
      const [first] = checkIns;
      assert.ok(first);
      context.after(() => fetch(`${first.url}/health?status=200`));
      const conf = {
        ...{
          interval: "200ms",
          noTrafficInterval: "200ms",
          timeout: "5s",
          unhealthyThreshold: 2,
          healthyThreshold: 1,
        },
        http: { path: "/healthz", expectedStatuses: [200] },
      };
      await answeredOnlyBy(all, who);
      await during(context, put("MeshHealthCheck", "checks", EDGE, conf));
      await fetch(`${first.url}/health?status=503`);
      await answeredOnlyBy(all.slice(1), who);
      await fetch(`${first.url}/health?status=200`);
      await answeredOnlyBy(all, who);
    });

    await t.test("a ring of hashes sticks for the listener that has it", async (context) => {
      const conf = {
        loadBalancer: { type: "RingHash" },
        hashPolicies: [{ type: "Header", header: { name: "x-airline-passenger" } }],
      };
      await during(context, put("MeshLoadBalancingStrategy", "sticky", listener("shop"), conf));
      const homes = new Map<string, string>();
      for (let i = 0; i < 120; i++) {
        const passenger = `p${i % 40}`;
        const home = await who({ "x-airline-passenger": passenger });
        assert.equal(homes.get(passenger) ?? home, home, `${passenger} moved`);
        homes.set(passenger, home);
      }
      assert.deepEqual([...new Set(homes.values())].sort(), all);
    });

    await t.test("instances that are near the gateway win", async (context) => {
      const conf = {
        localityAwareness: { localZone: { affinityTags: [{ key: "rack", weight: 9_000_000 }] } },
      };
      await during(context, put("MeshLoadBalancingStrategy", "near", EDGE, conf));
      await answeredOnlyBy(["check-in-api-1"], who);
    });

    await t.test("one bucket for the hosts of a port, and one of its own for a listener", async (context) => {
      const limit = (num: number) => ({ local: { http: { requestRate: { num, interval: HOUR } } } });
      await during(context, put("MeshRateLimit", "gateway", EDGE, limit(5)));
      assert.deepEqual(await statuses(SHOP, 3), many(200, 3));
      assert.deepEqual(await statuses(DESK, 3), [200, 200, 429]);
      await during(context, put("MeshRateLimit", "desk", listener("desk"), limit(2)));
      assert.deepEqual(await statuses(DESK, 4), [200, 200, 429, 429]);
      assert.deepEqual(await statuses(SHOP, 6), [...many(200, 5), 429]);
    });

    await t.test("connections over the limit are closed", async (context) => {
      const conf = { local: { tcp: { connectionRate: { num: 2, interval: HOUR } } } };
      await during(context, put("MeshRateLimit", "connections", listener("bytes"), conf));
      assert.deepEqual([await greeted(), await greeted(), await greeted()], [true, true, false]);
      assert.equal((await ask(SHOP)).status, 200);
    });

    await t.test("faults hit their share of one listener's requests", async (context) => {
      const conf = { http: [{ abort: { httpStatus: 418, percentage: 25 } }] };
      await during(context, put("MeshFaultInjection", "faults", listener("shop"), conf));
      const count = 400;
      const failed = (await statuses(SHOP, count)).filter((status) => status === 418).length;
      // Less than one run in a million is further off.
      assert.ok(Math.abs(failed - count / 4) < 5 * Math.sqrt((count * 3) / 16), `${failed} of ${count}`);
      assert.deepEqual(new Set(await statuses(DESK, 50)), new Set([200]));
    });

    await t.test("requests of all gateways are counted together", async (context) => {
      await world.startRateLimitService("limits", 33);
      await until("the hour is young enough", () => Date.now() % 3_600_000 < 3_540_000, {
        timeoutMs: 90_000,
      });
      const url = `http://${world.site.block.address(33)}:10003`;
      await during(
        context,
        put("MeshGlobalRateLimit", "service", GATEWAYS, {
          backend: { rateLimitService: { url, timeout: "5s" } },
          http: { onRateLimit: { status: 423 } },
        }),
        put("MeshGlobalRateLimit", "rate", EDGE, { http: { requestRate: { num: 4, interval: HOUR } } }),
      );
      assert.deepEqual(await statuses(SHOP, 3), many(200, 3));
      assert.deepEqual(await statuses(DESK, 3), [200, 423, 423]);
    });

    await t.test("the agent of the gateway decides", async (context) => {
      const rego = `package edge
import rego.v1

default allow := false

allow if input.attributes.request.http.path == "/open"
`;
      const yaml = policy("MeshOPA", "edge", {
        targetRef: EDGE,
        default: { appendPolicies: [{ rego: { inlineString: rego } }] },
      });
      await during(context, ["MeshOPA", "edge", yaml]);
      await until("the agent decides", async () => (await ask(SHOP, "/open")).status === 200);
      assert.deepEqual(
        [
          (await ask(SHOP, "/shut")).status,
          (await ask(DESK, "/open")).status,
          (await ask(DESK, "/shut")).status,
        ],
        [403, 200, 403],
      );
    });

    await t.test("a patch of what is of the gateway", async (context) => {
      const value = "responseHeadersToAdd: [{header: {key: x-airline-edge, value: patched}}]";
      const patch = { virtualHost: { operation: "Patch", match: { origin: "gateway", name: SHOP }, value } };
      const yaml = policy("MeshProxyPatch", "edge", {
        targetRef: EDGE,
        default: { appendModifications: [patch] },
      });
      await during(context, ["MeshProxyPatch", "edge", yaml]);
      assert.equal((await ask(SHOP)).headers["x-airline-edge"], "patched");
      assert.equal((await ask(DESK)).headers["x-airline-edge"], undefined);
    });

    await t.test("TLS of its calls has the versions that a policy for gateways says", async (context) => {
      const versions = (proxyType: string, version: string) => {
        const rules = [{ default: { tlsVersion: { min: version, max: version } } }];
        return policy("MeshTLS", proxyType.toLowerCase(), {
          targetRef: { kind: "Mesh", proxyTypes: [proxyType] },
          rules,
        });
      };
      await during(
        context,
        ["MeshTLS", "sidecar", versions("Sidecar", "TLS13")],
        ["MeshTLS", "gateway", versions("Gateway", "TLS12")],
      );
      assert.equal((await ask(DESK)).status, 503);
      await applied(world, versions("Gateway", "TLS13"));
      assert.equal((await ask(DESK)).status, 200);
    });

    await t.test("what is said of a gateway is what its clients see", async (context) => {
      const explained = async (...args: readonly string[]) => {
        const { code, stdout, stderr } = await world.ctl([
          "explain",
          ...args,
          "-m",
          world.mesh,
          "-o",
          "json",
        ]);
        const answer = JSON.parse(stdout || "{}") as { verdict?: string; limits?: { requestMs?: number } };
        return { code, stderr, ...answer };
      };
      const abort = { http: [{ abort: { httpStatus: 418, percentage: 100 } }] };
      await during(
        context,
        put("MeshTimeout", "gateway", EDGE, { http: { requestTimeout: "400ms" } }),
        put("MeshFaultInjection", "faults", listener("desk"), abort),
      );
      const shop = await explained("edge-gateway", SHOP, "--path=/delay?ms=3000");
      assert.deepEqual([shop.code, shop.verdict, shop.limits?.requestMs], [0, "allowed", 400], shop.stderr);
      assert.equal((await ask(SHOP, "/delay?ms=3000")).status, 504);
      const desk = await explained(GATEWAY, `${DESK}:${HTTP_PORT}`);
      assert.deepEqual([desk.code, desk.verdict], [3, "aborted"]);
      assert.equal((await ask(DESK)).status, 418);
      const service = await explained(GATEWAY, "check-in-api");
      assert.deepEqual([service.code, service.verdict], [0, "allowed"]);
      const nobody = await explained(GATEWAY, "nobody.test");
      assert.notEqual(nobody.code, 0);
      assert.match(nobody.stderr, /takes no requests for "nobody.test"/);
      assert.equal((await ask("nobody.test")).status, 404);

      const served = await world.ctl(["inspect", "meshgateway", "edge-gateway", "-m", world.mesh]);
      assert.equal(served.stdout, `${GATEWAY}\n`);
      const affected = await world.ctl(["inspect", "meshfaultinjection", "faults", "-m", world.mesh]);
      assert.match(affected.stdout, new RegExp(`^ {2}${GATEWAY}$`, "m"));
      const fields = await world.ctl(["inspect", "dataplane", GATEWAY, "-m", world.mesh, "--type=fields"]);
      assert.match(fields.stdout, new RegExp(`inbound ${HTTP_PORT}:${DESK}`));
      assert.match(fields.stdout, /http\.requestTimeout\s+400ms/);
      const preview = await world.ctl(["apply", "-f", "-", "--dry-run=server"], {
        stdin: calls("MeshRateLimit", "limits", listener("shop"), LIMIT),
      });
      assert.match(preview.stdout, new RegExp(GATEWAY));
    });

    await t.test("who writes what comes to nothing at a gateway is told", async () => {
      const permission = await world.apply(
        policy("MeshTrafficPermission", "edge", {
          targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": GATEWAY } },
          from: [{ targetRef: { kind: "Mesh" }, default: { action: "Deny" } }],
        }),
      );
      assert.match(permission.stdout + permission.stderr, /has no effect on built-in gateways, such as edge/);
      assert.equal((await ask(SHOP)).status, 200);
      await deleted(world, "meshtrafficpermission", "edge");
      const missing = await world.apply(calls("MeshRateLimit", "missing", { ...EDGE, name: "edeg" }, LIMIT));
      assert.match(missing.stdout + missing.stderr, /there is no MeshGateway "edeg" now/);
      await deleted(world, "meshratelimit", "missing");
      const fine = await world.apply(calls("MeshRateLimit", "fine", EDGE, LIMIT));
      assert.doesNotMatch(fine.stdout + fine.stderr, /warning/i);
      await deleted(world, "meshratelimit", "fine");
    });
  });
});

const LIMIT = { local: { http: { requestRate: { num: 1_000, interval: "1s" } } } };

/** Sends text, and waits until the other end closes. */
function untilClosed(
  address: string,
  text: string,
): Promise<{ readonly bytes: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    let seen = "";
    const socket = connect(HTTP_PORT, address, () => {
      if (text !== "") socket.write(text);
    });
    socket.setTimeout(30_000, () => socket.destroy(new Error("still open after 30 s")));
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve({ bytes: seen.length, text: seen }));
  });
}

function sum(stats: ReadonlyMap<string, number>): number {
  return [...stats.values()].reduce((total, value) => total + value, 0);
}
