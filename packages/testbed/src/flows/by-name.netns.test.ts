import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { applied, deleted, documents, MESH, meshYaml, policy, resource } from "./scene.ts";
import { type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

const INBOUND = { port: 8080, protocol: "http" };
const ARGS = ["--transparent-proxy", "--unified-naming"];
const HOSTS = ["portal", "check-in-1", "check-in-2", "outside"] as const;
/** Where the machine's own DNS is said to be; nobody answers there. */
const DEAD_RESOLVER = "192.0.2.53";
const SERVICE = "http://check-in-api.svc.mesh.local:8080";

async function start(scene: TransparentScene): Promise<void> {
  for (const name of HOSTS) scene.host(name).resolvers([DEAD_RESOLVER]);
  await Promise.all(HOSTS.map((name) => scene.startApp(name)));
  const api = { "kuma.io/service": "check-in-api" };
  await Promise.all([
    scene.startProxy("portal", {
      networking: { inbound: [INBOUND] },
      args: ARGS,
      installArgs: ["--redirect-dns"],
    }),
    ...["check-in-1", "check-in-2"].map((name) =>
      scene.startProxy(name, {
        networking: { inbound: [{ ...INBOUND, tags: api }] },
        labels: { app: "check-in-api" },
        args: ARGS,
      }),
    ),
  ]);
}

/** Which instance answered, in each of some calls. */
async function answeredBy(scene: TransparentScene, url: string, count: number): Promise<readonly string[]> {
  const seen: string[] = [];
  for (let i = 0; i < count; i++) seen.push((await scene.reaches("portal", url)).answer.service ?? "");
  return seen;
}

test("an application that knows nothing of the mesh calls by name, inside and outside, and is refused what it may not", async (t) => {
  const begin = documents(meshYaml(), identity(), ALLOW_ALL);
  await withTransparentScene({ hosts: [...HOSTS], documents: begin }, async (scene) => {
    const { world } = scene;
    await start(scene);
    const outside = scene.host("outside").ipv4;

    await t.test("the service by its name: found, encrypted, balanced", async () => {
      const { answer } = await scene.reaches("portal", SERVICE);
      assert.equal(answer.caller, idOf("portal"));
      assert.deepEqual([...new Set(await answeredBy(scene, SERVICE, 12))].sort(), [
        "check-in-1",
        "check-in-2",
      ]);
    });

    await t.test("…and by its address", async () => {
      const { stdout } = await world.ctl([
        "get",
        "meshservice",
        "check-in-api",
        "--mesh",
        MESH,
        "-o",
        "json",
      ]);
      const { status } = JSON.parse(stdout) as { status: { vips: { ip: string }[] } };
      const ip = status.vips[0]?.ip ?? "";
      assert.match(ip, /^241\./);
      assert.equal((await scene.reaches("portal", `http://${ip}:8080/`)).answer.caller, idOf("portal"));
    });

    await t.test("policies act on what is called by name", async () => {
      const to = { kind: "MeshService", name: "check-in-api" };
      const rules = [
        {
          matches: [{ path: { type: "PathPrefix", value: "/gone" } }],
          default: {
            filters: [
              {
                type: "RequestRedirect",
                requestRedirect: {
                  statusCode: 301,
                  path: { type: "ReplaceFullPath", replaceFullPath: "/here" },
                },
              },
            ],
          },
        },
      ];
      await applied(world, policy("MeshHTTPRoute", "gone", { to: [{ targetRef: to, rules }] }));
      assert.equal((await scene.call("portal", `${SERVICE}/gone`)).status, 301);
      assert.equal((await scene.call("portal", `${SERVICE}/other`)).status, 200);
    });

    await t.test("a service outside the mesh by a name of the mesh, with a host of its own", async () => {
      await applied(
        world,
        resource("MeshExternalService", "weather-api", {
          spec: {
            match: { type: "HostnameGenerator", port: 80, protocol: "http" },
            endpoints: [{ address: outside, port: 8080 }],
          },
        }),
      );
      const { answer } = await scene.reaches("portal", "http://weather-api.extsvc.mesh.local/today");
      assert.deepEqual([answer.service, answer.path], ["outside", "/today"]);
    });

    await t.test("several services as one, by the name of the whole", async () => {
      await applied(
        world,
        resource("MeshMultiZoneService", "check-in-anywhere", {
          spec: {
            selector: { meshService: { matchLabels: { "kuma.io/display-name": "check-in-api" } } },
            ports: [{ port: 8080, appProtocol: "http" }],
          },
        }),
      );
      const url = "http://check-in-anywhere.mzsvc.mesh.local:8080/";
      assert.equal((await scene.reaches("portal", url)).answer.caller, idOf("portal"));
    });

    await t.test("without passthrough only the mesh is there", async () => {
      await scene.reaches("portal", `http://${outside}:8080/`);
      await applied(world, meshYaml({ networking: { outbound: { passthrough: false } } }));
      await scene.isRefused("portal", `http://${outside}:8080/`);
      for (const url of [SERVICE, "http://weather-api.extsvc.mesh.local/"])
        await scene.reaches("portal", url);
    });

    await t.test(
      "names that nobody knows end in an error, in good time, though no resolver answers",
      async () => {
        const begun = performance.now();
        const { status, error } = await scene.call("portal", "http://nobody.example:8080/");
        assert.equal(status, 0);
        assert.match(error, /resolve/i);
        assert.ok(performance.now() - begun < 20_000);
      },
    );

    await t.test(
      "a control plane that is gone: names and calls go on; a permission that goes is a refusal",
      async () => {
        await world.killControlPlane();
        for (let i = 0; i < 5; i++) await scene.reaches("portal", SERVICE);
        await world.startControlPlane();
        await deleted(world, "meshtrafficpermission", "allow-all");
        await until("the call is refused", async () => (await scene.call("portal", SERVICE)).status === 403);
      },
    );
  });
});
