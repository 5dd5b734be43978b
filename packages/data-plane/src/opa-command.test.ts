import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { agentBootConfig, findOpa, opaCommand } from "./opa-command.ts";
import type { OpaOptions } from "./options.ts";

const OPTIONS: OpaOptions = {
  binaryPath: undefined,
  extAuthzAddress: "localhost:9191",
  address: "localhost:8181",
  diagnosticAddress: "0.0.0.0:8282",
  configPath: undefined,
  overrides: [],
};

describe("the agent", () => {
  test("starts with where its configuration is, and how to ask for it", () => {
    const config = agentBootConfig({
      mesh: "default",
      name: "web 1",
      extAuthzAddress: "[::1]:9191",
      controlPlane: { address: "https://cp:5678/", skipVerify: false },
      caFile: "/w/ca.pem",
      tokenFile: "/w/token",
    });
    assert.deepEqual(config, {
      services: {
        kmesh: {
          url: "https://cp:5678",
          credentials: { bearer: { token_path: "/w/token" } },
          tls: { ca_cert: "/w/ca.pem" },
        },
      },
      discovery: {
        service: "kmesh",
        resource: "/opa/default/web%201/discovery.tar.gz?addr=%5B%3A%3A1%5D%3A9191",
        polling: { long_polling_timeout_seconds: 30 },
      },
      labels: { mesh: "default", dataplane: "web 1" },
    });
  });

  test("needs no token and no CA where there is none, and verifies nobody where it is told so", () => {
    const controlPlane = { address: "https://cp:5678", skipVerify: true };
    const { services } = agentBootConfig({
      mesh: "m",
      name: "n",
      extAuthzAddress: "localhost:9191",
      controlPlane,
      caFile: undefined,
      tokenFile: undefined,
    });
    assert.deepEqual(services, { kmesh: { url: "https://cp:5678", allow_insecure_tls: true } });
  });

  test("is told its addresses and settings", () => {
    const { file, args } = opaCommand("/bin/opa", "/w/opa.json", { ...OPTIONS, overrides: ["a=b", "c=d"] });
    assert.equal(
      [file, ...args].join(" "),
      "/bin/opa run --server --addr localhost:8181 --diagnostic-addr 0.0.0.0:8282 --config-file /w/opa.json --skip-version-check --set a=b --set c=d",
    );
  });

  test("is the program that was named, or opa on the PATH, or a mistake that says what to do", () => {
    assert.equal(findOpa("/opt/opa", undefined), "/opt/opa");
    assert.match(findOpa("sh", "/usr/bin:/bin"), /\/sh$/);
    assert.throws(() => findOpa(undefined, "/nowhere"), {
      code: "opa-not-found",
      message: /no opa on the PATH.*--opa-binary-path/,
    });
  });
});
