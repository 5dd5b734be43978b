import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { adaptBootstrap } from "./bootstrap-config.ts";
import { LaunchError } from "./launch-error.ts";
import { adsBootstrap } from "./testing/test-bootstrap.ts";

const CAMEL = adsBootstrap({ workDir: "/work", xdsPort: 5678, token: "secret" });
const SNAKE = CAMEL.replaceAll(
  /\b(dynamicResources|adsConfig|grpcServices|envoyGrpc|clusterName|initialMetadata|staticResources|typedExtensionProtocolOptions):/g,
  (key) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
);

describe("a control plane's bootstrap", () => {
  for (const [spelling, text] of [
    ["camel case", CAMEL],
    ["snake case", SNAKE],
  ] as const) {
    test(`in ${spelling} gets its token from a file`, () => {
      const adapted = adaptBootstrap(text, { tokenSdsFile: "/work/token-sds.yaml" });
      assert.equal(adapted.token, "file");
      assert.deepEqual(adapted.admin, { kind: "pipe", path: "/work/kuma-envoy-admin.sock" });
      assert.doesNotMatch(adapted.text, /secret\b|initial_?[mM]etadata/);
      assert.match(adapted.text, /credential_injector[\s\S]*\/work\/token-sds\.yaml[\s\S]*upstream_codec/);
    });
  }

  test("without a token, or with its own way to renew it, stays as it is", () => {
    assert.equal(adaptBootstrap(CAMEL, {}).token, "none");
    assert.deepEqual(parse(adaptBootstrap(CAMEL, {}).text), parse(CAMEL));
    const google = CAMEL.replace("envoyGrpc", "googleGrpc");
    assert.equal(adaptBootstrap(google, { tokenSdsFile: "/f" }).token, "own");
  });

  test("whose xDS cluster takes no filters keeps the inline token", () => {
    const plain = CAMEL.replace("HttpProtocolOptions:", "OtherOptions:");
    const adapted = adaptBootstrap(plain, { tokenSdsFile: "/f" });
    assert.equal(adapted.token, "inline");
    assert.match(adapted.text, /value: secret/);
  });

  test("gets a readiness listener beside the listeners it has", () => {
    const { text } = adaptBootstrap(CAMEL, { readiness: { address: "127.0.0.1", port: 9902 } });
    const listeners = parse(text).staticResources.listeners;
    assert.equal(listeners.length, 1);
    assert.equal(listeners[0].address.socket_address.port_value, 9902);
    assert.equal(parse(text).staticResources.clusters.length, 1);
  });

  test("may have its admin interface on TCP, and must have one", () => {
    const tcp = "admin: {address: {socketAddress: {address: 127.0.0.1, portValue: 9901}}}";
    assert.deepEqual(adaptBootstrap(tcp, {}).admin, { kind: "tcp", host: "127.0.0.1", port: 9901 });
    for (const text of ["node: {}", "[", "- a", ""]) {
      assert.throws(() => adaptBootstrap(text, {}), LaunchError, text);
    }
  });
});
