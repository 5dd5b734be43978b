import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../pipeline/world.ts";
import { legacyVip } from "./legacy-vip.ts";

test("planning follows the address of a service tag", () => {
  const world = new World({ zone: "east" });
  const { index } = world.mesh("demo");
  let computed = 0;
  const vip = world.graph.derived(() => {
    computed++;
    return legacyVip(index, "api");
  });
  assert.equal(vip.get(), undefined);
  const time = "2026-01-01T00:00:00Z";
  const service = (name: string, ip: string) => ({
    ...{ type: "TaggedService", mesh: "demo", name, labels: {}, revision: 1 },
    ...{ creationTime: time, modificationTime: time },
    spec: { ports: [80, 8080] },
    status: { addresses: [{ hostname: `${name}.mesh`, origin: "ServiceTag" }], vips: [{ ip }] },
  });
  const after = service("api", "240.0.0.7");
  world.apply([{ before: undefined, after }]);
  assert.deepEqual(vip.get(), { address: "240.0.0.7", hostnames: ["api.mesh"], ports: [80, 8080] });
  assert.deepEqual(index.taggedServices.names.get(), ["api"]);
  world.apply([{ before: undefined, after: service("web", "240.0.0.8") }]);
  vip.get();
  assert.equal(computed, 2, "another tag does not concern it");
  world.apply([{ before: after, after: undefined }]);
  assert.equal(vip.get(), undefined);
});
