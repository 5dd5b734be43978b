import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { DownstreamTlsContextSchema } from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb";
import type { SpiffeMatch } from "@skein/policies";
import { downstreamTls } from "./tls.ts";

/** What clients must show, as `exact id` and `prefix id`. */
function clients(admittedIds: readonly SpiffeMatch[] | undefined, trustDomains: readonly string[]) {
  const secrets = { certificateSecret: "own", validationSecret: "trust" };
  const socket = downstreamTls(
    { mode: "strict", ...secrets, trustDomains },
    { tlsParams: undefined, admittedIds },
  );
  assert.ok(socket.configType.case === "typedConfig");
  const context = fromBinary(DownstreamTlsContextSchema, socket.configType.value.value);
  assert.equal(context.requireClientCertificate, true);
  const validation = context.commonTlsContext?.validationContextType;
  assert.ok(validation?.case === "combinedValidationContext");
  const { matchTypedSubjectAltNames: names = [] } = validation.value.defaultValidationContext ?? {};
  return names.map(({ matcher }) => `${matcher?.matchPattern.case} ${matcher?.matchPattern.value}`);
}

const exact = (value: string): SpiffeMatch => ({ type: "Exact", value });
const prefix = (value: string): SpiffeMatch => ({ type: "Prefix", value });
const NOBODY = ["exact urn:nobody"];

test("without a choice, every id of the trust domains", () => {
  assert.deepEqual(clients(undefined, ["a", "b"]), ["prefix spiffe://a/", "prefix spiffe://b/"]);
  assert.deepEqual(clients(undefined, []), [], "the secret decides");
});

test("the ids of a choice, as far as they are of the trust domains", () => {
  const ids = [
    prefix("spiffe://b/ns"),
    exact("spiffe://a/x"),
    exact("spiffe://other/x"),
    exact("spiffe://a/x"),
  ];
  assert.deepEqual(clients(ids, ["a", "b"]), [
    "exact spiffe://a/x",
    "exact spiffe://b/ns",
    "prefix spiffe://b/ns/",
  ]);
  assert.deepEqual(clients([prefix("spiffe://a")], ["a", "ab"]), ["exact spiffe://a", "prefix spiffe://a/"]);
});

test("an empty list of names would let everybody in, so nobody has a name", () => {
  assert.deepEqual(clients([], ["a"]), NOBODY);
  assert.deepEqual(clients([exact("spiffe://other/x")], ["a"]), NOBODY);
});

test("where the secret alone decides there is no choice", () => {
  assert.deepEqual(clients([], []), []);
  assert.deepEqual(clients([exact("spiffe://a/x")], []), []);
});
