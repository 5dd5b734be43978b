import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { type ConfigNotice, type ConfigSources, type LoadedConfig, loadConfig } from "./load.ts";
import { maskSecrets } from "./mask.ts";
import { settings } from "./settings.ts";

const HOME = "/home/pilot";

function load(sources: Partial<ConfigSources>): LoadedConfig {
  return loadConfig({ ...sources, env: { HOME, ...sources.env } });
}

function good(sources: Partial<ConfigSources>): Extract<LoadedConfig, { ok: true }> {
  const loaded = load(sources);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded;
}

function errors(sources: Partial<ConfigSources>): Record<string, string> {
  const loaded = load(sources);
  assert.ok(!loaded.ok);
  return Object.fromEntries(loaded.errors.map(({ field, reason }) => [field, reason]));
}

function fileWith(context: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "skein-config-"));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "cp.yaml");
  writeFileSync(file, text);
  return file;
}

describe("defaults", () => {
  it("are those of the published settings, with our store", () => {
    const { config, warnings, origins } = good({});
    assert.deepEqual(warnings, []);
    assert.deepEqual(origins, {});
    assert.equal(config.mode, "zone");
    assert.equal(config.environment, "universal");
    assert.equal(config.multizone.zone.name, "default");
    assert.deepEqual(
      [
        config.apiServer.http.port,
        config.apiServer.https.port,
        config.dpServer.port,
        config.diagnostics.serverPort,
      ],
      [5681, 5682, 5678, 5680],
    );
    assert.deepEqual(config.access.static.viewStats.groups, [
      "mesh-system:unauthenticated",
      "mesh-system:authenticated",
    ]);
    assert.equal(config.runtime.universal.dataplaneCleanupAge, "72h0m0s");
  });

  it("follow from other settings", () => {
    const { config } = good({});
    assert.equal(config.general.workDir, "/home/pilot/.kuma");
    assert.deepEqual(config.store, {
      type: "sqlite",
      sqlite: { path: "/home/pilot/.kuma/skein.db" },
      unsafeDelete: false,
    });
    assert.equal(config.dpServer.authn.dpProxy.type, "dpToken");
    assert.equal(config.dpServer.authn.zoneProxy.type, "zoneToken");
    assert.equal(config.bootstrapServer.params.xdsPort, 5678);

    const other = good({
      overrides: {
        "general.workDir": "/var/lib/skein",
        "general.tlsCertFile": "/tls/all.crt",
        "general.tlsKeyFile": "/tls/all.key",
        "dpServer.tlsCertFile": "/tls/dp.crt",
        "dpServer.tlsKeyFile": "/tls/dp.key",
        "dpServer.port": "7678",
        "dpServer.authn.dpProxy.type": "none",
      },
    }).config;
    assert.equal(other.store.sqlite.path, "/var/lib/skein/skein.db");
    assert.equal(other.apiServer.https.tlsCertFile, "/tls/all.crt");
    assert.equal(other.diagnostics.tlsKeyFile, "/tls/all.key");
    assert.equal(other.dpServer.tlsKeyFile, "/tls/dp.key");
    assert.equal(other.bootstrapServer.params.xdsPort, 7678);
    assert.equal(other.dpServer.authn.dpProxy.type, "none");
  });
});

