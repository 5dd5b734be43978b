import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger } from "../log.ts";
import { freePort } from "../testing/free-port.ts";
import { runDns } from "./run-dns.ts";

const plan = (port: number) => ({
  addresses: ["127.0.0.1"],
  port,
  configSocket: "/nowhere/config.sock",
  resolvConf: "/nowhere/resolv.conf",
});

test("a proxy waits 15 seconds for its names, and no longer", async () => {
  let now = 5_000;
  const dns = await runDns(plan(await freePort()), createLogger({ level: "off", json: false }), () => now);
  assert.equal(dns?.settled(), false);
  now += 14_999;
  assert.equal(dns.settled(), false);
  now += 1;
  assert.equal(dns.settled(), true);
  assert.match(dns.metrics(), /^skein_dp_dns_queries_total\{transport="udp"\} 0$/m);
  dns.close();
});

test("a port that is in use is told with what to do", async () => {
  const lines: string[] = [];
  const log = createLogger({ level: "error", json: false, write: (line) => void lines.push(line) });
  const port = await freePort();
  const first = await runDns(plan(port), log);
  assert.equal(await runDns(plan(port), log), undefined);
  assert.match(
    lines.join(""),
    /DNS cannot be served on port \d+ of 127\.0\.0\.1; .*--dns-proxy-port.*EADDRINUSE/,
  );
  first?.close();
});
