import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../poll.ts";
import { APP, CTL, createStage, FILTERS, type Filter, type Stage } from "./stage.ts";

const INSTALL = ["install", "transparent-proxy"];
const UNINSTALL = ["uninstall", "transparent-proxy"];
/** One refusal is enough for a test. */
const AT_ONCE = ["--max-retries", "0"];

for (const filter of FILTERS) {
  test(`${filter}: uninstall leaves the rules of others as they were, whatever was installed`, async () => {
    await using stage = await createStage({ proxy: false });
    await addForeignRules(stage, filter);
    const before = await stage.filterState();
    for (const flags of [
      [],
      ["--redirect-all-dns-traffic", "--drop-invalid-packets", "--disable-comments", "--iptables-logs"],
      ["--redirect-dns", "--vnet", "docker0:172.17.0.0/16", "--redirect-outbound-insert-instead-of-append"],
    ]) {
      await stage.check([...INSTALL, ...flags], filter);
      assert.notEqual(await stage.filterState(), before);
      // Others go on working while it is installed.
      const { stdout } = await stage.check(UNINSTALL, filter);
      assert.match(stdout, /^Traffic is no longer redirected/);
      assert.equal(await stage.filterState(), before, flags.join(" "));
    }
    assert.match((await stage.check(UNINSTALL, filter)).stdout, /^Nothing to remove/);
    // After several installs on top of each other, too.
    await stage.check([...INSTALL, "--redirect-dns", "--disable-comments"], filter);
    await stage.check([...INSTALL, "--redirect-inbound=false", "--ip-family-mode=ipv4"], filter);
    await stage.check(UNINSTALL, filter);
    assert.equal(await stage.filterState(), before);
  });

  test(`${filter}: a second run changes nothing, one with other flags replaces, as if it were the first`, async () => {
    await using stage = await createStage({ proxy: false });
    await addForeignRules(stage, filter);
    const flags = [
      "--redirect-dns",
      "--exclude-inbound-ports=22,80-90",
      "--exclude-outbound-ips=10.0.0.7/8,fd00::1/7",
    ];
    await stage.check([...INSTALL, ...flags], filter);
    const first = await stage.filterState();
    const again = await stage.check([...INSTALL, ...flags], filter);
    assert.match(again.stdout, /^Nothing to change: the rules are there/);
    assert.equal(await stage.filterState(), first);
    const dry = await stage.check([...INSTALL, ...flags, "--dry-run"], filter);
    assert.deepEqual([dry.stdout, /nothing to change/.test(dry.stderr)], ["", true]);

    assert.match((await stage.check(INSTALL, filter)).stdout, /^Traffic is redirected/);
    const other = await stage.filterState();
    assert.notEqual(other, first);
    await stage.check(UNINSTALL, filter);
    await stage.check(INSTALL, filter);
    assert.equal(await stage.filterState(), other);
    // Somebody took a rule of ours away: it comes back.
    await breakRule(stage, filter);
    assert.match((await stage.check(INSTALL, filter)).stdout, /^Traffic is redirected/);
    assert.equal(await stage.filterState(), other);
  });

  test(`${filter}: a dry run prints what is applied, and applies nothing`, async () => {
    await using stage = await createStage({ proxy: false });
    const before = await stage.filterState();
    const { stdout } = await stage.check([...INSTALL, "--redirect-dns", "--dry-run"], filter);
    assert.equal(await stage.filterState(), before);
    for (const [, command] of stdout.matchAll(/^# (ip .*)$/gm))
      await stage.here.check(String(command).split(" "));
    await applyPrinted(stage, filter, stdout);
    const printed = await stage.filterState();
    await stage.check([...UNINSTALL], filter);
    await stage.check([...INSTALL, "--redirect-dns"], filter);
    assert.equal(await stage.filterState(), printed);
  });
}

test("a rule that is refused: everything is as it was before, an earlier install too", async () => {
  for (const [tool, table] of [
    ["iptables", "raw"],
    ["iptables", "nat"],
    ["ip6tables", "nat"],
  ] as const) {
    await using stage = await createStage({ proxy: false });
    await addForeignRules(stage, "iptables-nft");
    const bare = await stage.filterState();
    const wrapped = wrappedTools(
      stage,
      tool,
      `if grep -q '^\\*${table}' "$input"; then echo "iptables-restore: line 2 failed" >&2; exit 1; fi`,
    );
    const refused = await stage.ctl([...INSTALL, ...AT_ONCE, "--redirect-dns", ...wrapped]);
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(
      refused.stderr,
      /^Error: .*restore ended with 1: iptables-restore: line 2 failed.*; everything is as it was before$/m,
    );
    assert.equal(await stage.filterState(), bare);

    await stage.check([...INSTALL, "--redirect-all-dns-traffic"]);
    const installed = await stage.filterState();
    assert.equal((await stage.ctl([...INSTALL, ...AT_ONCE, "--redirect-dns", ...wrapped])).code, 1);
    assert.equal(await stage.filterState(), installed);
  }
});

test("a refusal that passes is tried again", async () => {
  await using stage = await createStage({ proxy: false });
  const once = join(stage.network.dir, "refused-once");
  const wrapped = wrappedTools(
    stage,
    "iptables",
    `if [ ! -e ${once} ]; then touch ${once}; echo "resource temporarily unavailable" >&2; exit 4; fi`,
  );
  const { stderr, stdout } = await stage.check([...INSTALL, "--sleep-between-retries=10ms", ...wrapped]);
  assert.match(
    stderr,
    /Note: refused, trying again in 0.01 s \(1 of 4\): .*resource temporarily unavailable/,
  );
  assert.match(stdout, /^Traffic is redirected/);
});

test("rules that would cut the machine off are put back, and the run says what could not be reached", async () => {
  await using stage = await createStage({ proxy: false });
  const before = await stage.filterState();
  // As if the rules came with one that the tool was not given: what listens here is no longer reached on loopback.
  const wicked = wrappedTools(
    stage,
    "iptables",
    `if grep -q '^:KUMA_MESH_OUTBOUND ' "$input" && ! grep -q '^-X KUMA_MESH_OUTBOUND' "$input"; then sed -i 's/^-A KUMA_MESH_OUTBOUND_REDIRECT .*/&/; s/^-A KUMA_MESH_OUTBOUND -s 127.0.0.6.*/-A KUMA_MESH_OUTBOUND -o lo -p tcp -j REDIRECT --to-ports 15001/' "$input"; fi`,
  );
  const lied = await stage.ctl([...INSTALL, ...AT_ONCE, ...wicked]);
  assert.equal(lied.code, 1);
  assert.match(
    lied.stderr,
    /does not hold the rules \(IPv4\) that it took; .*everything is as it was before/,
  );
  assert.equal(await stage.filterState(), before);

  // Rules that are right, and a firewall that comes with them.
  const walled = wrappedTools(
    stage,
    "iptables",
    `if grep -q '^:KUMA_MESH_OUTBOUND ' "$input" && ! grep -q '^-X KUMA_MESH_OUTBOUND' "$input"; then iptables-nft -I OUTPUT -o lo -d 127.0.0.1 -p tcp -m owner --uid-owner 5678 -j REJECT; fi`,
  );
  const cut = await stage.ctl([...INSTALL, ...AT_ONCE, ...walled]);
  assert.equal(cut.code, 1);
  assert.match(
    cut.stderr,
    /^Error: with the rules this cannot be reached any more: a program that listens on 127\.0\.0\.1, by the user kuma-dp \(5678\); everything is as it was before$/m,
  );
  await stage.here.check(["iptables-nft", "-F", "OUTPUT"]);
  assert.equal(await stage.filterState(), before);
});

test("stopped by a signal amid its work: everything is as it was before", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using stage = await createStage({ proxy: false });
    const before = await stage.filterState();
    const reached = join(stage.network.dir, "reached");
    // The last table of IPv4 takes its time; that of IPv6 is to come.
    const slow = wrappedTools(
      stage,
      "iptables",
      `if grep -q '^\\*nat' "$input" && ! grep -q '^-X' "$input"; then touch ${reached}; sleep 2; fi`,
    );
    const run = await stage.start([...INSTALL, "--redirect-dns", ...slow]);
    await until(
      "the rules are being applied",
      async () => (await stage.here.run(["test", "-e", reached])).code === 0,
      { timeoutMs: 30_000 },
    );
    run.signal(signal);
    const exit = await run.exited;
    assert.equal(exit.code, 1, run.tail());
    assert.match(
      run.tail(),
      new RegExp(`^Error: stopped by ${signal}; everything is as it was before$`, "m"),
    );
    assert.equal(await stage.filterState(), before);
  }
});

