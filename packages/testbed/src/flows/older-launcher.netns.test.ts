import assert from "node:assert/strict";
import { chownSync, readdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { until } from "../poll.ts";
import { adminStats } from "../world/admin.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { OWN_DNS, olderBootstrap, REDIRECTED, REDIRECTS } from "./older-launcher.ts";
import { applied, documents, inSync, MESH, meshYaml, resource } from "./scene.ts";
import { type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

/* What kuma-dp 2.14 does on a machine whose connections are redirected: its bootstrap, its Envoy, and how it reads names. */

const PROXY = { name: "kuma-dp", uid: 5678 } as const;
const BEGIN = documents(meshYaml(), identity(), ALLOW_ALL);

interface Launcher {
  readonly stats: (filter: string) => Promise<ReadonlyMap<string, number>>;
  /** What it asks its Envoy for, as often as every second. */
  readonly fetch: (path: string, etag?: string) => Promise<Fetched>;
}

interface Fetched {
  readonly status: number;
  readonly etag: string | undefined;
  readonly body: string;
}

/** A host with an application, redirected connections and the Envoy of a launcher of Kuma 2.14. */
async function startOlder(
  scene: TransparentScene,
  name: string,
  {
    features,
    dataplaneConfig,
    networking = {},
  }: { features: readonly string[]; dataplaneConfig?: object; networking?: object },
): Promise<Launcher> {
  const { world, network } = scene;
  const host = scene.host(name);
  await scene.startApp(name);
  host.users([PROXY]);
  await host.check([...world.commands.ctl, "install", "transparent-proxy"], { timeoutMs: 120_000 });
  const workdir = join(network.dir, name, "w");
  const { envoy } = await olderBootstrap(world, {
    dataplane: {
      type: "Dataplane",
      mesh: MESH,
      name,
      labels: { app: name, "kuma.io/workload": name },
      networking: {
        address: host.ipv4,
        inbound: [{ port: 8080, tags: { "kuma.io/service": name, "kuma.io/protocol": "http" } }],
        ...networking,
      },
    } as { readonly name: string },
    ...{ workdir, features },
    ...(dataplaneConfig === undefined ? {} : { dataplaneConfig }),
    controlPlane: `https://${network.uplink?.ipv4}:${new URL(world.controlPlane.dataplanes).port}`,
  });
  for (const path of [workdir, ...readdirSync(workdir).map((each) => join(workdir, each))]) {
    chownSync(path, PROXY.uid, PROXY.uid);
  }
  await host.start("proxy", envoy, { as: PROXY });
  const admin = join(workdir, "kuma-envoy-admin.sock");
  const stats = (filter: string) => adminStats(admin, filter);
  await until(
    `the Envoy of ${name} is live`,
    async () => (await stats("^server.state$")).get("server.state") === 0,
    { timeoutMs: 60_000 },
  );
  return { stats, fetch: (path, etag) => fetched(join(workdir, "kuma-mesh-metric-config.sock"), path, etag) };
}

function fetched(socketPath: string, path: string, etag: string | undefined): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const headers = { host: "localhost", ...(etag === undefined ? {} : { "if-none-match": etag }) };
    const outgoing = request({ socketPath, path, headers, agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, etag: answer.headers.etag, body }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

interface Names {
  readonly records: readonly { readonly name: string; readonly ips: readonly string[] }[];
  readonly ttl: number;
}

/** The address that the launcher would answer with. */
async function addressOf({ fetch }: Launcher, name: string): Promise<string> {
  return await until(
    `${name} is known`,
    async () => {
      const { status, body } = await fetch("/dns");
      if (status !== 200) throw new Error(`${status} ${body}`);
      const { records } = JSON.parse(body) as Names;
      const [ip] = records.find((record) => record.name === name)?.ips ?? [];
      if (ip === undefined) throw new Error(`known are ${records.map((record) => record.name).join()}`);
      return ip;
    },
    { timeoutMs: 30_000 },
  );
}

async function nothingRejected({ world }: TransparentScene, launchers: readonly Launcher[]): Promise<void> {
  for (const { stats } of launchers) {
    const rejected = [...(await stats("update_rejected$"))].filter(([, count]) => count > 0);
    assert.deepEqual(rejected, []);
  }
  await inSync(world);
}

async function hasConditions(
  { world }: TransparentScene,
  name: string,
  expected: readonly string[],
): Promise<void> {
  await until(`${name} has the conditions ${expected.join() || "none"}`, async () => {
    const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/dataplanes/${name}/_plan`);
    const { conditions } = (await answer.json()) as { conditions: { type: string }[] };
    assert.deepEqual(
      conditions.map(({ type }) => type),
      expected,
    );
    return true;
  });
}

test("a launcher of Kuma 2.14 with redirected connections and DNS of its own: names, calls, permissions", async (t) => {
  await withTransparentScene(
    { hosts: ["portal", "check-in", "outside"], documents: BEGIN },
    async (scene) => {
      const told = { features: [...REDIRECTED, ...OWN_DNS], dataplaneConfig: REDIRECTS };
      const [portal, checkIn] = await Promise.all([
        startOlder(scene, "portal", told),
        startOlder(scene, "check-in", told),
      ]);
      await namesAndCalls(t, scene, portal);
      await t.test("a connection to nobody of the mesh goes where it was going", async () => {
        await scene.startApp("outside");
        const { answer } = await scene.reaches("portal", `http://${scene.host("outside").ipv4}:8080/`);
        assert.equal(answer.service, "outside");
      });
      await t.test("permissions decide", async () => {
        await applied(scene.world, ALLOW_ALL.replaceAll("allow:", "deny:"));
        const address = await addressOf(portal, "check-in.svc.mesh.local");
        assert.equal((await scene.call("portal", `http://${address}:8080/`)).status, 403);
      });
      await hasConditions(scene, "portal", []);
      await nothingRejected(scene, [portal, checkIn]);
    },
  );
});

