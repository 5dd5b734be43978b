import assert from "node:assert/strict";
import { test } from "node:test";
import { findSystemCa } from "./system-ca.ts";

test("the roots of the machine are where its distribution keeps them", () => {
  const fedora = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";
  assert.equal(
    findSystemCa((path) => path === fedora),
    fedora,
  );
  assert.equal(
    findSystemCa(() => true),
    "/etc/ssl/certs/ca-certificates.crt",
  );
  assert.equal(
    findSystemCa(() => false),
    undefined,
  );
});
