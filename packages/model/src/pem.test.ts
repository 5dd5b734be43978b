import assert from "node:assert/strict";
import { test } from "node:test";
import { pemCertificateProblem } from "./pem.ts";

const block = "-----BEGIN CERTIFICATE-----\nMIIB\nAAA=\n-----END CERTIFICATE-----\n";

test("one or more certificates, with text around them", () => {
  assert.equal(pemCertificateProblem(block), undefined);
  assert.equal(pemCertificateProblem(`# root\n${block}${block}`), undefined);
});

test("what is not a list of certificates", () => {
  const bad: Record<string, RegExp> = {
    "": /at least one PEM block/,
    MIIB: /at least one PEM block/,
    "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----": /not a PEM block of type PRIVATE KEY/,
    "-----BEGIN CERTIFICATE-----\nMIIB": /without -----END/,
    "-----BEGIN CERTIFICATE-----\nM!!B\n-----END CERTIFICATE-----": /is not one/,
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----": /is not one/,
    "-----BEGIN CERTIFICATE": /not a PEM block/,
  };
  for (const [text, reason] of Object.entries(bad))
    assert.match(pemCertificateProblem(text) ?? "", reason, text);
});