describe("sources", () => {
  it("win in the order file, environment, flags, and are told", (context) => {
    const file = fileWith(
      context,
      "apiServer:\n  readOnly: true\n  http:\n    port: 1001\n    interface: 127.0.0.1\ndpServer: { port: 1002 }\n",
    );
    const { config, origins, warnings } = good({
      file,
      env: { KUMA_API_SERVER_HTTP_PORT: "2001", KUMA_DP_SERVER_PORT: "2002", PATH: "/bin" },
      overrides: { "dpServer.port": "3002" },
    });
    assert.deepEqual(warnings, []);
    assert.equal(config.apiServer.http.port, 2001);
    assert.equal(config.apiServer.http.interface, "127.0.0.1");
    assert.equal(config.apiServer.readOnly, true);
    assert.equal(config.dpServer.port, 3002);
    assert.deepEqual(origins, {
      "apiServer.readOnly": { kind: "file", file, line: 2 },
      "apiServer.http.port": { kind: "environment", name: "KUMA_API_SERVER_HTTP_PORT" },
      "apiServer.http.interface": { kind: "file", file, line: 5 },
      "dpServer.port": { kind: "flag", name: "--set dpServer.port" },
    });
  });

  it("read every kind of value", (context) => {
    const file = fileWith(
      context,
      "apiServer: { authn: { tokens: { validator: { publicKeys: [{ kid: 1, key: PEM }, { kid: two, keyFile: /k }] } } } }",
    );
    const { config } = good({
      file,
      env: {
        KUMA_API_SERVER_CORS_ALLOWED_DOMAINS: "a.example, b.example",
        KUMA_DEFAULTS_SKIP_MESH_CREATION: "1",
        KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY: "90s",
        KUMA_ACCESS_STATIC_ADMIN_RESOURCES_USERS: "",
        KUMA_METRICS_DATAPLANE_SUBSCRIPTION_LIMIT: "",
        SKEIN_STATISTICS: "full",
      },
    });
    assert.deepEqual(config.apiServer.corsAllowedDomains, ["a.example", "b.example"]);
    assert.equal(config.defaults.skipMeshCreation, true);
    assert.equal(config.xdsServer.dataplaneDeregistrationDelay, "1m30s");
    assert.deepEqual(config.access.static.adminResources.users, []);
    assert.equal(config.metrics.dataplane.subscriptionLimit, 2);
    assert.equal(config.skein.statistics, "full");
    assert.deepEqual(config.apiServer.authn.tokens.validator.publicKeys, [
      { kid: "1", mesh: "", key: "PEM", keyFile: "" },
      { kid: "two", mesh: "", key: "", keyFile: "/k" },
    ]);
  });

  it("may leave keys without a value, or be empty", (context) => {
    const { config } = good({ file: fileWith(context, "general:\n  tlsCertFile:\napiServer:\n") });
    assert.equal(config.apiServer.http.port, 5681);
    good({ file: fileWith(context, "# nothing\n") });
  });

  it("do not share defaults between loads", () => {
    const first = good({}).config.access.static.adminResources.users;
    assert.notEqual(first, good({}).config.access.static.adminResources.users);
  });
});

