import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource, MeshGatewayResource } from "@skein/model";
import { stored } from "../pipeline/testing/resources.ts";
import { gatewaysOf, selectableGateway } from "./gateways.ts";

const edge = (tags: object, type = "BUILTIN") =>
  stored(
    {
      ...{ type: "Dataplane", mesh: "m", name: "edge-1" },
      networking: { address: "127.0.0.1", gateway: { type, tags } },
    },
    1,
  ) as DataplaneResource;
let revision = 0;
/** Each is newer than the one before. */
const gateway = (name: string, ...matches: readonly object[]) =>
  stored(
    {
      ...{ type: "MeshGateway", mesh: "m", name, tags: { team: "web", tier: "gateway" } },
      selectors: matches.map((match) => ({ match: { "kuma.io/service": "edge", ...match } })),
      conf: { listeners: [{ port: 80, protocol: "HTTP", hostname: "a.b", tags: { team: "listener" } }] },
    },
    ++revision,
  ) as MeshGatewayResource;
const ranked = (dataplane: DataplaneResource, ...gateways: readonly MeshGatewayResource[]) =>
  gatewaysOf(dataplane, gateways).map(({ name }) => name);

test("more tags before fewer, values before wildcards, newer before older; what does not match is not there", () => {
  const proxy = edge({ "kuma.io/service": "edge", tier: "outer", zone: "a" });
  const found = ranked(
    proxy,
    gateway("older", {}),
    gateway("newer", {}),
    gateway("any", { tier: "*" }),
    gateway("exact", { tier: "outer" }),
    gateway("most", { tier: "*", zone: "*" }),
    gateway("other", { tier: "inner" }),
    gateway("best-of-its-selectors", {}, { tier: "outer", zone: "a" }),
  );
  assert.deepEqual(found, ["best-of-its-selectors", "most", "exact", "any", "newer", "older"]);
  assert.deepEqual(ranked(edge({ "kuma.io/service": "edge" }, "DELEGATED"), gateway("g", {})), []);
});

test("policies see the tags of the proxy, the MeshGateway and the listener; later ones win", () => {
  const proxy = edge({ "kuma.io/service": "edge", tier: "proxy", zone: "a" });
  assert.deepEqual(selectableGateway(proxy, [gateway("g", {})]), {
    names: ["g", "g"],
    labels: gateway("g", {}).labels,
    listeners: [
      {
        section: "80:a.b",
        tags: { "kuma.io/service": "edge", zone: "a", tier: "gateway", team: "listener" },
      },
    ],
  });
  assert.deepEqual(selectableGateway(proxy, []), { names: [], labels: {}, listeners: [] });
  assert.equal(selectableGateway(edge({}, "DELEGATED"), []), undefined);
});