test("after a kill amid its work the next run mends it, and so does uninstall", async () => {
  await using stage = await createStage({ proxy: false });
  const before = await stage.filterState();
  await stage.check([...INSTALL, "--redirect-dns"]);
  const whole = await stage.filterState();
  await stage.check(UNINSTALL);
  for (const [command, wanted] of [
    [[...INSTALL, "--redirect-dns"], whole],
    [UNINSTALL, before],
  ] as const) {
    const reached = join(stage.network.dir, `reached-${command.length}`);
    const slow = wrappedTools(
      stage,
      "iptables",
      `if grep -q '^\\*nat' "$input"; then touch ${reached}; sleep 60; fi`,
    );
    const run = await stage.start([...INSTALL, "--redirect-dns", ...slow]);
    await until("it is at work", async () => (await stage.here.run(["test", "-e", reached])).code === 0, {
      timeoutMs: 30_000,
    });
    await run.kill();
    const half = await stage.filterState();
    assert.notEqual(half, before);
    assert.notEqual(half, whole);
    assert.match((await stage.check(command)).stdout, /^Traffic is/);
    assert.equal(await stage.filterState(), wanted);
    await stage.check(UNINSTALL);
  }
  assert.equal(await stage.filterState(), before);
});

test("an address ::6 that was there before stays", async () => {
  await using stage = await createStage({ proxy: false });
  await stage.here.check(["ip", "-6", "address", "add", "::6/128", "dev", "lo"]);
  const before = await stage.filterState();
  await stage.check(INSTALL);
  await stage.check(UNINSTALL);
  assert.equal(await stage.filterState(), before);
});

