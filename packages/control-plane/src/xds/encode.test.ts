import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from "@skein/envoy-api/envoy/service/discovery/v3/discovery_pb";
import fc from "fast-check";
import { collectGarbage } from "../collect-garbage.ts";
import { encodeDeltaResponse, encodeSotwResponse, GRPC_PREFIX } from "./encode.ts";
import { FragmentTable } from "./fragment-table.ts";
import { decodeDeltaRequest, decodeSotwRequest } from "./request.ts";
import { until } from "./testing/until.ts";
import { typeUrlOf } from "./type-url.ts";
import { MalformedMessage } from "./wire.ts";

const text = fc.string({ unit: "grapheme", maxLength: 300 });

test("fragments are what protobuf-es reads as Resource and Any", () => {
  fc.assert(
    fc.property(text, fc.uint8Array({ maxLength: 40_000 }), (name, value) => {
      const fragment = new FragmentTable().intern("listener", name, value);
      const resource = fromBinary(ResourceSchema, fragment.resource);
      assert.equal(resource.name, name);
      assert.match(fragment.version, /^[0-9a-f]{16}$/);
      assert.equal(resource.version, fragment.version);
      assert.equal(resource.resource?.typeUrl, typeUrlOf("listener"));
      assert.deepEqual(Buffer.from(resource.resource?.value ?? []), Buffer.from(value));
    }),
  );
});

test("responses made of fragments are what protobuf-es reads", () => {
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 5 }),
      fc.array(text, { maxLength: 5 }),
      text,
      (names, removed, controlPlane) => {
        const table = new FragmentTable();
        const resources = names.map((name) => table.intern("cluster", name, Buffer.from(name)));
        const common = { typeUrl: typeUrlOf("cluster"), nonce: "12", resources, controlPlane };
        const delta = encodeDeltaResponse({ ...common, removed });
        assert.equal(delta.readUInt32BE(1), delta.length - GRPC_PREFIX);
        const read = fromBinary(DeltaDiscoveryResponseSchema, delta.subarray(GRPC_PREFIX));
        assert.deepEqual(
          read.resources.map(({ name }) => name),
          names,
        );
        assert.deepEqual(read.removedResources, removed);
        assert.deepEqual(
          [read.typeUrl, read.nonce, read.controlPlane?.identifier],
          [common.typeUrl, "12", controlPlane],
        );
        const sotw = fromBinary(
          DiscoveryResponseSchema,
          encodeSotwResponse({ ...common, versionInfo: "v9" }).subarray(GRPC_PREFIX),
        );
        assert.deepEqual(
          sotw.resources.map(({ value }) => Buffer.from(value).toString()),
          names,
        );
        assert.deepEqual([sotw.versionInfo, sotw.typeUrl, sotw.nonce], ["v9", common.typeUrl, "12"]);
        assert.equal(sotw.controlPlane?.identifier, controlPlane);
      },
    ),
  );
});

test("requests are read as protobuf-es writes them", () => {
  const arbitrary = fc.record({
    id: text,
    typeUrl: text,
    names: fc.array(text, { maxLength: 4 }),
    more: fc.array(text, { maxLength: 4 }),
    versions: fc.dictionary(text, text, { maxKeys: 4 }),
    nonce: text,
    message: fc.option(text, { nil: undefined }),
    metadata: fc.dictionary(text, fc.jsonValue(), { maxKeys: 4 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ id, typeUrl, names, more, versions, nonce, message, metadata }) => {
      const plain = JSON.parse(JSON.stringify(metadata).replaceAll('"__proto__"', '"proto"')) as Record<
        string,
        never
      >;
      const node = { id, cluster: "c", metadata: plain, extensions: [{ name: "e" }] };
      const error = message === undefined ? {} : { errorDetail: { code: 13, message } };
      const delta = decodeDeltaRequest(
        toBinary(
          DeltaDiscoveryRequestSchema,
          create(DeltaDiscoveryRequestSchema, {
            node,
            typeUrl,
            resourceNamesSubscribe: names,
            resourceNamesUnsubscribe: more,
            initialResourceVersions: versions,
            responseNonce: nonce,
            ...error,
          }),
        ),
      );
      assert.equal(JSON.stringify(delta.node?.metadata), JSON.stringify(plain));
      assert.deepEqual([delta.node?.id, delta.typeUrl, delta.nonce], [id, typeUrl, nonce]);
      assert.deepEqual([delta.subscribe, delta.unsubscribe], [names, more]);
      assert.deepEqual([...delta.initialVersions], Object.entries(versions));
      assert.equal(delta.error?.message, message);
      const sotw = decodeSotwRequest(
        toBinary(
          DiscoveryRequestSchema,
          create(DiscoveryRequestSchema, {
            node,
            typeUrl,
            resourceNames: names,
            versionInfo: id,
            responseNonce: nonce,
            ...error,
          }),
        ),
      );
      assert.deepEqual([sotw.node?.id, sotw.typeUrl, sotw.versionInfo, sotw.nonce], [id, typeUrl, id, nonce]);
      assert.deepEqual([sotw.names, sotw.error?.message], [names, message]);
    }),
  );
});

test("any bytes are read or refused, never anything else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of [decodeDeltaRequest, decodeSotwRequest]) {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(error instanceof MalformedMessage, String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test("equal content is one object, other content or origins another", () => {
  const table = new FragmentTable();
  const one = table.intern("cluster", "a", Buffer.from("x"), ["kri"]);
  assert.equal(table.intern("cluster", "a", Buffer.from("x"), ["kri"]), one);
  assert.notEqual(table.intern("endpoint", "a", Buffer.from("x"), ["kri"]), one);
  assert.notEqual(table.intern("cluster", "a", Buffer.from("y"), ["kri"]).version, one.version);
  const other = table.intern("cluster", "a", Buffer.from("x"), ["another"]);
  assert.notEqual(other, one);
  assert.equal(other.version, one.version);
});

test("fragments that nobody holds leave the table", async () => {
  const table = new FragmentTable();
  const kept = table.intern("cluster", "kept", Buffer.from("x"));
  for (let count = 0; count < 5000; count++) table.intern("cluster", `c${count}`, Buffer.alloc(100, count));
  await until("the table to shrink", () => {
    collectGarbage();
    return table.size === 1;
  });
  assert.equal(table.intern("cluster", "kept", Buffer.from("x")), kept);
});
