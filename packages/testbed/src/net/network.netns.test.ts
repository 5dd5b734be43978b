import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../poll.ts";
import { createNetwork, type Network } from "./network.ts";
import { isAlive, ownerOf } from "./owner.ts";

const NODE = process.execPath;
/** Answers each connection with what it was called by. */
const SERVER = `require("net").createServer((s) => { s.on("error", () => {}); s.end(s.remoteAddress + "\\n"); })
  .listen(8080, "::", () => console.log("listening"));`;
const CALL = (address: string): readonly string[] => [
  NODE,
  "-e",
  `require("net").connect(8080, ${JSON.stringify(address)}).on("error", (e) => { console.error(e.code); process.exit(1); }).pipe(process.stdout)`,
];

test("hosts reach each other by IPv4 and IPv6 and nothing else, as any user", async () => {
  await using network = await createNetwork({ hosts: ["web", "api"] });
  const [web, api] = [network.host("web"), network.host("api")];
  const server = await api.start("server", [NODE, "-e", SERVER], { as: { uid: 4321 } });
  await until("the server listens", () => server.tail().includes("listening"));
  assert.equal(await web.check(CALL(api.ipv4)), `::ffff:${web.ipv4}\n`);
  assert.equal(await web.check(CALL(api.ipv6), { as: { uid: 1234, gid: 99 } }), `${web.ipv6}\n`);
  assert.equal(await api.check(CALL("127.0.0.1")), "::ffff:127.0.0.1\n");
  for (const nowhere of ["203.0.113.7", "240.0.0.7", "fd00:fd00::7"]) {
    const { code, stderr } = await web.run(CALL(nowhere), { timeoutMs: 20_000 });
    assert.equal(code, 1, nowhere);
    assert.match(stderr, /^E(NET|HOST)UNREACH$/m, nowhere);
  }
});

test("a command is told who it is, and is that process itself", async () => {
  await using network = await createNetwork({ hosts: ["web"] });
  const web = network.host("web");
  const status = await web.check(["cat", "/proc/self/status"], { as: { uid: 1234, gid: 99 } });
  assert.match(status, /^Uid:\s1234\s1234\s1234\s1234$/m);
  assert.match(status, /^Gid:\s99\s99\s99\s99$/m);
  assert.match(status, /^CapEff:\s0+$/m);
  const sleeper = await web.start("sleeper", ["sleep", "300"], { as: { uid: 1234 } });
  assert.deepEqual(await sleeper.stop(), { code: null, signal: "SIGTERM" });
});

test("each host looks names up where it is told, also while it runs", async () => {
  await using network = await createNetwork({ hosts: ["web"] });
  const web = network.host("web");
  web.resolvers(["198.18.255.53"]);
  const watcher = await web.start("watcher", [
    "sh",
    "-c",
    "while :; do cat /etc/resolv.conf; sleep 0.1; done",
  ]);
  await until("the file is seen", () => watcher.tail().includes("nameserver 198.18.255.53"));
  web.resolvers(["fd00::53"]);
  await until("the change is seen", () => watcher.tail(1) === "nameserver fd00::53");
});

test("each host has users of its own", async () => {
  await using network = await createNetwork({ hosts: ["web", "api"] });
  network.host("web").users([{ name: "proxy-of-web", uid: 5678 }]);
  assert.equal(await network.host("web").check(["id", "-u", "proxy-of-web"]), "5678\n");
  assert.notEqual((await network.host("api").run(["id", "-u", "proxy-of-web"])).code, 0);
});

test("an uplink puts this process into the network", async () => {
  await using network = await createNetwork({ hosts: ["api"], uplink: true });
  const api = network.host("api");
  const server = await api.start("server", [NODE, "-e", SERVER]);
  await until("the server listens", () => server.tail().includes("listening"));
  const call = spawnSync(CALL(api.ipv4)[0] ?? "", CALL(api.ipv4).slice(1), { encoding: "utf8" });
  assert.equal(call.stdout, `::ffff:${network.uplink?.ipv4}\n`);
});

test("two networks at once have addresses of their own", async () => {
  await using first = await createNetwork({ hosts: ["web"] });
  await using second = await createNetwork({ hosts: ["web"] });
  assert.notEqual(first.host("web").ipv4, second.host("web").ipv4);
  assert.notEqual(first.host("web").ipv6, second.host("web").ipv6);
});

test("nothing is left after a body that fails: no process, namespace, interface, file", async () => {
  let left: Network | undefined;
  let stubborn = 0;
  await assert.rejects(async () => {
    await using network = await createNetwork({ hosts: ["web"], uplink: true });
    left = network;
    const child = await network
      .host("web")
      .start("stubborn", ["sh", "-c", "trap '' TERM; sleep 300 & wait; wait"]);
    stubborn = child.pid;
    throw new Error("as the test asked");
  }, /as the test asked/);
  assert.ok(left !== undefined);
  const { namespace } = left.host("web");
  assert.equal(ownerOf(stubborn), undefined);
  assertGone(namespace, left.dir);
});

test("nothing is left when the process that made it ends, by a signal or even by a kill", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const script = `import { createNetwork } from ${JSON.stringify(new URL("./network.ts", import.meta.url).href)};
      const network = await createNetwork({ hosts: ["web"], uplink: true });
      const { pid } = await network.host("web").start("sleeper", ["sleep", "300"]);
      console.log(JSON.stringify({ namespace: network.host("web").namespace, dir: network.dir, pid }));
      process.kill(process.pid, ${JSON.stringify(signal)});
      setInterval(() => {}, 1000);`;
    const ended = spawnSync(NODE, ["--input-type=module", "-e", script], { encoding: "utf8" });
    const made: { namespace: string; dir: string; pid: number } = JSON.parse(ended.stdout);
    if (signal === "SIGKILL") {
      assert.ok(existsSync(`/run/netns/${made.namespace}`), "nobody could have cleared up yet");
      await using _ = await createNetwork({ hosts: [] });
    }
    const owner = ownerOf(made.pid);
    assert.ok(owner === undefined || !isAlive(owner), `${signal}: the process runs on`);
    assertGone(made.namespace, made.dir);
  }
});

test("a wrong name and a user who is not root are told so", async () => {
  await assert.rejects(createNetwork({ hosts: ["Web_1"] }), /"Web_1" is no name for a host/);
  await assert.rejects(createNetwork({ hosts: ["web", "web"] }), /two hosts have one name/);
  const script = `import { createNetwork } from ${JSON.stringify(new URL("./network.ts", import.meta.url).href)};
    await createNetwork({ hosts: ["web"] });`;
  const { status, stderr } = spawnSync(
    "setpriv",
    ["--reuid=65534", "--regid=65534", "--clear-groups", NODE, "--input-type=module", "-e", script],
    { encoding: "utf8" },
  );
  assert.equal(status, 1);
  assert.match(stderr, /network namespaces need root: run this test as root/);
});

function assertGone(namespace: string, dir: string): void {
  const id = namespace.split("-")[1];
  assert.ok(!existsSync(`/run/netns/${namespace}`), "the namespace is left");
  assert.ok(!existsSync(join("/etc/netns", namespace)), "its files are left");
  assert.ok(!existsSync(dir), "the directory is left");
  assert.ok(
    !spawnSync("ip", ["-o", "link"], { encoding: "utf8" }).stdout.includes(`sk${id}`),
    "the uplink is left",
  );
}