test("in a container that may only change its network, it works", async () => {
  await using stage = await createStage({ proxy: true });
  const { here, there, call, network } = stage;
  const bare = [
    "setpriv",
    "--bounding-set=-all,+net_admin,+net_raw",
    "--inh-caps=-all,+net_admin,+net_raw",
    "--",
  ];
  const { code, stderr } = await here.run([...bare, process.execPath, CTL, ...INSTALL, "--redirect-dns"], {
    env: { HOME: network.dir },
  });
  assert.equal(code, 0, stderr);
  assert.match(await call(here, there.ipv4, 80, { as: APP }), /^captured 15001/);
  assert.match(await call(here, there.ipv6, 80, { as: APP }), /^captured 15001/);
});

test("two runs at once come one after the other; the second does not wait for ever", async () => {
  await using stage = await createStage({ proxy: false });
  const slow = wrappedTools(stage, "iptables", `sleep 1`);
  const both = await Promise.all([
    stage.ctl([...INSTALL, "--wait=60", "--redirect-dns", ...slow]),
    stage.ctl([...INSTALL, "--wait=60", "--redirect-dns", ...slow]),
  ]);
  assert.deepEqual(
    both.map(({ code }) => code),
    [0, 0],
    both.map(({ stderr }) => stderr).join(),
  );
  assert.deepEqual(both.map(({ stdout }) => stdout.split(" ")[0]).toSorted(), ["Nothing", "Traffic"]);
  await stage.check(UNINSTALL);

  const reached = join(stage.network.dir, "reached");
  const held = wrappedTools(stage, "iptables", `touch ${reached}; sleep 4`);
  const first = stage.ctl([...INSTALL, ...held]);
  await until(
    "the first is at work",
    async () => (await stage.here.run(["test", "-e", reached])).code === 0,
    { timeoutMs: 30_000 },
  );
  const second = await stage.ctl([...INSTALL, "--wait=0"]);
  assert.equal(second.code, 1);
  assert.match(
    second.stderr,
    /^Error: another run is installing or uninstalling the transparent proxy here; try again/,
  );
  assert.equal((await first).code, 0);
});

test("without root it says what to do and changes nothing; a dry run works", async () => {
  await using stage = await createStage({ proxy: false });
  const before = await stage.filterState();
  for (const command of [INSTALL, UNINSTALL]) {
    const refused = await stage.ctl(command, undefined, APP);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /^Error: only root can .*: run it with sudo \(sudo skeinctl (un)?install transparent-proxy …\).*; nothing was changed\n$/,
    );
    assert.equal(refused.stdout, "");
  }
  const dry = await stage.ctl([...INSTALL, "--dry-run"], undefined, APP);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^### IPv4 ###\n\*nat\n/);
  assert.match(dry.stderr, /WARNING: only root can see the present rules/);
  assert.equal(await stage.filterState(), before);
});

