import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { MeshOpaConf } from "@skein/policies/mesh-opa/conf";
import { createSecretsCipher } from "../identity/secrets-cipher.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Change } from "../store/store.ts";
import { type AgentAnswer, AgentServer } from "./agent-server.ts";

const RULES: MeshOpaConf = { appendPolicies: [{ rego: { inlineString: "package a" } }] };
const AT = "/opa/default/web-1/bundle.tar.gz";

async function start(first: MeshOpaConf | undefined = RULES) {
  const store = openMemoryStore({ now: () => 0, onError: (error) => assert.ifError(error) });
  const cipher = createSecretsCipher([], (size) => new Uint8Array(size));
  const mesh = "default";
  await store.write([
    { op: "create", resource: { type: "Mesh", mesh: "", name: mesh, labels: {}, spec: {} } },
    { op: "create", resource: { type: "Dataplane", mesh, name: "web-1", labels: {}, spec: {} } },
  ]);
  let conf: MeshOpaConf | undefined = first;
  const holds = new Set<{ readonly revision: number }>();
  const warnings: string[] = [];
  const server = new AgentServer({
    secrets: { store, cipher },
    confOf: () => conf,
    authorize: async (token) =>
      token === "good" ? { ok: true } : { ok: false, error: "the token is not good" },
    hold: (revision) => {
      const held = { revision };
      holds.add(held);
      return () => holds.delete(held);
    },
    log: { warn: (message) => warnings.push(message) },
  });
  store.watch((changes) => server.changed(changes));
  const gone = new AbortController();
  return {
    ...{ server, gone, holds, warnings },
    ask: (path = AT, headers: Record<string, string> = {}): Promise<AgentAnswer> => {
      const { pathname, searchParams } = new URL(path, "https://cp");
      return server.handle({
        path: pathname,
        query: searchParams,
        headers: { authorization: "Bearer good", ...headers },
        gone: gone.signal,
      });
    },
    /** What a committed change of a policy, or of something else, does. */
    change: (next: MeshOpaConf | undefined, type = "MeshOPA", name = "p") => {
      conf = next;
      const resource = { type, mesh, name, labels: {}, spec: {}, revision: 9 };
      server.changed([{ revision: 9, before: undefined, after: resource } as unknown as Change]);
    },
    secret: (text: string) => {
      const resource = { type: "Secret", mesh, name: "s", labels: {}, spec: { data: btoa(text) } };
      return store.write([{ op: "put", resource }]);
    },
  };
}

const content = ({ body }: AgentAnswer): string => gunzipSync(body).toString("utf8");
const known = (answer: AgentAnswer, wait = 30) => ({
  "if-none-match": answer.headers?.etag ?? "",
  prefer: `modes=snapshot,delta;wait=${wait}`,
});
/** Whether a promise is still open after everything that is due has run. */
async function isOpen(promise: Promise<unknown>): Promise<boolean> {
  const turn = new Promise((resolve) => setImmediate(resolve, "open"));
  return (await Promise.race([promise, turn])) === "open";
}

test("an agent gets its rules, and the version of them", async () => {
  const { ask } = await start();
  const answer = await ask();
  assert.equal(answer.status, 200);
  assert.equal(answer.contentType, "application/vnd.openpolicyagent.bundles");
  assert.match(content(answer), /package a/);
  assert.match(content(answer), /data\.a\.allow == true/);
});

test("a question without a wait is answered at once, by 304 where there is nothing new", async () => {
  const { ask } = await start();
  const first = await ask();
  const again = await ask(AT, known(first, 0));
  assert.deepEqual([again.status, again.headers?.etag, again.body], [304, first.headers?.etag, ""]);
  assert.equal(again.contentType, "application/vnd.openpolicyagent.bundles", "or OPA polls from then on");
});

test("a question with a wait is answered when there is something new", async () => {
  const { ask, change } = await start();
  const first = await ask();
  const open = ask(AT, known(first));
  assert.ok(await isOpen(open));
  change(RULES);
  assert.ok(await isOpen(open), "the same again is nothing new");
  const other = { appendPolicies: [{ rego: { inlineString: "package b" } }] };
  change(other, "MeshTimeout");
  change(other, "Dataplane", "web-2");
  assert.ok(await isOpen(open), "what is none of an agent's business is not looked at");
  change(other);
  const next = await open;
  assert.equal(next.status, 200);
  assert.match(content(next), /package b/);
});

test("a proxy that other policies select from now on", async () => {
  const { ask, change } = await start();
  const open = ask(AT, known(await ask()));
  assert.ok(await isOpen(open));
  change(undefined, "Dataplane", "web-1");
  assert.doesNotMatch(content(await open), /package a/);
});

