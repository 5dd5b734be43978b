import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import type { World } from "../world/world.ts";
import { ALLOW_ALL, identity } from "./documents.ts";
import { applied, deleted, documents, inSync, meshYaml, policy, WAIT } from "./scene.ts";
import {
  APP_UID,
  type RunningProxy,
  type TransparentScene,
  withTransparentScene,
} from "./transparent-scene.ts";

const ECHO = `require("net").createServer((s) => { s.on("error", () => {}).pipe(s); }).listen(9000, "::", () => console.log("listening"));`;
const GREETER = (port: number): string =>
  `require("net").createServer((s) => { s.on("error", () => {}); s.end("welcome\\n"); }).listen(${port}, "::", () => console.log("listening"));`;
/** Says nothing, and prints what the server says. */
const LISTEN = (address: string): string => `require("net").connect(22, "${address}").pipe(process.stdout)`;
const OPEN = (address: string): string =>
  `require("net").connect(9000, "${address}").on("connect", function () { this.write("hello"); })
    .on("data", (text) => console.log("heard " + text)).on("error", () => {}).on("close", () => console.log("closed"));`;

const passthrough = (name: string, conf: object, targetRef: object = { kind: "Mesh" }): string =>
  policy("MeshPassthrough", name, { targetRef, default: conf });
const matched = (...appendMatch: readonly object[]) => ({ passthroughMode: "Matched", appendMatch });

/** Types of the conditions of a proxy, as its status has them. */
async function conditionsOf({ controlPlane }: World, proxy: string): Promise<readonly string[]> {
  const answer = await fetch(`${controlPlane.api}/_proxy-status`);
  const { items } = (await answer.json()) as {
    items: readonly { readonly name: string; readonly conditions: readonly { readonly type: string }[] }[];
  };
  return items.flatMap(({ name, conditions }) => (name === proxy ? conditions.map(({ type }) => type) : []));
}

/** The sum of a proxy's counters. */
async function sum(proxy: RunningProxy, filter: string): Promise<number> {
  return [...(await proxy.stats(filter)).values()].reduce((total, value) => total + value, 0);
}

/** GET as the application of `web` does, under a name that it makes up. */
async function statusAt(scene: TransparentScene, host: string, name: string): Promise<number> {
  const resolve = `${name}:8080:${scene.host(host).ipv4}`;
  const words = ["curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}"];
  const { stdout } = await scene
    .host("web")
    .run([...words, "--resolve", resolve, `http://${name}:8080/`], { as: { uid: APP_UID } });
  return Number(stdout);
}

