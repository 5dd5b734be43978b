import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { pause, until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import {
  applied,
  deleted,
  documents,
  httpLoad,
  inSync,
  nothingLost,
  openMeshYaml,
  policy,
  WAIT,
} from "./scene.ts";

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** What an app says of the request that reached it. */
interface Seen {
  readonly service: string;
  readonly instance: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

test("requests and connections go where routes say", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(openMeshYaml());
    const v2 = (n: number) => ({
      service: "check-in-api-v2",
      instance: `check-in-api-v2-${n}`,
      host: 13 + n,
    });
    const [, , , , baggage] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [
          { service: "check-in-api", port: 10_001 },
          { service: "flight-control", port: 10_002 },
        ],
      }),
      world.startService({ service: "check-in-api", host: 12 }),
      world.startService({ service: "check-in-api", instance: "check-in-api-2", host: 13 }),
      world.startService(v2(1)),
      world.startService({ service: "baggage", host: 17 }),
      world.startService({ service: "flight-control", host: 18, tcp: true }),
      world.startService({ service: "flight-control-v2", host: 19, tcp: true }),
    ]);
    const host = world.site.block.address(11);
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const ask = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Reply> =>
      new Promise((resolve, reject) => {
        const outgoing = request({ host, port: 10_001, path, headers, method, agent }, (answer) => {
          let body = "";
          answer.setEncoding("utf8").on("data", (chunk: string) => {
            body += chunk;
          });
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
        });
        outgoing.on("error", reject);
        outgoing.end();
      });
    const seen = async (path: string, headers?: Record<string, string>, method?: string): Promise<Seen> => {
      const reply = await ask(path, headers, method);
      assert.equal(reply.status, 200, reply.body);
      return JSON.parse(reply.body) as Seen;
    };
    const route = (...rules: readonly object[]): string =>
      policy("MeshHTTPRoute", "check-in", {
        targetRef: { kind: "Dataplane", labels: { app: "passenger-portal" } },
        to: [{ targetRef: { kind: "MeshService", name: "check-in-api" }, rules }],
      });
    const to = (name: string, weight = 1): object => ({ kind: "MeshService", name, port: 8080, weight });
    const prefix = (value: string): object => ({ path: { type: "PathPrefix", value } });
    await until("check-in-api answers", async () => (await ask("/")).status === 200);

    await t.test("a split of 90 to 10 is one, and stays one when instances are added", async () => {
      const split = [to("check-in-api", 90), to("check-in-api-v2", 10)];
      await applied(world, route({ matches: [prefix("/")], default: { backendRefs: split } }));
      const share = async (): Promise<number> => {
        const answers = await Promise.all(Array.from({ length: 1_000 }, () => seen("/")));
        return answers.filter(({ service }) => service === "check-in-api-v2").length;
      };
      // Five standard deviations: a fair split is outside once in two million runs.
      const isTenth = (count: number): boolean => Math.abs(count - 100) < 5 * Math.sqrt(1_000 * 0.1 * 0.9);
      const before = await share();
      assert.ok(isTenth(before), `${before} of 1000`);
      await Promise.all([world.startService(v2(2)), world.startService(v2(3))]);
      await until("all three instances are called", async () => {
        const answers = await Promise.all(Array.from({ length: 50 }, () => seen("/")));
        return (
          new Set(answers.filter(({ service }) => service === "check-in-api-v2").map((each) => each.instance))
            .size === 3
        );
      });
      const after = await share();
      assert.ok(isTenth(after), `${after} of 1000 with three instances`);
    });

    await t.test("path, method, header and query choose", async () => {
      const v2Only = { backendRefs: [to("check-in-api-v2")] };
      await applied(
        world,
        route(
          { matches: [{ ...prefix("/api"), method: "GET" }], default: v2Only },
          { matches: [{ path: { type: "Exact", value: "/exact" } }], default: v2Only },
          { matches: [{ path: { type: "RegularExpression", value: "/r/[0-9]+" } }], default: v2Only },
          { matches: [{ headers: [{ name: "x-airline-canary", value: "yes" }] }], default: v2Only },
          { matches: [{ queryParams: [{ name: "beta", type: "Exact", value: "1" }] }], default: v2Only },
        ),
      );
      const service = async (...args: Parameters<typeof seen>): Promise<string> =>
        (await seen(...args)).service.replace("check-in-api", "v1").replace("v1-v2", "v2");
      const table: readonly [expected: string, ...args: Parameters<typeof seen>][] = [
        ["v2", "/api"],
        ["v2", "/api/x?y"],
        ["v1", "/apis"],
        ["v1", "/api", {}, "POST"],
        ["v2", "/exact"],
        ["v1", "/exact/x"],
        ["v2", "/r/42"],
        ["v1", "/r/42x"],
        ["v2", "/", { "x-airline-canary": "yes" }],
        ["v1", "/", { "x-airline-canary": "no" }],
        ["v2", "/?beta=1"],
        ["v1", "/?beta=2"],
      ];
      for (const [expected, ...args] of table)
        assert.equal(await service(...args), expected, JSON.stringify(args));
    });

    await t.test("rewrites, header changes, redirects and copies show on the wire", async () => {
      const copies = async (): Promise<number> =>
        [...(await baggage.sidecar.stats("^cluster\\.localhost_8080\\.upstream_rq_total$")).values()][0] ?? 0;
      const before = await copies();
      await applied(
        world,
        route(
          {
            matches: [prefix("/v1")],
            default: {
              filters: [
                {
                  type: "URLRewrite",
                  urlRewrite: {
                    hostname: "new.example",
                    path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" },
                  },
                },
                {
                  type: "RequestHeaderModifier",
                  requestHeaderModifier: {
                    set: [{ name: "x-airline-set", value: "50%" }],
                    add: [{ name: "x-airline-add", value: "two" }],
                    remove: ["x-airline-gone"],
                  },
                },
                {
                  type: "ResponseHeaderModifier",
                  responseHeaderModifier: { set: [{ name: "x-airline-answer", value: "yes" }] },
                },
              ],
            },
          },
          {
            matches: [prefix("/old")],
            default: {
              filters: [
                {
                  type: "RequestRedirect",
                  requestRedirect: {
                    hostname: "new.example",
                    statusCode: 301,
                    path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/new" },
                  },
                },
              ],
            },
          },
          {
            matches: [prefix("/copied")],
            default: { filters: [{ type: "RequestMirror", requestMirror: { backendRef: to("baggage") } }] },
          },
          {
            matches: [prefix("/sampled")],
            default: {
              filters: [
                { type: "RequestMirror", requestMirror: { backendRef: to("baggage"), percentage: "12.5" } },
              ],
            },
          },
        ),
      );
      const { path, headers } = await seen("/v1/x?q=1", {
        "x-airline-set": "old",
        "x-airline-add": "one",
        "x-airline-gone": "x",
      });
      assert.deepEqual(
        [path, headers.host, headers["x-airline-set"], headers["x-airline-add"], headers["x-airline-gone"]],
        ["/v2/x?q=1", "new.example", "50%", "one, two", undefined],
      );
      assert.equal((await ask("/v1")).headers["x-airline-answer"], "yes");
      const moved = await ask("/old/x?q=1");
      assert.deepEqual([moved.status, moved.headers.location], [301, "http://new.example/new/x?q=1"]);
      for (let i = 0; i < 20; i++) assert.equal((await seen("/copied")).service, "check-in-api");
      await until("twenty copies arrive", async () => (await copies()) - before === 20);
      const sampled = 800;
      await Promise.all(Array.from({ length: sampled }, () => seen("/sampled")));
      // Copies are sent beside the requests: two looks that agree have seen all of them.
      const arrived = await until("the last of a share of the copies arrives", async () => {
        const count = await copies();
        await pause(500);
        return count === (await copies()) && count;
      });
      const share = arrived - before - 20;
      assert.ok(
        Math.abs(share - sampled / 8) < 5 * Math.sqrt(sampled * 0.125 * 0.875),
        `${share} of ${sampled} were copied`,
      );
    });

    await t.test("timeouts and retries may be about a route", async () => {
      const conf = (type: string, http: object): string =>
        policy(type, "of-route", {
          to: [{ targetRef: { kind: "MeshHTTPRoute", name: "check-in" }, default: { http } }],
        });
      await applied(
        world,
        documents(
          route(
            { matches: [prefix("/delay")], default: {} },
            // One instance, which counts for itself how often it was tried.
            { matches: [prefix("/fail")], default: { backendRefs: [to("baggage")] } },
          ),
          conf("MeshTimeout", { requestTimeout: "300ms" }),
          conf("MeshRetry", { numRetries: 2, retryOn: ["5xx"], backOff: { baseInterval: "10ms" } }),
        ),
      );
      assert.equal((await ask("/delay?ms=1000")).status, 504);
      assert.equal((await ask("/call/delay?ms=1000")).status, 404, "another path, past the route");
      await deleted(world, "meshtimeout", "of-route");
      assert.equal((await ask("/fail?status=503&every=3&try=1")).status, 200, "the third attempt succeeds");
      await deleted(world, "meshretry", "of-route");
      assert.equal((await ask("/fail?status=503&every=3&try=2")).status, 503);
    });

    await t.test("a rule with nobody to serve it answers so, and serves when somebody comes", async () => {
      const output = await world.ctl(["apply", "-f", "-", WAIT], {
        stdin: route({ matches: [prefix("/crew")], default: { backendRefs: [to("crew")] } }),
      });
      assert.match(output.stdout + output.stderr, /backendRefs\[0\]: there is no such MeshService now/);
      const answer = await ask("/crew/x");
      assert.equal(answer.status, 503);
      assert.match(answer.body, /no backend of route kri_mhttpr_kong-air-mesh_.*check-in_ can be served/);
      assert.equal((await seen("/other")).service, "check-in-api");
      const plan = await fetch(
        `${world.controlPlane.api}/meshes/kong-air-mesh/dataplanes/passenger-portal/_plan`,
      );
      assert.match(await plan.text(), /"UnresolvedBackend"/);
      await world.startService({ service: "crew", host: 20 });
      await until("crew is reached", async () => {
        const { status, body } = await ask("/crew/x");
        return status === 200 && (JSON.parse(body) as Seen).service === "crew";
      });
    });

    await t.test("no request is lost while routes change", async () => {
      const load = httpLoad(`http://${host}:10001/`, "kept", 200);
      for (let weight = 10; weight <= 100; weight += 10) {
        await applied(
          world,
          route({
            matches: [prefix("/")],
            default: { backendRefs: [to("check-in-api", 100 - weight), to("check-in-api-v2", weight)] },
          }),
        );
      }
      await deleted(world, "meshhttproute", "check-in");
      await nothingLost([load]);
      await inSync(world);
    });

    await t.test("connections are shared out by a MeshTCPRoute", async () => {
      await applied(
        world,
        policy("MeshTCPRoute", "control", {
          to: [
            {
              targetRef: { kind: "MeshService", name: "flight-control" },
              rules: [{ default: { backendRefs: [to("flight-control", 3), to("flight-control-v2", 1)] } }],
            },
          ],
        }),
      );
      const greetings = await Promise.all(Array.from({ length: 400 }, () => greeting(host, 10_002)));
      const second = greetings.filter((name) => name === "flight-control-v2").length;
      assert.equal(greetings.filter((name) => name === "flight-control").length + second, 400);
      assert.ok(Math.abs(second - 100) < 5 * Math.sqrt(400 * 0.25 * 0.75), `${second} of 400`);
    });
    agent.destroy();
  });
});

/** The name that a TCP app greets with. */
function greeting(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write("hello\n"));
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (!text.includes("\n")) return;
      socket.destroy();
      resolve(text.slice(0, text.indexOf("\n")));
    });
    socket.on("error", reject);
    socket.on("end", () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
  });
}
