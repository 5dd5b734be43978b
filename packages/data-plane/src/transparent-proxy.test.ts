import assert from "node:assert/strict";
import { test } from "node:test";
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
  "/typo.yaml": "{ipFamilyMod: ipv4, redirect: {inbound: {prt: 1}}}",
  "/list.yaml": "[]",
  "/broken.yaml": "{",
  "-": "redirect: {outbound: {port: 17001}}",
};

function read(...sources: readonly string[]): TransparentSettings {
  return readTransparentProxy(sources, (file) => {
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
      vnet: {},
    },
  };
  assert.deepEqual(read(), { proxy: usual, user: undefined, unknown: [] });
  assert.deepEqual(read("/empty.yaml"), { proxy: usual, user: undefined, unknown: [] });
});

test("the configuration of the installer is understood, and is told as the wire has it", () => {
  assert.deepEqual(read("/rules.yaml"), {
    proxy: {
      ipFamilyMode: "ipv4",
      redirect: {
        inbound: { enabled: true, port: 16_006 },
        outbound: { enabled: false, port: 15_001 },
        vnet: { networks: ["docker0:172.17.0.0/16"] },
      },
    },
    user: "envoy",
    unknown: [],
  });
});

test("of several the later wins, field by field: files, stdin and YAML itself", () => {
  const inline = "redirect:\n  outbound: {enabled: true}\n";
  for (const sources of [
    ["/rules.yaml,/more.yaml", "-", inline],
    ["/rules.yaml", "/more.yaml", "-", inline],
  ]) {
    const { proxy, user } = read(...sources);
    assert.equal(user, "77");
    assert.equal(proxy.ipFamilyMode, "ipv4");
    assert.deepEqual(proxy.redirect.inbound, { enabled: false, port: 16_006 });
    assert.deepEqual(proxy.redirect.outbound, { enabled: true, port: 17_001 });
  }
});

test("fields that nobody knows are named", () => {
  assert.deepEqual(read("/typo.yaml").unknown, [
    "/typo.yaml: ipFamilyMod",
    "/typo.yaml: redirect.inbound.prt",
  ]);
});

const mistakes: readonly [source: string, text: RegExp][] = [
  ["/nowhere.yaml", /\/nowhere\.yaml cannot be read: ENOENT/],
  ["/list.yaml", /\/list\.yaml holds no configuration/],
  ["/broken.yaml", /\/broken\.yaml is no YAML/],
  ["{ipFamilyMode: ipv5}", /ipFamilyMode: "ipv5" is neither dualstack nor ipv4/],
  ["{redirect: {inbound: {port: 0}}}", /redirect\.inbound\.port: 0 is not a port/],
  ["{redirect: {inbound: {port: none}}}", /redirect\.inbound\.port: "none" is not a port/],
  ["{redirect: {outbound: {enabled: 1}}}", /redirect\.outbound\.enabled: 1 is neither/],
  ["{redirect: {outbound: true}}", /redirect\.outbound: must have/],
  ["{redirect: [inbound]}", /redirect: must have/],
  ["{redirect: {vnet: {networks: docker0}}}", /redirect\.vnet\.networks: must be a list/],
  ["{redirect: {outbound: {port: 15006}}}", /15006 is the port of redirect\.inbound too/],
];

for (const [source, text] of mistakes)
  test(`a mistake is named: ${source}`, () => void assert.throws(() => read(source), text));
