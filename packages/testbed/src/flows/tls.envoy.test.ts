import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { ownAuthority } from "./authority.ts";
import { issued, secureGet, shakeHands } from "./credentials.ts";
import { ALLOW_ALL, identity, idOf, meshTls } from "./documents.ts";
import { tcpClient } from "./load.ts";
import { applied, callerSeen, deleted, documents, MESH, meshYaml, reachable, withScene } from "./scene.ts";

const AES_128 = "ECDHE-ECDSA-AES128-GCM-SHA256";
const AES_256 = "ECDHE-ECDSA-AES256-GCM-SHA384";

test("MeshTLS decides on versions and ciphers, for callers too", async () => {
  const authority = await ownAuthority("airline");
  const prepared = documents(meshYaml(), authority.secrets, ALLOW_ALL, identity({ ca: authority.ca }));
  await withScene(prepared, async (scene) => {
    const { world } = scene;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    const credentials = await issued(authority, idOf("passenger-portal"));
    const server = { host: world.site.block.address(12), port: 8080, credentials };
    const offered = {
      newest: () => shakeHands({ ...server, version: "TLSv1.3" }),
      aes128: () => shakeHands({ ...server, version: "TLSv1.2", cipher: AES_128 }),
      aes256: () => shakeHands({ ...server, version: "TLSv1.2", cipher: AES_256 }),
    };
    const seen = async (): Promise<readonly string[]> => [
      await offered.newest(),
      await offered.aes128(),
      await offered.aes256(),
    ];
    const NEWEST = /^TLSv1\.3 TLS_/;
    assert.match(await offered.newest(), NEWEST);
    assert.equal(await offered.aes128(), "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");

    const meshGoesOn = async (): Promise<void> => {
      assert.equal(await callerSeen(scene), idOf("passenger-portal"));
      const reason = await tcpClient(new URL(scene.checkInUrl).hostname, scene.flightControlPort).send();
      assert.equal(reason, undefined);
    };
    await applied(world, meshTls({ mode: "Strict", tlsVersion: { min: "TLS13" } }));
    const [newest, ...older] = await seen();
    assert.match(newest ?? "", NEWEST);
    assert.deepEqual(older, ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"]);
    await meshGoesOn();

    await applied(
      world,
      meshTls({ mode: "Strict", tlsVersion: { min: "TLS12", max: "TLS12" }, tlsCiphers: [AES_256] }),
    );
    assert.deepEqual(await seen(), [
      "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
      "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
      "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ]);
    await meshGoesOn();

    await deleted(world, "meshtls", "tls");
    assert.match(await offered.newest(), NEWEST);
    await meshGoesOn();
  });
});

test("the control plane inspects Envoys over their admin listeners, and nobody else gets in", async () => {
  const authority = await ownAuthority("airline");
  const prepared = documents(meshYaml(), authority.secrets, ALLOW_ALL, identity({ ca: authority.ca }));
  await withScene(prepared, async (scene) => {
    const { world } = scene;
    await reachable(scene);
    const inspected = async (type: string, what: string): Promise<void> => {
      const output = await world.ctl(["inspect", "dataplane", "check-in-api", "-m", MESH, `--type=${type}`]);
      assert.equal(output.code, 0, output.stderr);
      assert.ok(output.stdout.includes(what), `no ${what} in: ${output.stdout.slice(0, 1_000)}`);
    };
    await inspected("config-dump", `"inbound:${world.site.block.address(12)}:8080"`);
    await inspected("stats", "server.live: 1\n");
    await inspected("clusters", `localhost:8080::${world.site.block.address(112)}:8080::cx_active::`);

    const admin = `https://${world.site.block.address(12)}:9901`;
    const answer = await fetch(`${world.controlPlane.api}/global-secrets/envoy-admin-ca`);
    const { data } = (await answer.json()) as { data: string };
    const pem = Buffer.from(data, "base64").toString("utf8");
    const at = pem.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
    const adminCa = { certificatePem: pem.slice(0, at), privateKeyPem: pem.slice(at) };
    const controlPlane = await issued(adminCa, "spiffe://envoy-admin/control-plane");
    assert.equal((await secureGet(`${admin}/server_info`, controlPlane)).status, 200);
    const others = {
      "a workload's certificate": await issued(authority, idOf("passenger-portal")),
      "a workload's CA in the control plane's name": await issued(
        authority,
        "spiffe://envoy-admin/control-plane",
      ),
      "another proxy's admin certificate": await issued(
        adminCa,
        `spiffe://envoy-admin/proxy/${MESH}/passenger-portal`,
      ),
      "its own admin certificate": await issued(adminCa, `spiffe://envoy-admin/proxy/${MESH}/check-in-api`),
    };
    for (const [name, credentials] of Object.entries(others)) {
      const { status, body } = await secureGet(`${admin}/server_info`, credentials);
      assert.equal(status, 0, `${name} is let in: ${body.slice(0, 200)}`);
    }
    const plain = admin.replace("https:", "http:");
    assert.equal((await fetch(`${plain}/ready`)).status, 200);
    assert.equal((await fetch(`${plain}/server_info`)).status, 404);
  });
});
