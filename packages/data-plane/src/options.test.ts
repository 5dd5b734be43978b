import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type RunOptions, resolveOptions } from "./options.ts";
import type { FlagValues } from "./settings.ts";

function resolved(flags: FlagValues, env: Record<string, string> = {}): RunOptions {
  const outcome = resolveOptions({ name: "a", ...flags }, env);
  if (outcome.kind === "invalid") assert.fail(JSON.stringify(outcome.violations));
  return outcome.options;
}

function rejected(flags: FlagValues, env: Record<string, string> = {}): string {
  const outcome = resolveOptions(flags, env);
  assert.equal(outcome.kind, "invalid");
  return outcome.kind === "invalid"
    ? outcome.violations.map(({ field, reason }) => `${field}: ${reason}`).join("\n")
    : "";
}

describe("options", () => {
  test("have kuma-dp's defaults", () => {
    const options = resolved({});
    assert.equal(options.cpAddress.href, "https://localhost:5678/");
    assert.equal(options.drainTimeMs, 30_000);
    assert.equal(options.retryBackoffMs, 3_000);
    assert.equal(options.retryMaxMs, 300_000);
    assert.equal(options.readinessPort, 9902);
    assert.equal(options.readinessAddress, "127.0.0.1");
    assert.equal(options.deltaXds, true);
    assert.equal(options.envoyLogLevel, "info");
  });

  test("come from the environment, and the command line wins", () => {
    const env = {
      KUMA_CONTROL_PLANE_URL: "https://cp:5678",
      KUMA_DATAPLANE_DRAIN_TIME: "1m30s",
      KUMA_READINESS_PORT: "19902",
      KUMA_DATAPLANE_RUNTIME_TOKEN_PATH: "/token",
      KUMA_DATAPLANE_RUNTIME_REUSE_PORT_ENABLED: "false",
      KUMA_DATAPLANE_RUNTIME_ENVOY_XDS_TRANSPORT_PROTOCOL_VARIANT: "GRPC",
    };
    const options = resolved({ drainTime: "5s" }, env);
    assert.equal(options.cpAddress.host, "cp:5678");
    assert.equal(options.drainTimeMs, 5_000);
    assert.equal(options.readinessPort, 19902);
    assert.equal(options.tokenFile, "/token");
    assert.equal(options.reusePort, false);
    assert.equal(options.deltaXds, false);
  });

  test("in a pod, the name and the readiness address follow from it", () => {
    const options = resolved({ name: undefined } as unknown as FlagValues, {
      POD_NAME: "p",
      POD_NAMESPACE: "n",
    });
    assert.equal(options.name, "p.n");
    assert.equal(options.readinessAddress, "0.0.0.0");
  });

  test("of DNS have kuma-dp's names; there is none without a port", () => {
    assert.equal(resolved({}).dns, undefined);
    assert.equal(resolved({ dnsProxyPort: "0" }).dns, undefined);
    assert.deepEqual(resolved({}, { KUMA_DNS_PROXY_PORT: "15053" }).dns, {
      port: 15053,
      isChosen: true,
      addresses: undefined,
      resolvConf: "/etc/resolv.conf",
    });
    assert.equal(resolved({}, { KUMA_DNS_PROXY_PORT: "15053", KUMA_DNS_ENABLED: "false" }).dns, undefined);
    const beside = resolved({ transparentProxy: true }).dns;
    assert.deepEqual([beside?.port, beside?.isChosen], [15053, false]);
    for (const without of [{ lean: true }, { dnsProxyPort: "0" }, { dnsEnabled: false }])
      assert.equal(resolved({ transparentProxy: true, ...without }).dns, undefined);
    assert.deepEqual(resolved({ dnsProxyPort: "53", dnsAddress: "0.0.0.0, ::" }).dns?.addresses, [
      "0.0.0.0",
      "::",
    ]);
    assert.match(
      rejected({ name: "a", dnsProxyPort: "53", dnsAddress: "127.0.0.1,eth0" }),
      /"eth0" is not an IP address/,
    );
    assert.match(rejected({ name: "a", dnsProxyPort: "65536" }), /from 0 to 65535/);
    assert.match(
      rejected({ name: "a", dnsProxyPort: "53", lean: true }),
      /nobody stays to serve DNS in lean mode/,
    );
  });

  test("of the agent have Kong's names and defaults, and say nothing where there is none", () => {
    assert.equal(resolved({}).opa, undefined);
    assert.deepEqual(resolved({ opaEnabled: true }).opa, {
      binaryPath: undefined,
      extAuthzAddress: "localhost:9191",
      address: "localhost:8181",
      diagnosticAddress: "0.0.0.0:8282",
      configPath: undefined,
      overrides: [],
    });
    const env = {
      KMESH_OPA_ENABLED: "true",
      KMESH_OPA_EXT_AUTHZ_ADDR: "[::1]:1",
      KMESH_OPA_ADDR: "a:2",
      KMESH_OPA_DIAGNOSTIC_ADDR: "127.0.0.1:3",
      KMESH_OPA_CONFIG_PATH: "/opa.yaml",
      KMESH_OPA_CONFIG_OVERRIDES: "a=b,c=d",
      SKEIN_OPA: "/bin/opa",
    };
    assert.deepEqual(resolved({}, env).opa, {
      binaryPath: "/bin/opa",
      extAuthzAddress: "[::1]:1",
      address: "a:2",
      diagnosticAddress: "127.0.0.1:3",
      configPath: "/opa.yaml",
      overrides: ["a=b", "c=d"],
    });
    assert.match(
      rejected({ name: "a", opaEnabled: true, opaAddr: "here" }),
      /--opa-addr .*"here" is not a host and a port/,
    );
    assert.match(rejected({ name: "a", opaEnabled: true, lean: true }), /nobody stays to run the agent/);
  });

  test("of transparent proxying: a switch, a configuration, or both; the command line wins", () => {
    assert.equal(resolved({}).transparentProxy, undefined);
    assert.deepEqual(resolved({ transparentProxy: true }).transparentProxy, []);
    assert.deepEqual(resolved({ transparentProxyConfig: ["a.yaml", "-"] }).transparentProxy, ["a.yaml", "-"]);
    const env = { SKEIN_TRANSPARENT_PROXY_CONFIG: "b.yaml", SKEIN_USER: "kuma-dp" };
    assert.deepEqual(resolved({}, env).transparentProxy, ["b.yaml"]);
    assert.equal(resolved({}, env).user, "kuma-dp");
    assert.deepEqual(resolved({ transparentProxyConfig: ["a.yaml"] }, env).transparentProxy, ["a.yaml"]);
    assert.deepEqual(resolved({}, { SKEIN_TRANSPARENT_PROXY: "true" }).transparentProxy, []);
    assert.match(
      rejected({ name: "a", transparentProxy: true, bindOutbounds: true }),
      /--transparent-proxy, --bind-outbounds: are two ways/,
    );
    assert.match(
      rejected({ dataplaneFile: "-", transparentProxyConfig: ["a.yaml", "-"] }),
      /cannot both be read from stdin/,
    );
  });

  test("that are wrong are all named, with flag and variable", () => {
    const text = rejected({
      name: "a",
      cpAddress: "localhost:5678",
      drainTime: "30",
      readinessPort: "0",
      proxyType: "gateway",
      lean: "maybe",
    });
    assert.match(text, /--cp-address \(or KUMA_CONTROL_PLANE_URL\).*is not a URL/);
    assert.match(text, /--drain-time .*"30" is not a positive duration/);
    assert.match(text, /--readiness-port .*from 1 to 65535/);
    assert.match(text, /--proxy-type .*not one of dataplane, ingress, egress/);
    assert.match(text, /--lean .*neither true nor false/);
  });

  test("need to say which proxy, once", () => {
    assert.match(rejected({}), /say which proxy this is/);
    assert.match(rejected({ dataplane: "x", dataplaneFile: "y" }), /not both/);
    assert.match(rejected({ dataplane: "x", mesh: "m" }), /leave them out/);
    assert.match(rejected({ name: "$(POD_NAME)" }), /variable left unreplaced/);
  });
});
