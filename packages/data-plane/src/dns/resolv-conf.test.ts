import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseResolvConf, ResolvConfFile } from "./resolv-conf.ts";

test("resolvers come in their order, each once, of both families", () => {
  const { resolvers, timeoutMs, rotate } = parseResolvConf(
    [
      "# nameserver 1.1.1.1",
      "; nameserver 1.1.1.2",
      "search svc.cluster.local cluster.local",
      "nameserver 10.0.0.2 # the first",
      "  nameserver\tfe80::1%eth0",
      "nameserver 10.0.0.2",
      "nameserver example.org",
      "nameserver",
      "nameserver [127.0.0.1]:5353",
      "nameserver [::1]",
      "options ndots:5 timeout:2 attempts:3 rotate",
    ].join("\n"),
  );
  assert.deepEqual(resolvers, [
    { address: "10.0.0.2", port: 53 },
    { address: "fe80::1%eth0", port: 53 },
    { address: "127.0.0.1", port: 5353 },
    { address: "::1", port: 53 },
  ]);
  assert.deepEqual([timeoutMs, rotate], [2_000, true]);
});

test("without resolvers, the machine's own is meant; without options, what resolv.conf(5) says", () => {
  assert.deepEqual(parseResolvConf("search example.org\n"), {
    resolvers: [{ address: "127.0.0.1", port: 53 }],
    timeoutMs: 5_000,
    rotate: false,
  });
});

test("a file that changes is read again, and one that is gone keeps what there was", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "skein-resolv-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "resolv.conf");
  let now = 0;
  const conf = new ResolvConfFile(file, () => now);
  const first = () => conf.current().resolvers[0]?.address;
  assert.equal(first(), "127.0.0.1");
  writeFileSync(`${file}.new`, "nameserver 10.0.0.2\n");
  renameSync(`${file}.new`, file);
  assert.equal(first(), "127.0.0.1", "not looked at more than once a second");
  now = 1_000;
  assert.equal(first(), "10.0.0.2");
  const same = conf.current();
  now = 2_000;
  assert.equal(conf.current(), same);
  rmSync(file);
  now = 3_000;
  assert.equal(first(), "10.0.0.2");
  writeFileSync(file, "nameserver 10.0.0.3\n");
  now = 4_000;
  assert.equal(first(), "10.0.0.3");
});
