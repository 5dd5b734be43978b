import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "./config.ts";
import { type ConfigFile, type ConfigSources, loadConfig } from "./load.ts";

const file = (text: string): readonly ConfigFile[] => [{ name: "a.yaml", text }];

function refusal(sources: ConfigSources): string {
  try {
    loadConfig(sources);
  } catch (error) {
    assert.ok(error instanceof Error && error.name === "SettingError", String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: "it was taken" });
}

test("without anything said, inbound and outbound of both IP versions are captured, and no DNS", () => {
  const config = loadConfig({});
  assert.deepEqual(config.families, ["ipv4", "ipv6"]);
  assert.deepEqual([config.inbound.enabled, config.inbound.port], [true, 15006]);
  assert.deepEqual([config.outbound.enabled, config.outbound.port], [true, 15001]);
  assert.deepEqual(config.dns, {
    capture: "none",
    port: 15053,
    zones: true,
    resolverFile: "/etc/resolv.conf",
  });
  assert.deepEqual(config.patience, { waitSeconds: 5, waitIntervalMicros: 0, retries: 4, pauseMs: 2_000 });
});

test("a flag counts more than a variable, that more than a file, a later file more than an earlier", () => {
  const files = [
    { name: "a", text: "redirect: {inbound: {port: 1}, outbound: {port: 11}, dns: {port: 21}}\nwait: 1" },
    { name: "b", text: '{"redirect": {"inbound": {"port": 2}, "outbound": {"port": 12}}, "wait": null}' },
  ];
  const env = {
    KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT: "3",
    KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_PORT: "13",
  };
  const config = loadConfig({ files, env, flags: { "redirect.inbound.port": "4" } });
  assert.deepEqual(
    [config.inbound.port, config.outbound.port, config.dns.port, config.patience.waitSeconds],
    [4, 13, 21, 1],
  );
});

test("lists may be lists or texts with commas, and ports may be ranges", () => {
  const say = (value: string): Config =>
    loadConfig({ files: file(`redirect: {outbound: {excludePorts: ${value}}}`) });
  const wanted = [
    { from: 22, to: 22 },
    { from: 80, to: 90 },
  ];
  for (const value of ["[22, 80-90]", "'22,80-90'", "['22, 80:90']"])
    assert.deepEqual(say(value).outbound.excludePorts, wanted);
  assert.deepEqual(
    loadConfig({ flags: { "redirect.outbound.excludePorts": ["22", "80-90"] } }).outbound.excludePorts,
    wanted,
  );
});

test("exclusions for users take protocols, ports and uids, the first two or not", () => {
  const say = (...flags: readonly string[]): unknown =>
    loadConfig({ flags: { "redirect.outbound.excludePortsForUIDs": flags } }).outbound.excludeUsers;
  const uids = { from: 106, to: 108 };
  assert.deepEqual(say("53,3000-5000:106-108"), [
    {
      protocols: ["tcp", "udp"],
      ports: [
        { from: 53, to: 53 },
        { from: 3000, to: 5000 },
      ],
      uids,
    },
  ]);
  assert.deepEqual(say("tcp:*:106-108", "udp::70000", "5"), [
    { protocols: ["tcp"], ports: [], uids },
    { protocols: ["udp"], ports: [], uids: { from: 70000, to: 70000 } },
    { protocols: ["tcp", "udp"], ports: [], uids: { from: 5, to: 5 } },
  ]);
});

test("a mistake is told with where it stands and what would be right", () => {
  for (const [sources, message] of [
    [
      { flags: { "redirect.inbound.port": "0" } },
      '--redirect-inbound-port: "0" is not a whole number from 1 to 65535',
    ],
    [
      { env: { KUMA_TRANSPARENT_PROXY_IP_FAMILY_MODE: "ipv6" } },
      'KUMA_TRANSPARENT_PROXY_IP_FAMILY_MODE: "ipv6" must be one of dualstack, ipv4',
    ],
    [
      { flags: { "redirect.outbound.excludePorts": ["90-80"] } },
      '--exclude-outbound-ports: the range "90-80" ends before it begins',
    ],
    [
      { flags: { "redirect.outbound.excludePortsForUIDs": ["53:*"] } },
      '--exclude-outbound-ports-for-uids: "53:*" must end with one uid or one range of uids, such as 1000 or 1000-1010',
    ],
    [
      { flags: { "redirect.outbound.excludePortsForUIDs": ["icmp:53:1"] } },
      '--exclude-outbound-ports-for-uids: "icmp" must be one of tcp, udp',
    ],
    [
      { flags: { "redirect.inbound.excludePortsForIPs": ["10.0.0.0/40"] } },
      '--exclude-inbound-ips: "10.0.0.0/40" is neither an address nor a network; write it like 10.0.0.1, 192.168.0.0/24 or fd00::/8',
    ],
    [
      { flags: { "redirect.vnet.networks": ["docker0"] } },
      '--vnet: "docker0" is not interface:network; write it like docker0:172.17.0.0/16 or br+:fd00::/64',
    ],
    [
      { flags: { "retry.sleepBetweenRetries": "2" } },
      '--sleep-between-retries: "2" is not a duration; write it like 2s or 500ms',
    ],
    [
      { flags: { iptablesExecutables: ["iptables:/sbin/iptables"] } },
      "--iptables-executables: name all three, iptables, iptables-save and iptables-restore, or none of them (there is only iptables)",
    ],
    [{ files: file("redirect: {inbound: 5}") }, "a.yaml: redirect.inbound: it must be a mapping"],
    [
      { files: file("redirct: {}") },
      /^a\.yaml: redirct: there is no such field; here are kumaDPUser, ipFamilyMode, redirect,/,
    ],
    [{ files: file("- a") }, /^a\.yaml: it must be a mapping/],
    [
      { files: file("storeFirewalld: true") },
      /^a\.yaml: storeFirewalld: storing rules with firewalld is not supported/,
    ],
    [
      { env: { KUMA_TRANSPARENT_PROXY_EBPF_ENABLED: "true" } },
      /^KUMA_TRANSPARENT_PROXY_EBPF_ENABLED: eBPF is not supported/,
    ],
  ] as const) {
    const said = refusal(sources as ConfigSources);
    if (typeof message === "string") assert.equal(said, message);
    else assert.match(said, message);
  }
});

test("what Kuma's files say of things that are off is taken", () => {
  loadConfig({
    files: file("ebpf: {enabled: false, bpffsPath: /run/kuma/bpf}\nstoreFirewalld: false\ncniMode: false\n"),
  });
});

test("settings that contradict each other are refused", () => {
  const flags = (given: ConfigSources["flags"]): string => refusal({ flags: given ?? {} });
  assert.match(flags({ "redirect.inbound.port": "15001" }), /are both 15001/);
  assert.match(
    flags({ "redirect.inbound.enabled": false, "redirect.outbound.enabled": false }),
    /^nothing would be captured/,
  );
  assert.match(
    refusal({ files: file("redirect: {inbound: {includePorts: [80], excludePorts: [81]}}") }),
    /does nothing beside redirect\.inbound\.includePorts/,
  );
  assert.match(
    refusal({ files: file("redirect: {inbound: {excludePortsForUIDs: ['1']}}") }),
    /does not know which user of another machine/,
  );
});
