import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { ALLOW_ALL, identity } from "./documents.ts";
import { applied, documents, MESH, meshYaml, resource } from "./scene.ts";
import { type RunningProxy, type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

const HOSTS = ["portal", "one", "two"] as const;
/** Where the machine's own DNS is said to be; nobody answers there. */
const DEAD_RESOLVER = "192.0.2.53";
const ARGS = ["--transparent-proxy", "--unified-naming"];

const service = (name: string, selector: object, ...ports: readonly object[]): string =>
  resource("MeshService", name, {
    spec: { selector, ports: ports.map((port) => ({ appProtocol: "http", ...port })) },
  });

const SERVICES = documents(
  service(
    "web-by-labels",
    { dataplaneLabels: { matchLabels: { team: "web" } } },
    { port: 80, targetPort: 8080 },
    { port: 81, name: "back", targetPort: "admin" },
  ),
  service("web-two", { dataplaneRef: { name: "two" } }, { port: 80, targetPort: "main" }),
  service(
    "web-v1",
    { dataplaneTags: { "kuma.io/service": "web", version: "1" } },
    { port: 80, targetPort: 8080 },
  ),
  service("side", { dataplaneRef: { name: "one" } }, { port: 80, targetPort: 8082 }),
);

interface Shown {
  readonly spec: { readonly state: string; readonly identities?: readonly { readonly value: string }[] };
  readonly status: {
    readonly vips?: readonly { readonly ip: string }[];
    readonly addresses?: readonly { readonly hostname: string }[];
    readonly tls?: { readonly status: string };
    readonly dataplaneProxies?: {
      readonly connected: number;
      readonly healthy: number;
      readonly total: number;
    };
  };
}

async function show({ world }: TransparentScene, type: string, name: string): Promise<Shown | undefined> {
  const { code, stdout } = await world.ctl(["get", type, name, "--mesh", MESH, "-o", "json"]);
  return code === 0 ? (JSON.parse(stdout) as Shown) : undefined;
}

/** Waits until a service has so many proxies, and answers all of it. */
async function counted(
  scene: TransparentScene,
  name: string,
  wanted: Shown["status"]["dataplaneProxies"],
): Promise<Shown> {
  return await until(
    `${name} has proxies: ${JSON.stringify(wanted)}`,
    async () => {
      const shown = await show(scene, "meshservice", name);
      assert.deepEqual(shown?.status.dataplaneProxies, wanted);
      return shown;
    },
    { timeoutMs: 30_000 },
  );
}

/** Waits until a service's calls go to exactly these. */
async function isAnsweredBy(
  scene: TransparentScene,
  url: string,
  ...wanted: readonly string[]
): Promise<void> {
  await until(
    `${url} is answered by ${wanted.join(" and ")}`,
    async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 8; i++) seen.add((await scene.reaches("portal", url)).answer.service ?? "");
      assert.deepEqual([...seen].sort(), wanted);
      return true;
    },
    { timeoutMs: 30_000 },
  );
}

/** One instance with three applications, of which one is not offered, and one with two at other ports. Answers the latter's proxy. */
async function start(scene: TransparentScene): Promise<RunningProxy> {
  for (const name of HOSTS) scene.host(name).resolvers([DEAD_RESOLVER]);
  await Promise.all([
    scene.startApp("portal"),
    scene.startApp("one"),
    scene.startApp("one", 8081, "one-admin"),
    scene.startApp("one", 8082, "one-side"),
    scene.startApp("two"),
    scene.startApp("two", 9090, "two-admin"),
  ]);
  const inbound = (port: number, name: string, more: object = {}) => ({
    ...{ port, name, protocol: "http" },
    ...more,
  });
  const tags = (version: string) => ({ tags: { "kuma.io/service": "web", version } });
  const [, , two] = await Promise.all([
    scene.startProxy("portal", {
      networking: { inbound: [inbound(8080, "main")] },
      args: ARGS,
      installArgs: ["--redirect-dns"],
    }),
    scene.startProxy("one", {
      networking: {
        inbound: [
          inbound(8080, "main", tags("1")),
          inbound(8081, "admin"),
          inbound(8082, "side", { state: "Ignored" }),
        ],
      },
      labels: { team: "web" },
      args: ARGS,
    }),
    // As a template, of which the launcher makes the document.
    scene.startProxy("two", {
      networking: { inbound: [inbound(8080, "main", tags("2")), inbound(9090, "admin")] },
      labels: { team: "{{ owner.team }}" },
      args: [...ARGS, "-v", "owner.team=web"],
    }),
  ]);
  return two;
}