test("rules come from a Secret, once it is there, and follow it", async () => {
  const { ask, secret } = await start({ appendPolicies: [{ rego: { secret: "s" } }] });
  const without = await ask();
  assert.match(content(without), /Secret "s" does not exist in mesh "default"/);
  const open = ask(AT, known(without));
  assert.ok(await isOpen(open));
  await secret("package hidden");
  const first = await open;
  assert.match(content(first), /package hidden/);
  const next = ask(AT, known(first));
  await secret("package other");
  assert.match(content(await next), /package other/);
});

test("an agent finds its configuration, with the address that it is asked at", async () => {
  const { ask } = await start({ ...RULES, agentConfig: { inlineString: "decision_logs: {console: true}" } });
  const text = content(await ask("/opa/default/web-1/discovery.tar.gz?addr=127.0.0.9%3A9191"));
  assert.match(text, /"console":true/);
  assert.match(text, /"addr":"127\.0\.0\.9:9191"/);
  assert.match(text, /"resource":"\/opa\/default\/web-1\/bundle\.tar\.gz"/);
});

test("who has no token for the proxy gets nothing", async () => {
  const { ask } = await start();
  for (const authorization of ["Bearer bad", ""]) {
    const answer = await ask(AT, { authorization });
    assert.deepEqual([answer.status, answer.body], [401, "the token is not good\n"]);
  }
});

test("proxies and paths that are not there", async () => {
  const { ask } = await start();
  assert.equal((await ask("/opa/default/web-2/bundle.tar.gz")).status, 404);
  assert.equal((await ask("/opa/default/web-1/other.tar.gz")).status, 404);
  assert.equal((await ask("/opa/%zz/web-1/bundle.tar.gz")).status, 404);
});

test("questions end with their agent, and with the server", async () => {
  const { ask, gone } = await start();
  const first = await ask();
  const left = ask(AT, known(first));
  const open = ask(AT, known(first));
  assert.ok(await isOpen(left));
  gone.abort();
  assert.equal((await left).status, 304);
  assert.equal((await open).status, 304);
  const other = await start();
  const waiting = other.ask(AT, known(await other.ask()));
  assert.ok(await isOpen(waiting));
  other.server.close();
  assert.equal((await waiting).status, 304);
  assert.equal((await other.ask()).status, 503);
});

const DISCOVERY = "/opa/default/web-1/discovery.tar.gz";
const OTHER: MeshOpaConf = { appendPolicies: [{ rego: { inlineString: "package b" } }] };

test("a change waits until the agent names the version that it was given", async () => {
  const { ask, change, holds, warnings } = await start();
  const [found, rules] = [await ask(DISCOVERY), await ask()];
  const discovery = ask(DISCOVERY, known(found));
  const open = ask(AT, known(rules));
  assert.ok(await isOpen(open));
  change(OTHER);
  assert.equal(holds.size, 1);
  const next = await open;
  assert.equal(holds.size, 1, "what was given is not in use yet");
  assert.ok(await isOpen(discovery));
  const after = ask(AT, known(next));
  assert.ok(await isOpen(after));
  assert.equal(holds.size, 0);
  assert.deepEqual(warnings, []);
});

test("with its first rules an agent has them only when it names both versions", async () => {
  const { ask, change, holds } = await start({});
  const open = ask(DISCOVERY, known(await ask(DISCOVERY)));
  assert.ok(await isOpen(open));
  change(OTHER);
  const found = await open;
  assert.ok(await isOpen(ask(DISCOVERY, known(found))));
  assert.equal(holds.size, 1);
  const rules = await ask();
  assert.equal(holds.size, 1);
  assert.ok(await isOpen(ask(AT, known(rules))));
  assert.equal(holds.size, 0);
});

test("an agent that cannot take its rules up is not waited for, and it is said", async () => {
  const { ask, change, holds, warnings } = await start();
  const open = ask(AT, known(await ask()));
  assert.ok(await isOpen(open));
  change(OTHER);
  await open;
  await ask(AT);
  assert.equal(holds.size, 0);
  assert.match(warnings.join(), /did not take up its rules/);
});

test("nor is one that is silent, or whose proxy or control plane goes", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const end of ["silent", "deleted", "closed"] as const) {
    const { ask, change, holds, warnings, server } = await start();
    const open = ask(AT, known(await ask()));
    assert.ok(await isOpen(open));
    change(OTHER);
    await open;
    assert.equal(holds.size, 1);
    if (end === "silent") t.mock.timers.tick(10_001);
    else if (end === "closed") server.close();
    else {
      const before = { type: "Dataplane", mesh: "default", name: "web-1", labels: {}, spec: {} };
      server.changed([{ revision: 10, before, after: undefined } as unknown as Change]);
    }
    assert.equal(holds.size, 0, end);
    assert.equal(warnings.length, end === "silent" ? 1 : 0, end);
  }
});
