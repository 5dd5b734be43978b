import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { addNamespace, ip, removeNamespace, setKernel } from "../net/namespace.ts";
import { run } from "../process/run.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { documents, meshYaml } from "./scene.ts";
import { type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

/* Ways to install the rules that differ from the usual, each with real rules, a real proxy and a service by its name. */

const INBOUND = { port: 8080, protocol: "http" };
const UNIFIED = ["--transparent-proxy", "--unified-naming"];
const API = "http://api.svc.mesh.local:8080/";
/** Nobody answers there. */
const DEAD_RESOLVER = "192.0.2.53";
const BEGIN = documents(meshYaml(), identity(), ALLOW_ALL);

/** Rules of a file, for both commands. */
function rulesOf(scene: TransparentScene, rules: object): { installArgs: string[]; args: string[] } {
  const file = join(scene.network.dir, "rules.yaml");
  writeFileSync(file, stringify(rules));
  return {
    installArgs: ["--config", file],
    args: ["--unified-naming", "--transparent-proxy-config", file],
  };
}

/** The service, and an application outside, for the caller `web` that each test sets up. */
async function startOthers(scene: TransparentScene): Promise<void> {
  for (const name of ["web", "api", "outside"]) scene.host(name).resolvers([DEAD_RESOLVER]);
  await Promise.all(["web", "api", "outside"].map((name) => scene.startApp(name)));
  await scene.startProxy("api", { networking: { inbound: [INBOUND] }, args: UNIFIED });
}

async function callsApi(scene: TransparentScene): Promise<void> {
  const { answer } = await scene.reaches("web", API);
  assert.deepEqual([answer.service, answer.caller], ["api", idOf("web")]);
}

test("IPv4 only: IPv6 passes by the proxy, in both directions", async () => {
  await withTransparentScene({ hosts: ["web", "api", "outside"], documents: BEGIN }, async (scene) => {
    await startOthers(scene);
    const web = await scene.startProxy("web", {
      networking: { inbound: [INBOUND] },
      ...rulesOf(scene, { ipFamilyMode: "ipv4", redirect: { dns: { enabled: true } } }),
    });
    await callsApi(scene);
    const [here, outside] = [scene.host("web"), scene.host("outside")];
    await scene.isRefused("outside", `http://${here.ipv4}:8080/`);
    assert.equal((await scene.reaches("outside", `http://[${here.ipv6}]:8080/`)).answer.service, "web");
    await scene.reaches("web", `http://[${outside.ipv6}]:8080/`);
    assert.equal((await web.stats("passthrough_(in|out)bound_ipv6")).size, 0);
  });
});

test("a host whose IPv6 is off is redirected all the same", async () => {
  await withTransparentScene({ hosts: ["web", "api", "outside"], documents: BEGIN }, async (scene) => {
    for (const scope of ["all", "default", "lo"])
      setKernel(scene.host("web").namespace, `net/ipv6/conf/${scope}/disable_ipv6`, "1");
    scene.host("web").resolvers([DEAD_RESOLVER]);
    for (const name of ["api", "outside"]) scene.host(name).resolvers([DEAD_RESOLVER]);
    await Promise.all([
      scene.startApp("web", 8080, "web", "0.0.0.0"),
      ...["api", "outside"].map((name) => scene.startApp(name)),
    ]);
    await scene.startProxy("api", { networking: { inbound: [INBOUND] }, args: UNIFIED });
    await scene.startProxy("web", {
      networking: { inbound: [INBOUND] },
      args: UNIFIED,
      installArgs: ["--redirect-dns"],
    });
    await callsApi(scene);
    await scene.reaches("web", `http://${scene.host("outside").ipv4}:8080/`);
    await scene.isRefused("outside", `http://${scene.host("web").ipv4}:8080/`);
  });
});

test("ports of one's own, and what leaves past the proxy: ports and users that are excluded", async () => {
  await withTransparentScene({ hosts: ["web", "api", "outside"], documents: BEGIN }, async (scene) => {
    await startOthers(scene);
    await Promise.all([scene.startApp("outside", 9001), scene.startApp("outside", 9002)]);
    const web = await scene.startProxy("web", {
      networking: { inbound: [INBOUND] },
      ...rulesOf(scene, {
        redirect: {
          inbound: { port: 16006 },
          outbound: {
            port: 16001,
            excludePorts: [9001],
            excludePortsForUIDs: ["tcp:9002:4321"],
          },
          dns: { enabled: true, port: 16053 },
        },
      }),
    });
    await callsApi(scene);
    const { ipv4, ipv6 } = scene.host("outside");
    const passed = async (): Promise<number> => {
      const counts = await web.stats(
        "^cluster.self_transparentproxy_passthrough_outbound_.*upstream_cx_total$",
      );
      return [...counts.values()].reduce((sum, value) => sum + value, 0);
    };
    for (const address of [ipv4, `[${ipv6}]`]) {
      const before = await passed();
      for (const port of [9001, 9002])
        assert.equal((await scene.reaches("web", `http://${address}:${port}/`)).answer.service, "outside");
      assert.equal(await passed(), before, "what is excluded is not the proxy's");
      await scene.reaches("web", `http://${address}:8080/`);
      assert.ok((await passed()) > before, "everything else is");
    }
    const listening = await scene.host("web").check(["ss", "-Hltn"]);
    for (const port of [16001, 16006]) assert.match(listening, new RegExp(`:${port}\\b`));
    assert.doesNotMatch(listening, /:1500[16]\b/);
    for (const port of [16001, 16006])
      await scene.isRefused("outside", `http://${scene.host("web").ipv4}:${port}/`);
  });
});

test("all DNS, whatever server is asked; and a container of the host calls by name through its proxy", async () => {
  await withTransparentScene({ hosts: ["web", "api", "outside"], documents: BEGIN }, async (scene) => {
    await startOthers(scene);
    const web = scene.host("web");
    const container = `${web.namespace}-box`;
    addNamespace(container, ["198.51.100.53"]);
    try {
      ip([`link add box0 netns ${web.namespace} type veth peer name eth0 netns ${container}`]);
      ip(["link set box0 up", "address add 10.99.7.1/24 dev box0"], web.namespace);
      ip(
        [
          "link set lo up",
          "link set eth0 up",
          "address add 10.99.7.2/24 dev eth0",
          "route add default via 10.99.7.1",
        ],
        container,
      );
      setKernel(web.namespace, "net/ipv4/ip_forward", "1");
      await scene.startProxy("web", {
        networking: { inbound: [INBOUND] },
        ...rulesOf(scene, {
          redirect: { dns: { captureAll: true }, vnet: { networks: ["box0:10.99.7.0/24"] } },
        }),
      });
      // Not the server that resolv.conf named when the rules were made.
      web.resolvers(["203.0.113.99"]);
      await callsApi(scene);
      const inside = await run(
        "ip",
        [
          "netns",
          "exec",
          container,
          "curl",
          "-gsS",
          "--max-time",
          "30",
          "--retry",
          "20",
          "--retry-all-errors",
          API,
        ],
        { cwd: scene.network.dir, timeoutMs: 60_000, env: { PATH: process.env.PATH ?? "" } },
      );
      assert.equal(inside.code, 0, inside.stderr);
      const answer = JSON.parse(inside.stdout) as { service: string; caller: string };
      assert.deepEqual([answer.service, answer.caller], ["api", idOf("web")]);
    } finally {
      removeNamespace(container);
    }
  });
});
