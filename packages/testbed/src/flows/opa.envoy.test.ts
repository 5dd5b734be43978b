import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { applied, deleted, documents, meshYaml, policy, resource, WAIT } from "./scene.ts";

const CHECK_IN = { kind: "Dataplane", labels: { app: "check-in-api" } };
const BAGGAGE = { kind: "Dataplane", labels: { app: "baggage" } };

const opa = (name: string, conf: object, targetRef: object = CHECK_IN): string =>
  policy("MeshOPA", name, { targetRef, default: conf });
const inline = (...modules: readonly string[]) => ({
  appendPolicies: modules.map((inlineString) => ({ rego: { inlineString } })),
});
const secret = (name: string, text: string): string =>
  resource("Secret", name, { data: Buffer.from(text).toString("base64") });

const access = (path: string): string => `package access
import rego.v1

default allow := false

http := input.attributes.request.http

allow if {
  http.method == "GET"
  http.path == "${path}"
}

allow if http.headers["x-staff"] == "yes"

allow if input.attributes.source.principal == "${idOf("flight-control")}"
`;

const doors = (closed: string): string => `package doors
import rego.v1

allow := true

deny if startswith(input.attributes.request.http.path, "${closed}")
`;

test("agents decide on requests, by rules of policies and Secrets", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(documents(meshYaml(), identity(), ALLOW_ALL));
    const outbounds = [
      { service: "check-in-api", port: 10_001 },
      { service: "baggage", port: 10_002 },
    ];
    await Promise.all([
      world.startService({ service: "passenger-portal", host: 11, outbounds }),
      world.startService({ service: "flight-control", host: 12, outbounds }),
      world.startService({ service: "check-in-api", host: 13, opa: true }),
      world.startService({ service: "baggage", host: 14, opa: "/bin/false" }),
    ]);
    const ask = async (path: string, { host = 11, port = 10_001, ...init }: RequestInit & Way = {}) => {
      const answer = await fetch(`http://${world.site.block.address(host)}:${port}${path}`, init);
      await answer.arrayBuffer();
      return answer.status;
    };
    const comes = async (status: number, path: string, init: RequestInit & Way = {}): Promise<void> => {
      await until(`${path} answers ${status}`, async () => (await ask(path, init)) === status);
    };
    for (const port of [10_001, 10_002]) await comes(200, "/", { port });

    await t.test("a request is decided on by its method, path, header and caller", async () => {
      await applied(world, opa("access", inline(access("/open"))));
      await comes(403, "/shut");
      await comes(200, "/open");
      assert.equal(await ask("/shut"), 403);
      assert.equal(await ask("/open", { method: "POST" }), 403);
      assert.equal(await ask("/shut", { headers: { "x-staff": "yes" } }), 200);
      assert.equal(await ask("/shut", { headers: { "x-staff": "no" } }), 403);
      assert.equal(await ask("/shut", { host: 12 }), 200);
    });

    await t.test("other rules count at once, and no listener is replaced for them", async () => {
      const before = await world.sidecarStats("check-in-api", "listener_manager.listener_modified");
      await applied(world, opa("access", inline(access("/other"))));
      assert.deepEqual([await ask("/other"), await ask("/open")], [200, 403], "the command waits for agents");
      assert.deepEqual(
        await world.sidecarStats("check-in-api", "listener_manager.listener_modified"),
        before,
      );
    });

    await t.test("nobody comes in while a Secret is missing, and the writer is told", async () => {
      const { stdout, stderr } = await world.apply(
        opa("doors", { appendPolicies: [{ rego: { secret: "doors" } }] }),
        [WAIT],
      );
      assert.match(stdout + stderr, /appendPolicies\[0\]\.rego\.secret: there is no Secret "doors"/);
      await comes(403, "/other");
      assert.equal(await ask("/shut", { host: 12 }), 403);
    });

    await t.test("the rules of two policies count together, one of them from a Secret", async () => {
      await world.apply(secret("doors", doors("/vault")));
      await comes(200, "/other");
      assert.equal(await ask("/vault", { host: 12 }), 403, "denied by one although the other allows");
      assert.equal(await ask("/shut", { host: 12 }), 200);
      assert.equal(await ask("/shut"), 403, "allowed by one only");
    });

    await t.test("another content of the Secret counts at once", async () => {
      await world.apply(secret("doors", doors("/shut")));
      await comes(200, "/vault", { host: 12 });
      assert.equal(await ask("/shut", { host: 12 }), 403);
    });

    await t.test("what a Secret holds is in no answer about the proxy", async () => {
      const at = `${world.controlPlane.api}/meshes/${world.mesh}/dataplanes/check-in-api`;
      const texts = ["_rules", "_config", "policies"].map(async (path) => {
        const answer = await fetch(`${at}/${path}`);
        assert.equal(answer.status, 200, path);
        return await answer.text();
      });
      const text = (await Promise.all(texts)).join("");
      assert.match(text, /"secret":\s*"doors"/);
      assert.match(text, /envoy\.filters\.http\.ext_authz/);
      assert.doesNotMatch(text, /package doors/);
    });

    await t.test("the agent sees the body, as much of it as the policy says", async () => {
      await deleted(world, "meshopa", "doors");
      const body = `package body
import rego.v1

default allow := false

http := input.attributes.request.http

allow if {
  http.body == "0123456789"
  http.headers["x-envoy-auth-partial-body"] == "true"
}

allow if {
  http.body == "short"
  http.headers["x-envoy-auth-partial-body"] == "false"
}
`;
      await applied(world, opa("access", { ...inline(body), authConfig: { requestBody: { maxSize: 10 } } }));
      await comes(200, "/", { method: "POST", body: "short" });
      assert.equal(await ask("/", { method: "POST", body: "0123456789abcdef" }), 200);
      assert.equal(await ask("/", { method: "POST", body: "other" }), 403);
    });

    await t.test("an agent that is not there: the policy says who is let through", async () => {
      const down = (authConfig: object) => opa("baggage", { ...inline(access("/")), authConfig }, BAGGAGE);
      await applied(world, down({ statusOnError: 503 }));
      await comes(503, "/", { port: 10_002 });
      assert.equal(await ask("/", { port: 10_002 }), 503);
      await applied(world, down({ onAgentFailure: "Allow" }));
      await comes(200, "/shut", { port: 10_002 });
      assert.equal(await ask("/shut", { port: 10_002 }), 200);
    });
  });
});

/** Whose outbound a request takes. */
interface Way {
  readonly host?: number;
  readonly port?: number;
}