test("the proxy's user must exist: one of that name or uid, else uid 5678, else kuma-dp", async () => {
  await using stage = await createStage({ proxy: false });
  const uidOf = async (...args: readonly string[]): Promise<string | undefined> =>
    /--uid-owner (\d+)/.exec((await stage.check([...INSTALL, "--dry-run", ...args])).stdout)?.[1];
  stage.here.users([
    { name: "other", uid: 4000 },
    { name: "kuma-dp", uid: 4001 },
    { name: "5679", uid: 4002 },
  ]);
  assert.equal(await uidOf(), "4001");
  assert.equal(await uidOf("--kuma-dp-user=other"), "4000");
  assert.equal(await uidOf("--kuma-dp-user=4000"), "4000");
  assert.equal(await uidOf("--kuma-dp-uid=4000"), "4000");
  stage.here.users([
    { name: "envoy", uid: 5678 },
    { name: "kuma-dp", uid: 4001 },
  ]);
  assert.equal(await uidOf(), "5678");
  const unknown = await stage.ctl([...INSTALL, "--kuma-dp-user=nobody-has-this-name"]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /"nobody-has-this-name" does not refer to a valid user on the host/);
  stage.here.users([]);
  const none = await stage.ctl(INSTALL);
  assert.match(none.stderr, /neither a user with uid 5678 nor one named kuma-dp; add one \(useradd/);
  assert.equal(none.code, 1);
});

test("the port by which a machine is logged in to is not captured", async () => {
  await using stage = await createStage({ proxy: true });
  const { here, there, call } = stage;
  await stage.serve(here, "sshd", [2222]);
  const { stderr } = await stage.check(INSTALL);
  assert.match(stderr, /^Note: port 2222 is not captured, so that this machine can be reached/m);
  assert.match(await call(there, here.ipv4, 2222), /^sshd 2222/);
  assert.match(await call(there, here.ipv6, 2222), /^sshd 2222/);
  assert.match(await call(there, here.ipv4, 8080), /^captured 15006/);
});

test("rules of an earlier install in another packet filter are taken along", async () => {
  await using stage = await createStage({ proxy: true });
  const { here, there, call } = stage;
  const before = await stage.filterState();
  for (const from of FILTERS) {
    await stage.check([...INSTALL, "--redirect-all-dns-traffic"], from);
    // Now with all tools there.
    assert.match((await stage.check(INSTALL)).stdout, /rules in iptables \(nft\)/);
    assert.match(await call(here, there.ipv4, 80, { as: APP }), /^captured 15001/);
    assert.equal(await call(here, there.ipv4, 53, { as: APP, udp: true }), `there 53 from ${here.ipv4}`);
    await stage.check(UNINSTALL);
    assert.equal(await stage.filterState(), before, from);
  }
});

test("where only legacy iptables has rules, ours go there; rules that Kuma installed are removed", async () => {
  await using stage = await createStage({ proxy: true });
  const { here } = stage;
  const kuma = [
    "*nat",
    ":KUMA_MESH_INBOUND - [0:0]",
    ":KUMA_MESH_OUTBOUND_REDIRECT - [0:0]",
    '-A PREROUTING -p tcp -m comment --comment "kuma/mesh/transparent/proxy/redirect inbound TCP traffic to our custom chain for processing" -j KUMA_MESH_INBOUND',
    '-I OUTPUT 1 -p udp -m udp --dport 53 -m owner --uid-owner 5678 -m comment --comment "kuma/mesh/transparent/proxy/return early for DNS traffic from kuma-dp" -j RETURN',
    "-A OUTPUT -d 10.0.0.1/32 -p tcp -j RETURN",
    "COMMIT",
    "",
  ].join("\n");
  await here.check(["iptables-legacy-restore", "--noflush"], { stdin: kuma });
  assert.match((await stage.check(INSTALL)).stdout, /rules in iptables \(legacy\)/);
  await stage.check(UNINSTALL);
  const left = await here.check(["iptables-legacy-save", "-t", "nat"]);
  assert.deepEqual(
    left.split("\n").filter((line) => line.startsWith("-A")),
    ["-A OUTPUT -d 10.0.0.1/32 -p tcp -j RETURN"],
  );
  assert.ok(!left.includes("KUMA"), left);
});

test("settings from a file, stdin, the environment and flags; what is wrong is named", async () => {
  await using stage = await createStage({ proxy: false });
  const file = (name: string, text: string): string => {
    const path = join(stage.network.dir, name);
    writeFileSync(path, text);
    return path;
  };
  const path = file(
    "redirect.yaml",
    "redirect:\n  inbound: {port: 16006, excludePorts: [22, '80-90']}\n  dns: {enabled: true}\n",
  );
  const dry = await stage.check([
    ...INSTALL,
    "--dry-run",
    "--config",
    path,
    "--redirect-outbound-port=16001",
  ]);
  for (const part of ["--to-ports 16006", "--to-ports 16001", "--dport 80:90", "--to-ports 15053"]) {
    assert.ok(dry.stdout.includes(part), part);
  }
  for (const [text, message] of [
    [
      "redirect: {inbound: {prot: 1}}",
      /wrong\.yaml: redirect\.inbound\.prot: there is no such field; here are enabled, port/,
    ],
    [
      "redirect: {inbound: {port: 70000}}",
      /wrong\.yaml: redirect\.inbound\.port: 70000 is not a whole number from 1 to 65535/,
    ],
    ["ebpf: {enabled: true}", /wrong\.yaml: ebpf\.enabled: eBPF is not supported/],
    ["redirect: {", /wrong\.yaml: .*line 1/s],
  ] as const) {
    const wrong = await stage.ctl([...INSTALL, "--config-file", file("wrong.yaml", text)]);
    assert.equal(wrong.code, 2, wrong.stdout);
    assert.match(wrong.stderr, message);
  }
  const ebpf = await stage.ctl([...INSTALL, "--ebpf-enabled"]);
  assert.deepEqual([ebpf.code, /--ebpf-enabled: eBPF is not supported/.test(ebpf.stderr)], [2, true]);
});

async function addForeignRules({ here }: Stage, filter: Filter): Promise<void> {
  if (filter === "nftables") {
    const table = `table inet foreign {\n\tchain out {\n\t\ttype nat hook output priority -100; policy accept;\n\t\ttcp dport 7777 redirect to :7778\n\t}\n}\n`;
    await here.check(["nft", "-f", "-"], { stdin: table });
    return;
  }
  for (const version of ["iptables", "ip6tables"]) {
    const rules = [
      "*raw",
      "-A OUTPUT -p udp -m udp --dport 514 -j ACCEPT",
      "COMMIT",
      "*nat",
      ":FOREIGN - [0:0]",
      "-A OUTPUT -p tcp -m tcp --dport 7777 -j REDIRECT --to-ports 7778",
      '-A OUTPUT -p tcp -m comment --comment "not of KUMA_MESH_ -j KUMA_MESH_X" -j FOREIGN',
      "-A PREROUTING -j FOREIGN",
      "-A FOREIGN -p tcp -m tcp --dport 5555 -j RETURN",
      "COMMIT",
      "*filter",
      "-A INPUT -p tcp -m tcp --dport 6666 -j DROP",
      "COMMIT",
      "",
    ];
    await here.check([`${version}${filter.replace("iptables", "")}-restore`, "--noflush"], {
      stdin: rules.join("\n"),
    });
  }
}

async function breakRule({ here }: Stage, filter: Filter): Promise<void> {
  if (filter === "nftables")
    return void (await here.check(["nft", "flush", "chain", "ip", "kuma_mesh", "KUMA_MESH_OUTBOUND"]));
  await here.check([filter, "-t", "nat", "-D", "KUMA_MESH_OUTBOUND", "1"]);
}

async function applyPrinted({ here }: Stage, filter: Filter, text: string): Promise<void> {
  const parts = text.split(/^### (IPv4|IPv6|nftables) ###$/m);
  for (let i = 1; i < parts.length; i += 2) {
    const [kind, body = ""] = [parts[i], parts[i + 1]];
    if (body.trim().startsWith("# ip ")) continue;
    const family = kind === "IPv6" ? "ip6tables" : "iptables";
    const command =
      filter === "nftables"
        ? ["nft", "-f", "-"]
        : [`${family}${filter.replace("iptables", "")}-restore`, "--noflush"];
    await here.check(command, { stdin: body });
  }
}

/** Tools of which one `…-restore` does something first, with its input in the file `$input`. */
function wrappedTools({ network }: Stage, tool: "iptables" | "ip6tables", script: string): readonly string[] {
  const dir = join(network.dir, `tools-${Math.random().toString(36).slice(2)}`);
  mkdirSync(dir);
  const path = join(dir, `${tool}-restore`);
  writeFileSync(
    path,
    `#!/bin/sh\ninput=$(mktemp -p ${dir})\ncat > "$input"\n${script}\nexec ${tool}-nft-restore "$@" < "$input"\n`,
  );
  chmodSync(path, 0o755);
  return [
    "--iptables-executables",
    ["iptables", "ip6tables"]
      .flatMap((base) => [
        `${base}:/usr/sbin/${base}-nft`,
        `${base}-save:/usr/sbin/${base}-nft-save`,
        `${base}-restore:${base === tool ? path : `/usr/sbin/${base}-nft-restore`}`,
      ])
      .join(","),
  ];
}
