import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import type { Outbound } from "../world/dataplane.ts";
import { withWorld } from "../world/world.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { get } from "./load.ts";
import { applied, documents, MESH, meshYaml, policy, WAIT } from "./scene.ts";
import { answeredOnlyBy, asker } from "./who-answers.ts";

/** A MeshService with a label, for the proxies of a service tag. */
function service(name: string, tag: string): string {
  return `type: MeshService\nmesh: ${MESH}\nname: ${name}\nlabels: {team: flights}\nspec:\n  selector: {dataplaneTags: {kuma.io/service: ${tag}}}\n  ports: [{port: 8080, targetPort: 8080, appProtocol: http}]\n`;
}

test("several services are called as one, and each answers with its own identity", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(
      documents(
        meshYaml(),
        identity(),
        ALLOW_ALL,
        service("all-flights", "flights"),
        policy("MeshMultiZoneService", "flights-everywhere", {
          selector: { meshService: { matchLabels: { team: "flights" } } },
          ports: [{ port: 8080, appProtocol: "http" }],
        }),
      ),
    );
    const outbound: Outbound = { kind: "MeshMultiZoneService", service: "flights-everywhere", port: 10_001 };
    const [, flights] = await Promise.all([
      world.startService({ service: "passenger-portal", host: 11, outbounds: [outbound] }),
      world.startService({ service: "flights", host: 12 }),
      world.startService({ service: "flights-archive", host: 13 }),
    ]);
    const url = `http://${world.site.block.address(11)}:10001/`;
    const http = asker(url.slice(0, -1));
    t.after(() => http.close());
    const who = async (): Promise<string> => (await http.ask()).instance;

    await t.test("with the services that match", async () => {
      await answeredOnlyBy(["flights"], who);
      await applied(world, service("old-flights", "flights-archive"));
      await answeredOnlyBy(["flights", "flights-archive"], who);
    });
    await t.test("over mutual TLS, to the ids of both and to no others", async () => {
      const path = `${world.controlPlane.api}/meshes/${MESH}/dataplanes/passenger-portal/_config`;
      const expected = await until("TLS is on", async () => {
        const config = await (await fetch(path)).text();
        const sans = /matchTypedSubjectAltNames":(.*?)\]/s.exec(
          config.slice(config.indexOf("_flights-everywhere_")),
        );
        const ids = [...(sans?.[1] ?? "").matchAll(/"exact":\s*"([^"]+)"/g)].map(([, id]) => id ?? "");
        return ids.length > 0 && [...new Set(ids)].sort();
      });
      assert.deepEqual(expected, [idOf("flights"), idOf("flights-archive")]);
      await answeredOnlyBy(["flights", "flights-archive"], who);
      const seen = JSON.parse((await get(undefined, url)).body) as { caller?: string };
      assert.match(JSON.stringify(seen), new RegExp(idOf("passenger-portal")));
    });
    await t.test("a policy on it is a policy on the calls to all of them", async () => {
      await applied(
        world,
        policy("MeshHTTPRoute", "moved", {
          to: [
            {
              targetRef: { kind: "MeshMultiZoneService", name: "flights-everywhere", sectionName: "8080" },
              rules: [
                {
                  matches: [{ path: { type: "Exact", value: "/moved" } }],
                  default: {
                    filters: [
                      {
                        type: "RequestRedirect",
                        requestRedirect: { hostname: "example.com", statusCode: 302 },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        }),
      );
      assert.equal((await get(undefined, `${url}moved`)).status, 302);
    });
    await t.test("when one of them is gone the other answers", async () => {
      await flights.sidecar.child.stop(10_000);
      await answeredOnlyBy(["flights-archive"], who);
    });
    await t.test("when none is left the plan says what was looked for", async () => {
      for (const name of ["all-flights", "old-flights"]) {
        const output = await world.ctl(["delete", "meshservice", name, "-m", MESH, WAIT]);
        assert.equal(output.code, 0, output.stderr);
      }
      assert.equal((await get(undefined, url)).status, 503);
      const path = `${world.controlPlane.api}/meshes/${MESH}/dataplanes/passenger-portal/_plan`;
      const plan = (await (await fetch(path)).json()) as { conditions: unknown };
      assert.match(JSON.stringify(plan.conditions), /matches no MeshService: none has the labels/);
    });
  });
});
