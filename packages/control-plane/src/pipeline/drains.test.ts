import assert from "node:assert/strict";
import { test } from "node:test";
import { openMemoryStore } from "../store/memory.ts";
import { ChangeLog } from "./change-log.ts";
import { Drains } from "./drains.ts";

/* Which clients the barrier waits for. That they lose no request is in the flows of the testbed. */

async function start() {
  const store = openMemoryStore({ now: () => 0, onError: (error) => assert.ifError(error) });
  const changes = new ChangeLog({ now: () => 0, monotonic: () => 0 });
  const away = new Set<string>();
  const behind = new Set<string>();
  const looks = new Set<() => void>();
  const unreached = (ids: ReadonlySet<string>) =>
    new Set([...ids].filter((id) => away.has(id) || behind.has(id)));
  const drains = new Drains({
    store,
    changes,
    authorize: async () => ({ ok: true }),
    clients: {
      away: () => away,
      unreached,
      reached: (ids, signal) =>
        new Promise((resolve) => {
          const look = () => {
            if (signal.aborted || unreached(ids).size === 0) resolve();
          };
          looks.add(look);
          signal.addEventListener("abort", look);
          look();
        }),
    },
  });
  const mesh = "default";
  const spec = { networking: { address: "127.0.0.1", inbound: [{ port: 80 }] } };
  await store.write([
    { op: "create", resource: { type: "Mesh", mesh: "", name: mesh, labels: {}, spec: {} } },
    ...["api-1", "api-2"].map((name) => ({
      op: "create" as const,
      resource: { type: "Dataplane", mesh, name, labels: {}, spec },
    })),
  ]);
  const ask = async (method: "GET" | "POST", wait = "0s", name = "api-1"): Promise<number> => {
    const query = new URLSearchParams({ mesh, name, wait });
    const answer = await drains.handle({
      method,
      query,
      body: JSON.stringify({ mesh, name }),
      token: "",
    });
    assert.equal(answer.status, 200, String(answer.body));
    return JSON.parse(String(answer.body)).pending;
  };
  /** A client comes back, and holds what it should unless it is `behind`. */
  const back = (id: string): void => {
    away.delete(id);
    for (const look of looks) look();
  };
  return { ask, away, behind, back, store, drains };
}

test("whose clients are no proxies of the mesh, as a built-in gateway's, serves on for its whole drain time", async () => {
  const { store, drains } = await start();
  const [mesh, name] = ["default", "edge-1"];
  const spec = { networking: { address: "127.0.0.1", gateway: { type: "BUILTIN" } } };
  await store.write([{ op: "create", resource: { type: "Dataplane", mesh, name, labels: {}, spec } }]);
  const answer = await drains.handle({
    ...{ method: "POST", query: new URLSearchParams(), token: "" },
    body: JSON.stringify({ mesh, name }),
  });
  assert.equal(answer.status, 404, "as a control plane without a barrier answers");
  assert.match(String(answer.body), /^clients of a built-in gateway are no proxies of the mesh/);
});

test("with nobody away an instance may go when the change is settled", async () => {
  const { ask } = await start();
  assert.equal(await ask("POST"), 0);
  assert.equal(await ask("GET"), 0);
});

test("a client that has not come back to a new control plane is waited for, until it holds what it should", async () => {
  const { ask, away, behind, back } = await start();
  away.add("default/web-1").add("default/api-1");
  assert.equal(await ask("POST"), 1, "the instance itself does not count");
  behind.add("default/web-1");
  back("default/web-1");
  assert.equal(await ask("GET"), 1);
  const waiting = ask("GET", "30s");
  behind.delete("default/web-1");
  back("default/web-1");
  assert.equal(await waiting, 0);
});

test("so is one that goes away before it has acknowledged", async () => {
  const { ask, away, back } = await start();
  assert.equal(await ask("POST"), 0);
  away.add("default/web-1");
  assert.equal(await ask("GET"), 1);
  const waiting = ask("GET", "30s");
  setImmediate(back, "default/web-1");
  assert.equal(await waiting, 0);
});

test("one that has drained and gone is nobody's client any more", async () => {
  const { ask, away } = await start();
  assert.equal(await ask("POST"), 0);
  away.add("default/api-1");
  assert.equal(await ask("POST", "0s", "api-2"), 0);
  assert.equal(await ask("GET", "0s", "api-2"), 0);
});
