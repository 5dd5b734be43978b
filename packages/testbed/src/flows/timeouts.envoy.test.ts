import assert from "node:assert/strict";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { until } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";
import { withWorld } from "../world/world.ts";
import { freeze } from "./frozen.ts";
import { get } from "./load.ts";
import { applied, deleted, documents, meshYaml, policy } from "./scene.ts";
import { drained } from "./two-callers.ts";

/** So long that nothing ends because of it. */
const LONG = "1m";
/** Longer than every limit here, shorter than {@link LONG}. */
const SLOW = "/delay?ms=20000";
const HTTP = 10_001;
const BYTES = 10_002;

/** Both sides speak TLS to each other, and the callee takes connections from outside the mesh too. */
const MESH = documents(
  meshYaml({
    mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin", mode: "PERMISSIVE" }] },
  }),
  policy("MeshTrafficPermission", "everybody", {
    from: [{ targetRef: { kind: "Mesh" }, default: { action: "Allow" } }],
  }),
);

test("every time-out of a MeshTimeout ends what it is about", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(MESH);
    const [portal, checkIn, flightControl] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [
          { service: "check-in-api", port: HTTP },
          { service: "flight-control", port: BYTES },
        ],
      }),
      world.startService({ service: "check-in-api", host: 12 }),
      world.startService({ service: "flight-control", host: 13, tcp: true }),
    ]);
    const host = world.site.block.address(11);
    const status = async (path = "/"): Promise<number> =>
      (await get(undefined, `http://${host}:${HTTP}${path}`, 60_000)).status;
    const total = async ({ stats }: Sidecar, filter: string): Promise<number> =>
      [...(await stats(filter)).values()].reduce((sum, value) => sum + value, 0);
    const toCheckIn = (name: string) => total(portal.sidecar, `check-in-api.*\\.upstream_${name}$`);

    const during = async (context: TestContext, ...specs: readonly object[]): Promise<readonly string[]> => {
      const said: string[] = [];
      for (const [i, spec] of specs.entries()) {
        const name = `limits-${i}`;
        if (!used.has(name)) {
          context.after(async () => {
            used.delete(name);
            await deleted(world, "meshtimeout", name);
          });
        }
        used.add(name);
        const { stdout, stderr } = await world.apply(policy("MeshTimeout", name, spec), ["--wait=20s"]);
        said.push(stdout + stderr);
      }
      return said;
    };
    const used = new Set<string>();
    const calls = (conf: object) => ({ to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
    const callee = (app: string, conf: object) => ({
      targetRef: { kind: "Dataplane", labels: { app } },
      rules: [{ default: conf }],
    });
    await until("check-in-api answers", async () => (await status()) === 200);
    await until("flight-control greets", async () => {
      const socket = connect({ host, port: BYTES });
      await until("it greets", () => socket.bytesRead > 0);
      return socket.destroy().destroyed;
    });

    await t.test("towards a service: a stream on which nothing moves", async (context) => {
      await during(context, calls({ http: { requestTimeout: LONG, streamIdleTimeout: "700ms" } }));
      assert.equal(await status(SLOW), 504);
      assert.equal(await status(), 200);
    });

    await t.test(
      "towards a service: a stream that lasts too long, whatever else is allowed",
      async (context) => {
        const http = { requestTimeout: LONG, streamIdleTimeout: LONG, maxStreamDuration: "700ms" };
        await during(context, calls({ http }));
        const before = await toCheckIn("rq_max_duration_reached");
        assert.equal(await status(SLOW), 504);
        assert.equal((await toCheckIn("rq_max_duration_reached")) - before, 1);
        assert.equal(await status(), 200);
      },
    );

    await t.test("towards a service: connections lie idle, or get old", async (context) => {
      await during(context, calls({ idleTimeout: "500ms" }));
      const idle = await toCheckIn("cx_idle_timeout");
      assert.equal(await status(), 200);
      await until("the idle connection is closed", async () => (await toCheckIn("cx_idle_timeout")) > idle);
      await applied(
        world,
        policy("MeshTimeout", "limits-0", calls({ http: { maxConnectionDuration: "500ms" } })),
      );
      const old = await toCheckIn("cx_max_duration_reached");
      await until("an old connection is replaced, under requests", async () => {
        assert.equal(await status(), 200);
        return (await toCheckIn("cx_max_duration_reached")) > old;
      });
    });

    await t.test("towards a service: a connection of bytes that lies idle", async (context) => {
      const socket = opened(context, host, BYTES);
      await until("it greets", () => socket.bytesRead > 0);
      await during(context, calls({ idleTimeout: "700ms" }));
      const limited = opened(context, host, BYTES);
      await ended(limited);
      assert.ok(limited.bytesRead > 0, "it was closed before it greeted");
    });

    await t.test("towards a service: a connection that does not come about", async (context) => {
      await during(context, calls({ connectionTimeout: "500ms" }));
      const filter = "flight-control.*\\.upstream_cx_connect_timeout$";
      const before = await total(portal.sidecar, filter);
      let isFrozen = true;
      // A callee that stands still takes the connection and finishes no handshake.
      const frozen = freeze(flightControl.sidecar, 6_000).finally(() => {
        isFrozen = false;
      });
      await ended(opened(context, host, BYTES));
      assert.ok(isFrozen, "the connection waited for the callee");
      assert.equal((await total(portal.sidecar, filter)) - before, 1);
      await frozen;
    });

    await t.test("of a service: requests and streams to its application", async (context) => {
      await during(
        context,
        calls({ http: { requestTimeout: LONG, streamIdleTimeout: LONG } }),
        callee("check-in-api", { http: { requestTimeout: "700ms" } }),
      );
      const isInbound = async (name: string) =>
        await total(checkIn.sidecar, `^cluster\\.localhost_8080\\.upstream_${name}$`);
      const late = await isInbound("rq_timeout");
      assert.equal(await status(SLOW), 504);
      assert.equal((await isInbound("rq_timeout")) - late, 1);
      const lasting = await isInbound("rq_max_duration_reached");
      const limits = { http: { maxStreamDuration: "700ms" } };
      await applied(world, policy("MeshTimeout", "limits-1", callee("check-in-api", limits)));
      assert.equal(await status(SLOW), 504);
      assert.equal((await isInbound("rq_max_duration_reached")) - lasting, 1);
    });

    await t.test(
      "of a service: callers that begin a request and stop, and connections of bytes",
      async (context) => {
        await during(
          context,
          callee("check-in-api", { http: { requestTimeout: LONG, requestHeadersTimeout: "700ms" } }),
          callee("flight-control", { idleTimeout: "700ms" }),
        );
        const begun = opened(context, checkIn.sidecar.address, 8080);
        begun.write("GET / HTTP/1.1\r\nhost: check-in-api\r\n");
        assert.match(await ended(begun), /^HTTP\/1\.1 408 /);
        const silent = opened(context, flightControl.sidecar.address, 8080);
        // A callee that takes TLS and bytes on one port waits for the first of them.
        silent.write("hello\n");
        assert.match(await ended(silent), /^flight-control/);
      },
    );

    await t.test("from lists and older kinds of targets do the same, and warn", async (context) => {
      // What the callee's listener was replaced for ends connections that are left over after a while.
      await drained(checkIn.sidecar);
      const caller = { "kuma.io/service": "passenger-portal" };
      const short = { http: { requestTimeout: "700ms" } };
      const long = calls({ http: { requestTimeout: LONG, streamIdleTimeout: LONG } });
      const targets = [
        { kind: "MeshSubset", tags: caller },
        { kind: "MeshService", name: "passenger-portal" },
        { kind: "MeshServiceSubset", name: "passenger-portal", tags: caller },
      ];
      for (const targetRef of targets) {
        const [, said = ""] = await during(context, long, { targetRef, ...calls(short) });
        assert.match(said, new RegExp(`spec\\.targetRef\\.kind: ${targetRef.kind} is deprecated`));
        assert.equal(await status(SLOW), 504, targetRef.kind);
        const other = {
          ...targetRef,
          ...("name" in targetRef ? { name: "baggage" } : { tags: { "kuma.io/service": "baggage" } }),
        };
        await applied(world, policy("MeshTimeout", "limits-1", { targetRef: other, ...calls(short) }));
        assert.equal(await status("/delay?ms=1500"), 200, `${targetRef.kind} of another service`);
      }
      const from = [{ targetRef: { kind: "Mesh" }, default: short }];
      const [, said = ""] = await during(context, long, {
        targetRef: { kind: "MeshService", name: "check-in-api" },
        from,
      });
      assert.match(said, /spec\.from is deprecated; use 'rules' instead/);
      assert.equal(await status(SLOW), 504);
    });

    await t.test("none of it without a policy", async () => {
      await drained(checkIn.sidecar);
      assert.equal(await status("/delay?ms=1500"), 200);
      const agent = new Agent({ keepAlive: true });
      const url = `http://${host}:${HTTP}/`;
      await get(agent, url);
      assert.equal((await get(agent, url)).reused, true);
      agent.destroy();
    });
  });
});

function opened(context: TestContext, host: string, port: number): Socket {
  const socket = connect({ host, port });
  context.after(() => socket.destroy());
  return socket;
}

/** What came over a connection until the other end closed it. */
function ended(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = "";
    socket.setTimeout(30_000, () => socket.destroy(new Error("still open after 30 s")));
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(seen));
  });
}
