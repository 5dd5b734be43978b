import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import { until } from "../poll.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { loadInHost } from "./load-in-host.ts";
import { applied, documents, MESH, meshYaml, resource } from "./scene.ts";
import { type TransparentScene, withTransparentScene } from "./transparent-scene.ts";

const HOSTS = ["portal", "api"] as const;
const DEFAULT = "api.svc.mesh.local";
const SELECTOR = { meshService: { matchLabels: { "kuma.io/display-name": "api" } } };

function generator(name: string, template: string, selector: object = SELECTOR): string {
  return stringify({ type: "HostnameGenerator", name, spec: { selector, template } }, { lineWidth: 0 });
}

async function answers(scene: TransparentScene, name: string): Promise<void> {
  const { answer } = await scene.reaches("portal", `http://${name}:8080/`);
  assert.deepEqual([answer.service, answer.caller], ["api", idOf("portal")], name);
}

/** Waits until a name leads nowhere. */
async function isUnknown(scene: TransparentScene, name: string): Promise<void> {
  await until(
    `${name} is not known`,
    async () => (await scene.host("portal").run(["getent", "ahostsv4", name])).code !== 0,
    { timeoutMs: 60_000 },
  );
}

interface Condition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** How a generator fared on a service of the mesh. */
async function fared({ world }: TransparentScene, path: string, generatorName: string): Promise<Condition> {
  return await until(`${generatorName} has looked at ${path}`, async () => {
    const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/${path}`);
    const { status } = (await answer.json()) as {
      status?: {
        hostnameGenerators?: { hostnameGeneratorRef: { coreName: string }; conditions: Condition[] }[];
      };
    };
    const found = status?.hostnameGenerators?.find(
      ({ hostnameGeneratorRef }) => hostnameGeneratorRef.coreName === generatorName,
    );
    return found?.conditions[0];
  });
}

async function removed({ world }: TransparentScene, name: string): Promise<string> {
  const { code, stdout, stderr } = await world.ctl(["delete", "hostnamegenerator", name]);
  assert.equal(code, 0, stdout + stderr);
  return stdout + stderr;
}

test("names of a service: several at once, by every function of a template, contested, changed and taken away", async (t) => {
  const begin = documents(meshYaml(), identity(), ALLOW_ALL);
  await withTransparentScene({ hosts: [...HOSTS], documents: begin }, async (scene) => {
    const { world } = scene;
    for (const name of HOSTS) scene.host(name).resolvers(["192.0.2.53"]);
    await Promise.all(HOSTS.map((name) => scene.startApp(name)));
    const networking = { inbound: [{ port: 8080, protocol: "http" }] };
    const args = ["--transparent-proxy", "--unified-naming"];
    await Promise.all([
      scene.startProxy("portal", { networking, args, installArgs: ["--redirect-dns"] }),
      scene.startProxy("api", { networking, args }),
    ]);
    await answers(scene, DEFAULT);

    await t.test("several generators: each gives a name, and all of them work", async () => {
      await applied(
        world,
        documents(
          generator("gates", "{{ .DisplayName }}.{{ .Mesh }}.gates.test"),
          generator("origin", '{{ label "kuma.io/origin" }}.{{ .Zone }}.{{ .Name }}.test'),
        ),
      );
      const zone = "zone1";
      for (const name of [`api.${MESH}.gates.test`, `zone.${zone}.api.test`, DEFAULT])
        await answers(scene, name);
      const condition = await fared(scene, "meshservices/api", "gates");
      assert.deepEqual([condition.status, condition.reason], ["True", "Generated"]);
    });

    await t.test("a template that no name can be made of is told at once, and does no harm", async () => {
      const { stdout, stderr } = await world.apply(generator("odd", '{{ label "team" }}.test'));
      assert.match(stdout + stderr, /label "team" is not set/);
      const condition = await fared(scene, "meshservices/api", "odd");
      assert.deepEqual([condition.status, condition.reason], ["False", "TemplateError"]);
      await answers(scene, DEFAULT);
      await removed(scene, "odd");
    });

    await t.test("a name that another service has: the older keeps it, and everybody is told", async () => {
      await applied(
        world,
        resource("MeshExternalService", "outside", {
          spec: {
            match: { type: "HostnameGenerator", port: 8080, protocol: "http" },
            endpoints: [{ address: scene.host("portal").ipv4, port: 8080 }],
          },
        }),
      );
      const { stdout, stderr } = await world.apply(
        generator("contested", DEFAULT, { meshExternalService: { matchLabels: {} } }),
      );
      assert.match(stdout + stderr, /api\.svc\.mesh\.local is the hostname of MeshService "api"/);
      const condition = await fared(scene, "meshexternalservices/outside", "contested");
      assert.deepEqual([condition.status, condition.reason], ["False", "Collision"]);
      assert.match(condition.message, /MeshService "api"/);
      await answers(scene, DEFAULT);
      const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/_analysis`);
      const { items } = (await answer.json()) as { items: { code: string; resource: { name: string } }[] };
      assert.ok(items.some(({ code, resource: { name } }) => code === "SK0604" && name === "outside"));
    });

    await t.test("a generator that goes takes its names along, and no others", async () => {
      assert.match(await removed(scene, "origin"), /calls by that name fail/);
      await isUnknown(scene, "zone.zone1.api.test");
      for (const name of [`api.${MESH}.gates.test`, DEFAULT]) await answers(scene, name);
    });

    await t.test(
      "a name that changes: who calls by another, or has the connection open, notices nothing",
      async () => {
        const portal = scene.host("portal");
        const before = `api.${MESH}.gates.test`;
        const other = await loadInHost(portal, "load-other", `http://${DEFAULT}:8080/`);
        const kept = await loadInHost(portal, "load-kept", `http://${DEFAULT}:8080/`, {
          connections: "kept",
        });
        await other.goesOn();
        for (const template of ["a", "b", "c"].map((letter) => `${letter}.{{ .Name }}.gates.test`)) {
          await applied(world, generator("gates", template));
          await answers(scene, template.replace("{{ .Name }}", "api"));
        }
        await Promise.all([isUnknown(scene, before), isUnknown(scene, "a.api.gates.test")]);
        for (const load of [other, kept]) {
          await load.goesOn();
          const { sent, failures } = await load.stop();
          assert.deepEqual(failures, [], `of ${sent} requests of ${load.name}`);
        }
      },
    );
  });
});
