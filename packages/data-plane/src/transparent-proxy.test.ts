import assert from "node:assert/strict";
import { test } from "node:test";
import { LaunchError } from "./launch-error.ts";
import { readTransparentProxy, type TransparentSettings } from "./transparent-proxy.ts";

const FILES: Readonly<Record<string, string>> = {
  "/rules.yaml": `
kumaDPUser: envoy
ipFamilyMode: ipv4
redirect:
  inbound: {port: "16006", excludePorts: [22]}
  outbound: {enabled: false}
  dns: {enabled: true, port: 15053}
  vnet: {networks: ["docker0:172.17.0.0/16"]}
retry: {maxRetries: 4}
`,
  "/more.yaml": "{kumaDPUser: 77, redirect: {inbound: {enabled: false}}}",
  "/empty.yaml": "",
  "-": "redirect: {outbound: {port: 17001}}",
};

function read(sources: readonly string[], env: Record<string, string> = {}): TransparentSettings {
  return readTransparentProxy(sources, env, (file) => {
    const content = FILES[file];
    if (content === undefined) throw new Error("ENOENT");
    return content;
  });
}

test("without a configuration both directions are redirected to Kuma's ports", () => {
  const usual = {
    ipFamilyMode: "dualstack",
    redirect: {
      inbound: { enabled: true, port: 15_006 },
      outbound: { enabled: true, port: 15_001 },
      vnet: { networks: [] },
    },
  };
  assert.deepEqual(read([]), { proxy: usual, user: undefined, dnsPort: undefined, interfaces: [] });
  assert.deepEqual(read(["/empty.yaml"]), {
    proxy: usual,
    user: undefined,
    dnsPort: undefined,
    interfaces: [],
  });
});

test("the configuration of the installer is understood, and is told as the wire has it", () => {
  assert.deepEqual(read(["/rules.yaml"]), {
    proxy: {
      ipFamilyMode: "ipv4",
      redirect: {
        inbound: { enabled: true, port: 16_006 },
        outbound: { enabled: false, port: 15_001 },
        vnet: { networks: ["docker0:172.17.0.0/16"] },
      },
    },
    user: "envoy",
    dnsPort: 15_053,
    interfaces: ["docker0"],
  });
});

test("of several the later wins, field by field: files, stdin and YAML itself; the environment wins over them", () => {
  const inline = "redirect:\n  outbound: {enabled: true}\n";
  for (const sources of [
    ["/rules.yaml,/more.yaml", "-", inline],
    ["/rules.yaml", "/more.yaml", "-", inline],
  ]) {
    const { proxy, user } = read(sources, { KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT: "18006" });
    assert.equal(user, "77");
    assert.equal(proxy.ipFamilyMode, "ipv4");
    assert.deepEqual(proxy.redirect.inbound, { enabled: false, port: 18_006 });
    assert.deepEqual(proxy.redirect.outbound, { enabled: true, port: 17_001 });
  }
});

test("a mistake is named, with where it stands", () => {
  for (const [source, text] of [
    ["/nowhere.yaml", /\/nowhere\.yaml cannot be read: ENOENT/],
    ["{redirect: {inbound: {port: 0}}}", /--transparent-proxy-config: redirect\.inbound\.port: /],
    ["{redirect: {inbound: {prt: 1}}}", /redirect\.inbound\.prt: there is no such field/],
  ] as const) {
    assert.throws(
      () => read([source]),
      (error) => error instanceof LaunchError && text.test(error.message),
    );
  }
});