describe("mistakes", () => {
  const valueCases: readonly (readonly [string, string, RegExp])[] = [
    ["apiServer.http.port", "99999", /^must be a whole number from 0 to 65535, not 99999 \(--set apiServer/],
    ["apiServer.http.port", "many", /^must be a whole number, not many \(--set/],
    ["xdsServer.nackBackoff", "5", /^must be a duration such as 500ms/],
    ["xdsServer.nackBackoff", "-5s", /^must not be negative/],
    ["apiServer.basePath", "kuma", /^must begin with \//],
    ["apiServer.https.tlsMinVersion", "1.2", /^must be one of "TLSv1_0".*not "1\.2"/],
    ["ipam.meshService.cidr", "241.0.0.0/33", /^must be an address range/],
    ["ipam.knownInternalCIDRs", "10.0.0.0/8,nonsense", /^must be an address range.*not nonsense/],
    ["multizone.zone.name", "Zone_1", /^must consist of lower-case/],
    ["metrics.dataplane.subscriptionLimit", "-1", /^must be a whole number of 0 or more/],
    ["skein.secretsEncryptionKey", "c2hvcnQ=", /^must be base64 of 32 bytes/],
    ["mode", "global", /^a global control plane is not in this build yet; use zone/],
    ["environment", "kubernetes", /^Kubernetes is not in this build yet/],
    ["store.type", "postgres", /^the PostgreSQL store is not in this build yet; use sqlite/],
    ["store.type", "kubernetes", /^the Kubernetes store is not in this build yet/],
    ["store.type", "etcd", /^must be one of "sqlite", "memory", not "etcd"/],
    ["access.type", "rbac", /^role-based access is not in this build yet/],
    ["dpServer.authn.dpProxy.type", "serviceAccountToken", /need Kubernetes.*use dpToken/],
    [
      "multizone.zone.globalAddress",
      "grpcs://global:5685",
      /^joining a global control plane is not in this build/,
    ],
    ["dpServer.authn.dpProxy.dpToken.validator.publicKeys", "[]", /only be set in the configuration file/],
    ["apiServer.http.prot", "1", /^is not a setting; did you mean apiServer\.http\.port\?$/],
  ];
  for (const [path, text, reason] of valueCases) {
    it(`${path}=${text}`, () => {
      const found = Object.entries(errors({ overrides: { [path]: text } }));
      assert.equal(found.length, 1);
      assert.match(found[0]?.[1] ?? "", reason);
      assert.equal(found[0]?.[0].replace(/\[.*/, ""), path);
    });
  }

  it("name their place in the file, all at once", (context) => {
    const file = fileWith(
      context,
      [
        "apiServer:",
        "  http:",
        '    port: "5681"',
        "  https: off",
        "dpServer:",
        "  authn:",
        "    dpProxy:",
        "      dpToken: { validator: { publicKeys: [{ kid: 1 }] } }",
      ].join("\n"),
    );
    assert.deepEqual(errors({ file, env: { KUMA_API_SERVER_READ_ONLY: "maybe" } }), {
      "apiServer.readOnly": "must be true or false, not maybe (KUMA_API_SERVER_READ_ONLY)",
      "apiServer.http.port": `must be a number (${file} line 3)`,
      "apiServer.https": "must be a group of settings",
      "dpServer.authn.dpProxy.dpToken.validator.publicKeys[0]": `must have either key (PEM) or keyFile (a path) (${file} line 8)`,
    });
  });

  it("do not show a secret", () => {
    const text = JSON.stringify(errors({ env: { SKEIN_SECRETS_ENCRYPTION_KEY: "hunter2" } }));
    assert.doesNotMatch(text, /hunter2/);
    assert.match(text, /SKEIN_SECRETS_ENCRYPTION_KEY/);
  });

  it("are found between settings", () => {
    const pem = { "dpServer.tlsCertFile": "/a" };
    assert.deepEqual(errors({ overrides: pem }), {
      "dpServer.tlsKeyFile": "must be set when tlsCertFile is",
    });
    assert.match(
      errors({ overrides: { "general.tlsMaxVersion": "TLSv1_1" } })["general.tlsMaxVersion"] ?? "",
      /^must not be below tlsMinVersion, which is TLSv1_2 \(--set/,
    );
    assert.match(
      errors({ overrides: { "skein.secretsEncryptionKeyFile": "/k", "skein.secretsEncryptionKey": "x" } })[
        "skein.secretsEncryptionKeyFile"
      ] ?? "",
      /^must not be set together/,
    );
    assert.match(
      errors({ overrides: { "diagnostics.serverPort": "5681" } })["diagnostics.serverPort"] ?? "",
      /^must not be 5681, which apiServer\.http\.port has already/,
    );
    good({ overrides: { "diagnostics.serverPort": "5681", "apiServer.http.enabled": "false" } });
    good({ overrides: { "diagnostics.serverPort": "0", "dpServer.port": "0" } });
    const [field, elsewhere] = ["ipam.meshMultiZoneService.cidr", "dnsServer.CIDR"];
    assert.match(
      errors({ overrides: { [field]: "242.1.0.0/16" } })[field] ?? "",
      /^is 242\.1\.0\.0\/16, which overlaps with ipam\.meshExternalService\.cidr, 242\.0\.0\.0\/8/,
    );
    assert.match(
      errors({ overrides: { [elsewhere]: "fd00::/8" } })[elsewhere] ?? "",
      /^is fd00::\/8, but must be an IPv4 range/,
    );
    good({ overrides: { [field]: "10.64.0.0/12", [elsewhere]: "10.0.0.0/8" } });
    good({
      overrides: {
        "apiServer.http.interface": "127.0.0.2",
        "apiServer.https.interface": "127.0.0.3",
        "apiServer.https.port": "5681",
      },
    });
  });

  it("of the file are one clear sentence each", (context) => {
    assert.deepEqual(errors({ file: "/nowhere/cp.yaml" }), {
      "": "cannot read the configuration file /nowhere/cp.yaml: there is no such file",
    });
    const broken = fileWith(context, "mode: zone\napiServer: [\n");
    assert.match(errors({ file: broken })[""] ?? "", /cp\.yaml is not valid YAML, line \d+, column \d+: ./);
    const twice = fileWith(context, "mode: zone\nmode: zone\n");
    assert.match(errors({ file: twice })[""] ?? "", /line 2, column 1: .*unique/);
    assert.match(errors({ file: fileWith(context, "- a\n") })[""] ?? "", /must be a mapping of settings/);
  });
});

describe("notices", () => {
  const messages = (warnings: readonly ConfigNotice[], level: ConfigNotice["level"]) =>
    warnings.filter((notice) => notice.level === level).map(({ message }) => message);

  it("warn of unknown keys, with what was probably meant", (context) => {
    const file = fileWith(
      context,
      [
        "apiServr: { http: { port: 1 } }",
        "apiServer: { port: 1, http: { enabeld: true } }",
        "store: { postgress: {} }",
        "dpServer: { authn: { zoneProxy: { zoneToken: { validator: { publicKeys: [{ kid: a, key: b, keyfile: c }] } } } } }",
        "wholly: unknown",
      ].join("\n"),
    );
    const { warnings } = good({ file });
    assert.deepEqual(messages(warnings, "warning"), [
      "apiServr is not a setting, and is ignored; did you mean apiServer?",
      "apiServer.port is not a setting, and is ignored; did you mean apiServer.http.port?",
      "apiServer.http.enabeld is not a setting, and is ignored; did you mean apiServer.http.enabled?",
      "store.postgress is not a setting, and is ignored; did you mean store.postgres?",
      "dpServer.authn.zoneProxy.zoneToken.validator.publicKeys[0].keyfile is not a setting, and is ignored; did you mean keyFile?",
      "wholly is not a setting, and is ignored",
    ]);
    assert.deepEqual(
      warnings.map(({ field }) => field),
      [
        "apiServr",
        "apiServer.port",
        "apiServer.http.enabeld",
        "store.postgress",
        "dpServer.authn.zoneProxy.zoneToken.validator.publicKeys[0].keyfile",
        "wholly",
      ],
    );
  });

  it("warn of unknown environment names, but not of those of others", () => {
    const { warnings } = good({
      env: {
        KUMA_API_SERVER_HTP_PORT: "1",
        KUMA_NOTHING_LIKE_IT: "1",
        KUMA_DATAPLANE_MESH: "default",
        KUMA_CONTROL_PLANE_SERVICE_HOST: "10.0.0.1",
        KUMA_DNS_PROXY_PORT: "15053",
        SKEIN_DEMO: "1",
        SKEIN_STATISTIC: "full",
        KUMA_API_SERVER_AUTHN_TOKENS_VALIDATOR_PUBLIC_KEYS: "x",
      },
    });
    assert.deepEqual(messages(warnings, "warning"), [
      "KUMA_API_SERVER_HTP_PORT is not a setting, and is ignored; did you mean KUMA_API_SERVER_HTTP_PORT?",
      "KUMA_NOTHING_LIKE_IT is not a setting, and is ignored",
      "SKEIN_STATISTIC is not a setting, and is ignored; did you mean SKEIN_STATISTICS?",
      "KUMA_API_SERVER_AUTHN_TOKENS_VALIDATOR_PUBLIC_KEYS is for the configuration file only: set apiServer.authn.tokens.validator.publicKeys there",
    ]);
  });

  it("tell once of settings without effect", (context) => {
    const file = fileWith(
      context,
      "store: { postgres: { host: db }, cache: { enabled: true } }\ninterCp: {}\n",
    );
    const { warnings } = good({
      file,
      env: {
        KUMA_INJECTOR_INIT_CONTAINER_IMAGE: "x",
        kuma_runtime_kubernetes_admission_server_cert_dir: "y",
      },
    });
    assert.deepEqual(warnings, [
      {
        level: "info",
        field: "",
        message:
          "these settings have no effect in this build: KUMA_INJECTOR_INIT_CONTAINER_IMAGE, interCp, kuma_runtime_kubernetes_admission_server_cert_dir, store.cache, store.postgres",
      },
    ]);
  });

  it("tell that standalone is zone", () => {
    const { config, warnings } = good({ env: { KUMA_MODE: "standalone" } });
    assert.equal(config.mode, "zone");
    assert.match(messages(warnings, "warning")[0] ?? "", /standalone.*deprecated/);
  });
});

describe("secrets", () => {
  const key = Buffer.alloc(32, 1).toString("base64");

  it("are masked, and only they", () => {
    const { config } = good({ env: { SKEIN_SECRETS_ENCRYPTION_KEY: key } });
    const masked = maskSecrets(config);
    assert.equal(masked.skein.secretsEncryptionKey, "*****");
    assert.equal(config.skein.secretsEncryptionKey, key);
    assert.deepEqual({ ...masked, skein: config.skein }, config);
  });

  it("read as empty when there is none", () => {
    assert.equal(maskSecrets(good({}).config).skein.secretsEncryptionKey, "");
  });
});

describe("any text in any setting", () => {
  it("gives a configuration or violations with paths, never a crash", () => {
    const path = fc.constantFrom(...settings.keys());
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom("", "0", "-1", "true", "1s", "*", "a:b,c", "10.0.0.0/8", "{}"),
    );
    fc.assert(
      fc.property(fc.dictionary(path, text, { maxKeys: 5 }), (overrides) => {
        const loaded = load({ overrides });
        if (!loaded.ok) {
          for (const { field, reason } of loaded.errors) assert.ok(field !== "" && reason !== "");
        }
      }),
      { numRuns: 200 },
    );
  });
});