test("policies decide what leaves, from the moment that they are in force, and say what they close", async () => {
  const hosts = ["web", "db", "one", "two"];
  await withTransparentScene(
    { hosts, documents: documents(meshYaml(), identity(), ALLOW_ALL) },
    async (scene) => {
      const { world } = scene;
      const [one, two] = [scene.host("one"), scene.host("two")];
      const urlOf = { one: `http://${one.ipv4}:8080/`, two: `http://${two.ipv4}:8080/` };
      await Promise.all(hosts.map((name) => scene.startApp(name)));
      for (const [name, script] of [
        ["echo", ECHO],
        ["greeter", GREETER(22)],
      ] as const) {
        const server = await one.start(name, [process.execPath, "-e", script]);
        await until(`${name} listens`, () => server.tail().includes("listening"));
      }
      await scene
        .host("db")
        .start("greeter", [process.execPath, "-e", GREETER(2200)], { as: { uid: APP_UID } });
      const args = ["--transparent-proxy", "--unified-naming"];
      await scene.startProxy("db", { networking: { inbound: [{ port: 2200, protocol: "tcp" }] }, args });
      const backendRef = { kind: "MeshService", name: "db", port: 2200 };
      const web = await scene.startProxy("web", {
        networking: {
          inbound: [{ port: 8080, protocol: "http" }],
          outbound: [{ address: "240.0.0.7", port: 22, backendRef }],
          transparentProxying: { redirectPortInbound: 15_006, redirectPortOutbound: 15_001 },
        },
        args: ["--unified-naming"],
      });
      await Promise.all([scene.reaches("web", urlOf.one), scene.reaches("web", urlOf.two)]);

      const open = await scene
        .host("web")
        .start("open", [process.execPath, "-e", OPEN(one.ipv4)], { as: { uid: APP_UID } });
      await until("a connection is open", () => open.tail().includes("heard hello"));

      // A policy that says nothing closes the mesh, and whoever applies it hears so.
      const { stdout, stderr } = await world.apply(passthrough("perimeter", {}), [WAIT]);
      assert.match(stdout + stderr, /NOTHING leaves the mesh/);
      await scene.isRefused("web", urlOf.one);
      await scene.isRefused("web", urlOf.two);
      await until("what was open has ended", () => open.tail().includes("closed"));

      await applied(world, passthrough("perimeter", matched({ type: "IP", value: one.ipv4, port: 8080 })));
      await scene.reaches("web", urlOf.one);
      await scene.isRefused("web", urlOf.two);
      await scene.isRefused("web", `http://${one.ipv4}:9000/`);
      const counted = await web.stats(`^cluster.meshpassthrough_tcp_.*_8080.upstream_cx_total$`);
      assert.equal(counted.size, 1);
      assert.ok([...counted.values()].every((value) => value > 0));

      // Entries of a second policy add to it; the two of them disagree about one name, which breaks nothing.
      const name = { type: "Domain", value: "two.example.com", port: 8080 };
      await applied(
        world,
        passthrough(
          "perimeter",
          matched({ type: "IP", value: one.ipv4, port: 8080 }, { ...name, protocol: "http2" }),
        ),
      );
      const second = await world.apply(
        passthrough(
          "for-web",
          { appendMatch: [{ ...name, protocol: "http" }] },
          {
            kind: "Dataplane",
            labels: { app: "web" },
          },
        ),
        [WAIT],
      );
      assert.match(second.stdout + second.stderr, /http2 two\.example\.com on port 8080 has no effect/);
      assert.equal(await statusAt(scene, "two", "two.example.com"), 200);
      assert.equal(await statusAt(scene, "two", "other.example.com"), 503);
      assert.equal(await statusAt(scene, "one", "other.example.com"), 200, "addresses come before names");
      await inSync(world);
      assert.deepEqual(await conditionsOf(world, "web"), ["PassthroughConflict"]);

      // Without a control plane all of it holds.
      await world.killControlPlane();
      await scene.reaches("web", urlOf.one);
      assert.equal(await statusAt(scene, "two", "other.example.com"), 503);
      await world.startControlPlane();

      // Servers that speak first, outside of the mesh and in it, where TLS is looked for on every port.
      await applied(
        world,
        passthrough(
          "perimeter",
          matched({ type: "IP", value: one.ipv4, port: 22 }, { type: "Domain", value: "*", protocol: "tls" }),
        ),
      );
      for (const address of [one.ipv4, "240.0.0.7"]) {
        await until(`the server of ${address} is heard`, async () => {
          const words = [process.execPath, "-e", LISTEN(address)];
          return (await scene.host("web").check(words, { as: { uid: APP_UID } })) === "welcome\n";
        });
      }
      // The proxy's own port leads nowhere, and not round and round, also where everything may leave.
      await applied(world, passthrough("perimeter", matched({ type: "CIDR", value: "0.0.0.0/0" })));
      await scene.reaches("web", urlOf.two);
      const taken = "^listener.self_transparentproxy_passthrough_.*.downstream_cx_total$";
      const before = await sum(web, taken);
      for (const address of ["127.0.0.1", scene.host("web").ipv4]) {
        for (const port of [15_001, 15_006]) await scene.isRefused("web", `http://${address}:${port}/`);
      }
      const made = (await sum(web, taken)) - before;
      assert.ok(made >= 1 && made < 20, `${made} connections`);

      await deleted(world, "meshpassthrough", "for-web");
      await deleted(world, "meshpassthrough", "perimeter");
      await scene.reaches("web", urlOf.two);

      // The mesh itself closed; one policy opens it for its proxies.
      await applied(world, meshYaml({ networking: { outbound: { passthrough: false } } }));
      await scene.isRefused("web", urlOf.two);
      await applied(world, passthrough("open", { passthroughMode: "All" }));
      await scene.reaches("web", urlOf.two);
    },
  );
});
