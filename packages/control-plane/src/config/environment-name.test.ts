import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { environmentName } from "./environment-name.ts";
import { settings, settingsByEnvironment } from "./settings.ts";

describe("environment names", () => {
  const byRule = {
    "apiServer.http.port": "KUMA_API_SERVER_HTTP_PORT",
    "bootstrapServer.params.envoyAdminUnixSocket": "KUMA_BOOTSTRAP_SERVER_PARAMS_ENVOY_ADMIN_UNIX_SOCKET",
    "general.dnsCacheTTL": "KUMA_GENERAL_DNS_CACHE_TTL",
    "dnsServer.CIDR": "KUMA_DNS_SERVER_CIDR",
    "ipam.knownInternalCIDRs": "KUMA_IPAM_KNOWN_INTERNAL_CIDRS",
    "experimental.kubeOutboundsAsVIPs": "KUMA_EXPERIMENTAL_KUBE_OUTBOUNDS_AS_VIPS",
    "skein.secretsEncryptionKey": "SKEIN_SECRETS_ENCRYPTION_KEY",
  };
  for (const [path, name] of Object.entries(byRule)) {
    it(`follow from the path: ${path}`, () => assert.equal(environmentName(path), name));
  }

  const irregular = {
    "xdsServer.dataplaneDeregistrationDelay": "KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY",
    "dnsServer.serviceVipPort": "KUMA_DNS_SERVICE_SERVICE_VIP_PORT",
    "apiServer.https.tlsCaFile": "KUMA_API_SERVER_HTTPS_CLIENT_CERTS_CA_FILE",
    "access.static.viewConfigDump.users": "KUMA_ACCESS_STATIC_GET_CONFIG_DUMP_USERS",
    "dpServer.hds.checkDefaults.timeout": "KUMA_DP_SERVER_HDS_CHECK_TIMEOUT",
    "policies.pluginPoliciesEnabled": "KUMA_PLUGIN_POLICIES_ENABLED",
    "metrics.openTelemetry.enabled": "KUMA_METRICS_OPENTELEMETRY_ENABLED",
  };
  for (const [path, name] of Object.entries(irregular)) {
    it(`have exceptions: ${path}`, () => {
      assert.equal(settings.get(path)?.env, name);
      assert.equal(settingsByEnvironment.get(name)?.path, path);
    });
  }

  it("are unique", () => {
    const names = [...settings.values()].map(({ env }) => env);
    assert.equal(new Set(names).size, names.length);
  });
});
