import assert from "node:assert/strict";
import { get } from "node:http";
import { describe, test } from "node:test";
import { probeReadiness } from "./readiness.ts";
import { serveReadiness } from "./readiness-server.ts";
import { freePort } from "./testing/free-port.ts";

const BOTH = "cluster_manager.cds.update_success: 2\nlistener_manager.lds.update_success: 1\n";

function envoy(live: number, stats: string) {
  return async (_method: string, path: string) =>
    path === "/ready"
      ? { status: live, body: live === 200 ? "LIVE\n" : "PRE_INITIALIZING\n" }
      : { status: 200, body: stats };
}

describe("readiness", () => {
  test("needs a live Envoy with clusters and listeners", async () => {
    assert.deepEqual(await probeReadiness(envoy(200, BOTH)), { ready: true, state: "READY" });
    assert.deepEqual(await probeReadiness(envoy(503, BOTH)), { ready: false, state: "PRE_INITIALIZING" });
    for (const stats of ["", BOTH.replace("2", "0"), BOTH.replace("1", "0"), BOTH.replace("listener", "x")]) {
      assert.equal((await probeReadiness(envoy(200, stats))).ready, false, stats);
    }
    assert.equal((await probeReadiness(() => Promise.reject(new Error("gone")))).state, "ENVOY_NOT_RUNNING");
  });

  test("stands beside what the launcher counts, where it counts", async () => {
    const port = await freePort();
    const server = await serveReadiness({
      address: "127.0.0.1",
      port,
      probe: async () => ({ ready: false, state: "TERMINATING" }),
      metrics: () => "questions 1\n",
    });
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.deepEqual([answer.status, await answer.text()], [200, "questions 1\n"]);
    server.close();
  });

  test("is served at /ready and nowhere else", async () => {
    const port = await freePort();
    let ready = true;
    const server = await serveReadiness({
      address: "127.0.0.1",
      port,
      probe: async () => ({ ready, state: ready ? "READY" : "TERMINATING" }),
    });
    const ask = (path: string) =>
      new Promise<string>((resolve, reject) => {
        get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
          response.on("data", (chunk: Buffer) => resolve(`${response.statusCode} ${chunk}`));
        }).on("error", reject);
      });
    assert.equal(await ask("/ready"), "200 READY");
    assert.match(await ask("/config_dump"), /^404/);
    assert.match(await ask("/metrics"), /^404/);
    ready = false;
    assert.equal(await ask("/ready?x=1"), "503 TERMINATING");
    await assert.rejects(
      serveReadiness({ address: "127.0.0.1", port, probe: async () => ({ ready, state: "" }) }),
    );
    server.close();
  });
});