test("services by hand: found by labels, tags or name, at ports by number and name; what their status says, until a proxy goes", async (t) => {
  const begin = documents(meshYaml(), identity(), ALLOW_ALL, SERVICES);
  await withTransparentScene({ hosts: [...HOSTS], documents: begin }, async (scene) => {
    const { world } = scene;
    const two = await start(scene);

    await t.test("each leads to whom its selector finds, at the port that it means there", async () => {
      await isAnsweredBy(scene, "http://web-by-labels.svc.mesh.local/", "one", "two");
      await isAnsweredBy(scene, "http://web-by-labels.svc.mesh.local:81/", "one-admin", "two-admin");
      await isAnsweredBy(scene, "http://web-two.svc.mesh.local/", "two");
      await isAnsweredBy(scene, "http://web-v1.svc.mesh.local/", "one");
    });

    await t.test("their status: proxies, TLS, identities, address and names", async () => {
      const { spec, status } = await counted(scene, "web-by-labels", { connected: 2, healthy: 2, total: 2 });
      assert.equal(spec.state, "Available");
      assert.equal(status.tls?.status, "Ready");
      assert.match(status.vips?.[0]?.ip ?? "", /^241\./);
      assert.deepEqual(
        status.addresses?.map(({ hostname }) => hostname),
        ["web-by-labels.svc.mesh.local"],
      );
      const ids = spec.identities?.map(({ value }) => value) ?? [];
      assert.ok(
        ["one", "two"].every((name) => ids.some((id) => id.endsWith(`/sa/${name}`))),
        ids.join(", "),
      );
      await counted(scene, "web-two", { connected: 1, healthy: 1, total: 1 });
    });

    await t.test("an ignored inbound is nobody's: not called, not counted, not open", async () => {
      const { spec } = await counted(scene, "side", { connected: 1, healthy: 0, total: 1 });
      assert.equal(spec.state, "Unavailable");
      assert.notEqual((await scene.call("portal", "http://side.svc.mesh.local/")).status, 200);
      await scene.isRefused("portal", `http://${scene.host("one").ipv4}:8082/`);
    });

    await t.test("a proxy that goes takes its Dataplane along, and who is left is called", async () => {
      assert.ok(await show(scene, "dataplane", "two"));
      await two.child.stop(20_000);
      await until(
        "its Dataplane is gone",
        async () => (await show(scene, "dataplane", "two")) === undefined,
        { timeoutMs: 60_000 },
      );
      await isAnsweredBy(scene, "http://web-by-labels.svc.mesh.local/", "one");
      const { spec } = await counted(scene, "web-two", { connected: 0, healthy: 0, total: 0 });
      assert.equal(spec.state, "Unavailable");
    });

    await t.test("a selector that is changed is followed at once, and the address stays", async () => {
      const before = await show(scene, "meshservice", "web-two");
      await applied(
        world,
        service("web-two", { dataplaneRef: { name: "one" } }, { port: 80, targetPort: "main" }),
      );
      await isAnsweredBy(scene, "http://web-two.svc.mesh.local/", "one");
      assert.deepEqual((await show(scene, "meshservice", "web-two"))?.status.vips, before?.status.vips);
    });
  });
});
