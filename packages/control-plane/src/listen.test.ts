import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { test } from "node:test";
import { listen } from "./listen.ts";

const FLEET = 1_500;

/** Connections that the kernel has made and nobody has accepted yet. */
function unaccepted(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp6", "utf8").split("\n");
  const listening = lines
    .map((line) => line.trim().split(/\s+/))
    .find(([, at, , state]) => at?.endsWith(local) && state === "0A");
  return Number.parseInt(listening?.[4]?.split(":")[1] ?? "", 16);
}

async function start(): Promise<{ server: Http2SecureServer; port: number; stop: () => Promise<void> }> {
  const server = createSecureServer({});
  const { stop } = await listen.http2(server, 0, "test", async () => {});
  return { server, port: (server.address() as AddressInfo).port, stop };
}

test("a fleet that connects while the event loop is busy waits, and is not turned away", async (t) => {
  if (Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8")) < FLEET)
    return t.skip("the kernel caps it lower");
  const { port, stop } = await start();
  const sockets: Socket[] = Array.from({ length: FLEET }, () => connect(port, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => {});
  await new Promise<void>((resolve) => process.nextTick(resolve));
  const waiting = unaccepted(port);
  for (const socket of sockets) socket.destroy();
  await stop();
  assert.equal(waiting, FLEET);
});

test("a connection that never says anything does not hold up the stop", async () => {
  const { server, port, stop } = await start();
  const silent = connect(port, "127.0.0.1");
  silent.on("error", () => {});
  await once(server, "connection");
  const stopped = await Promise.race([
    stop().then(() => true),
    new Promise((resolve) => setTimeout(resolve, 2_000, false).unref()),
  ]);
  silent.destroy();
  assert.equal(stopped, true);
});
