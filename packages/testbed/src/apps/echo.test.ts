import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { freePort } from "../net/http.ts";
import { callerOf } from "./caller.ts";
import { type RunningApp, startEcho } from "./echo.ts";
import { talkTo } from "./talk.ts";
import { startTcpEcho } from "./tcp-echo.ts";

let port = 0;
let app: RunningApp;
before(async () => {
  port = await freePort();
  app = await startEcho({
    service: "check-in-api",
    instance: "check-in-api-1",
    version: "v2",
    address: "127.0.0.1",
    port,
    upstreams: { self: `http://127.0.0.1:${port}` },
  });
});
after(() => app.close());

async function get(
  path: string,
  headers: Record<string, string> = {},
): Promise<[number, Record<string, unknown>]> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return [answer.status, (await answer.json()) as Record<string, unknown>];
}

test("says who it is and who called", async () => {
  const header = "By=spiffe://m/a;Hash=ab;URI=spiffe://m/sa/portal";
  const [status, body] = await get("/x?y=1", { "x-forwarded-client-cert": header });
  assert.equal(status, 200);
  const { service, instance, version, path, caller } = body;
  assert.deepEqual(
    { service, instance, version, path, caller },
    {
      service: "check-in-api",
      instance: "check-in-api-1",
      version: "v2",
      path: "/x?y=1",
      caller: "spiffe://m/sa/portal",
    },
  );
});

test("calls on, and passes status and answer back", async () => {
  const [status, body] = await get("/call/self/call/self/fail?status=418");
  assert.equal(status, 418);
  assert.match(JSON.stringify(body), /"status":418.*"status":418.*"path":"\/fail\?status=418"/);
});

test("a call without an answer is a 502 with the reason", async () => {
  const [status, body] = await get(`/call?url=${encodeURIComponent("http://127.0.0.1:9/")}`);
  assert.equal(status, 502);
  assert.match(JSON.stringify(body), /ECONNREFUSED/);
});

test("an unknown upstream is told with the known ones", async () => {
  const [status, body] = await get("/call/nobody/");
  assert.equal(status, 404);
  assert.match(String(body.error), /this app knows: self/);
});

test("fails where another instance does not", async () => {
  const seen: number[] = [];
  for (const name of ["check-in-api-1", "check-in-api-2"]) {
    seen.push((await get(`/fail?status=500&instance=${name}`))[0]);
  }
  assert.deepEqual(seen, [500, 200]);
});

test("fails every second time when asked to", async () => {
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push((await get("/fail?status=503&every=2"))[0]);
  assert.deepEqual(seen, [503, 200, 503, 200]);
});

test("talks with a server of bytes, and tells where the conversation ends", async () => {
  const servers = await Promise.all([freePort(), freePort()]);
  const [echoing, mute] = servers;
  const echo = await startTcpEcho({ instance: "flight-db-1", address: "127.0.0.1", port: echoing });
  const greeter = createServer((socket) => {
    socket.on("error", () => {}).on("data", () => socket.destroy());
    socket.write("hello\n");
  });
  await new Promise<void>((resolve) => greeter.listen(mute, "127.0.0.1", resolve));
  try {
    const talk = (to: number) => talkTo(new URL(`http://127.0.0.1:${to}`));
    assert.deepEqual(await talk(echoing), { greeting: "flight-db-1", answered: true });
    assert.deepEqual(await talk(mute), { greeting: "hello", answered: false });
    assert.deepEqual(await talk(await freePort()), { greeting: null, answered: false });
  } finally {
    await echo.close();
    greeter.close();
  }
});

test("is as well as it was told to be", async () => {
  const health = async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).status;
  assert.equal(await health(), 200);
  await fetch(`http://127.0.0.1:${port}/health?status=503`);
  assert.equal(await health(), 503);
  await fetch(`http://127.0.0.1:${port}/health?status=200`);
  assert.equal(await health(), 200);
});

const headers: readonly (readonly [string | undefined, string | undefined])[] = [
  [undefined, undefined],
  ["Hash=ab", undefined],
  ["URI=spiffe://m/a", "spiffe://m/a"],
  ['By=x;Subject="CN=a;URI=no,x";URI=spiffe://m/b', "spiffe://m/b"],
  ["URI=spiffe://m/first,By=y;URI=spiffe://m/last", "spiffe://m/last"],
  ["URI=", undefined],
];
for (const [header, caller] of headers) {
  test(`caller in ${header}`, () => assert.equal(callerOf(header), caller));
}
