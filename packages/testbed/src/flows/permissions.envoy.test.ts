import assert from "node:assert/strict";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { until } from "../poll.ts";
import { identity, idOf } from "./documents.ts";
import { get, tcpClient } from "./load.ts";
import { applied, callerSeen, deleted, documents, meshYaml, policy, reachable, withScene } from "./scene.ts";

/** Permissions of which only the names of the lists differ from step to step. */
const permission = (lists: Readonly<Record<string, string>>): string =>
  policy("MeshTrafficPermission", "portal", {
    rules: [
      {
        default: Object.fromEntries(
          Object.entries(lists).map(([list, service]) => [
            list,
            [{ spiffeID: { type: "Exact", value: idOf(service) } }],
          ]),
        ),
      },
    ],
  });
const ALLOWED = permission({ allow: "passenger-portal" });
const SOMEBODY_ELSE = permission({ allow: "baggage" });
const DENIED = permission({ allow: "passenger-portal", deny: "passenger-portal" });
const SHADOWED = permission({ allowWithShadowDeny: "passenger-portal" });

test("permissions reach requests on open connections as soon as the change is acknowledged", async () => {
  await withScene(documents(meshYaml(), identity(), ALLOWED), async (scene) => {
    const { world, portal, checkIn, checkInUrl } = scene;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const connections = "check-in-api.*upstream_cx_total$";
    assert.equal((await get(agent, checkInUrl)).status, 200);
    const before = await portal.sidecar.stats(connections);
    assert.ok(before.size > 0);
    for (const [change, status] of [
      [SOMEBODY_ELSE, 403],
      [ALLOWED, 200],
      [DENIED, 403],
      [SHADOWED, 200],
      [SOMEBODY_ELSE, 403],
    ] as const) {
      await applied(world, change);
      const answer = await get(agent, checkInUrl);
      assert.equal(answer.status, status, answer.body);
      assert.ok(answer.reused, "the client had to open a new connection");
    }
    assert.deepEqual(
      await portal.sidecar.stats(connections),
      before,
      "the caller's sidecar opened new connections",
    );

    await applied(world, SHADOWED);
    const denied = async (): Promise<number> => total(await checkIn.sidecar.stats("rbac.*shadow_denied$"));
    const counted = await denied();
    for (let i = 0; i < 20; i++) assert.equal((await get(agent, checkInUrl)).status, 200);
    assert.equal(await denied(), counted + 20);
    agent.destroy();
  });
});

test("a connection of bytes keeps the permission that it was opened with until its listener has drained", async () => {
  await withScene(documents(meshYaml(), identity(), ALLOWED), async (scene) => {
    const { world, checkInUrl, flightControlPort } = scene;
    const host = new URL(checkInUrl).hostname;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    const conversation = await converse(host, flightControlPort);
    assert.equal(await conversation.say("before"), "before");
    await applied(world, SOMEBODY_ELSE);
    assert.notEqual(await tcpClient(host, flightControlPort).send(), undefined, "a new connection is let in");
    assert.equal(await conversation.say("after"), "after");
    // The world's drain time is five seconds.
    await until("the listener's old connections are closed", () => conversation.closed, {
      timeoutMs: 15_000,
    });
    await applied(world, ALLOWED);
    assert.equal(await tcpClient(host, flightControlPort).send(), undefined);
  });
});

test("who is not let in reads nothing of a service that speaks first", async () => {
  await withScene(documents(meshYaml(), identity(), ALLOWED), async (scene) => {
    const { world, checkInUrl, flightControl, flightControlPort } = scene;
    const host = new URL(checkInUrl).hostname;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    const greeted = async (): Promise<boolean> => (await firstWords(host, flightControlPort)) !== "";
    assert.ok(await greeted());
    for (const [change, isGreeted] of [
      [SOMEBODY_ELSE, false],
      [ALLOWED, true],
      [DENIED, false],
      [SHADOWED, true],
    ] as const) {
      await applied(world, change);
      for (let i = 0; i < 10; i++) assert.equal(await greeted(), isGreeted, change);
    }
    const refusals = "listener.*ssl.fail_verify_san$";
    const before = total(await flightControl.sidecar.stats(refusals));
    await deleted(world, "meshtrafficpermission", "portal");
    for (let i = 0; i < 10; i++) assert.ok(!(await greeted()), "nobody is let in by anything");
    assert.ok(total(await flightControl.sidecar.stats(refusals)) >= before + 10);
    assert.equal((await get(undefined, checkInUrl)).status, 403, "requests are answered");
  });
});

function total(stats: ReadonlyMap<string, number>): number {
  return [...stats.values()].reduce((sum, each) => sum + each, 0);
}

/** All that comes before the connection is closed, or the first of it. */
function firstWords(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }).setEncoding("utf8");
    socket.setTimeout(20_000, () => reject(new Error("neither a word nor an end in 20 s")));
    socket.on("data", (words: string) => {
      socket.destroy();
      resolve(words);
    });
    socket.on("error", () => resolve(""));
    socket.on("close", () => resolve(""));
  });
}

interface Conversation {
  readonly closed: boolean;
  say(word: string): Promise<string>;
}

/** A connection to the TCP echo that stays open. */
async function converse(host: string, port: number): Promise<Conversation> {
  let closed = false;
  let lines: readonly string[] = [];
  let rest = "";
  const socket: Socket = connect({ host, port });
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    lines = [...lines, ...parts];
  });
  socket.on("close", () => {
    closed = true;
  });
  socket.on("error", () => {});
  await until("the app greets", () => lines.length > 0);
  return {
    get closed() {
      return closed;
    },
    say: async (word) => {
      const before = lines.length;
      socket.write(`${word}\n`);
      return await until(`an echo of "${word}"`, () => lines[before]);
    },
  };
}