test("a launcher of Kuma 2.14 whose Dataplane says what is redirected, as before 2.10", async (t) => {
  await withTransparentScene({ hosts: ["portal", "check-in"], documents: BEGIN }, async (scene) => {
    const networking = {
      transparentProxying: { redirectPortInbound: 15_006, redirectPortOutbound: 15_001 },
    };
    const [portal, checkIn] = await Promise.all([
      startOlder(scene, "portal", { features: OWN_DNS, networking }),
      startOlder(scene, "check-in", { features: OWN_DNS, networking }),
    ]);
    await namesAndCalls(t, scene, portal);
    await nothingRejected(scene, [portal, checkIn]);
  });
});

test("a launcher of Kuma 2.14 that leaves names to CoreDNS is told that they do not resolve", async () => {
  await withTransparentScene({ hosts: ["portal"], documents: BEGIN }, async (scene) => {
    const portal = await startOlder(scene, "portal", { features: REDIRECTED, dataplaneConfig: REDIRECTS });
    await hasConditions(scene, "portal", ["NamesNotServed"]);
    await nothingRejected(scene, [portal]);
  });
});

async function namesAndCalls(t: TestContext, scene: TransparentScene, portal: Launcher): Promise<void> {
  await t.test("names come as it reads them, and again only when they are others", async () => {
    await addressOf(portal, "check-in.svc.mesh.local");
    const first = await portal.fetch("/dns");
    assert.equal((JSON.parse(first.body) as Names).ttl, 30);
    assert.ok(first.etag);
    assert.deepEqual(await portal.fetch("/dns", first.etag), { status: 304, etag: first.etag, body: "" });
    assert.equal((await portal.fetch("/meshmetric")).status, 404, "it takes that for nothing to know");
    await applied(
      scene.world,
      resource("MeshExternalService", "weather", {
        spec: {
          match: { type: "HostnameGenerator", port: 80, protocol: "http" },
          endpoints: [{ address: "192.0.2.1", port: 80 }],
        },
      }),
    );
    assert.match(await addressOf(portal, "weather.extsvc.mesh.local"), /^242\./);
    const next = await portal.fetch("/dns", first.etag);
    assert.equal(next.status, 200);
    assert.notEqual(next.etag, first.etag);
  });
  await t.test("an application calls by such an address, and is known to the other one", async () => {
    const address = await addressOf(portal, "check-in.svc.mesh.local");
    const { answer } = await scene.reaches("portal", `http://${address}:8080/`);
    assert.deepEqual([answer.service, answer.caller], ["check-in", idOf("portal")]);
  });
}
