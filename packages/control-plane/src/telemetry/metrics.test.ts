import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyStatus } from "../api/ports.ts";
import { openMemoryStore } from "../store/memory.ts";
import { controlPlaneMetrics } from "./metrics.ts";

test("states and conditions of proxies and warnings of writes are counted; what is over counts no more", async () => {
  const type = (name: string) => ({ type: name, message: "" });
  let proxies: Pick<ProxyStatus, "state" | "conditions">[] = [
    { state: "in-sync", conditions: [type("NoIdentity"), type("ForbiddenOutbound")] },
    { state: "behind", conditions: [type("NoIdentity")] },
  ];
  const metrics = controlPlaneMetrics({
    ...{ version: "1", instanceId: "cp-1", zone: "zone-1", types: ["Mesh"] },
    store: openMemoryStore({ now: () => 0 }),
    streams: () => 2,
    healthStreams: () => 0,
    proxies: () => proxies,
    namingProblems: () => 0,
  });
  metrics.warned("MeshTimeout", 2);
  metrics.warned("MeshTimeout", 1);
  const seen = async () => {
    const text = await metrics.registry.metrics();
    return text.split("\n").filter((line) => /^skein_(prox|write)/.test(line));
  };
  const warnings = 'skein_write_warnings{resource_type="MeshTimeout"} 3';
  assert.deepEqual((await seen()).sort(), [
    'skein_proxies{state="behind"} 1',
    'skein_proxies{state="in-sync"} 1',
    'skein_proxies{state="offline"} 0',
    'skein_proxies{state="rejected"} 0',
    'skein_proxy_conditions{type="ForbiddenOutbound"} 1',
    'skein_proxy_conditions{type="NoIdentity"} 2',
    warnings,
  ]);
  proxies = [{ state: "in-sync", conditions: [] }];
  assert.deepEqual(
    (await seen()).filter((line) => !line.startsWith("skein_proxies")),
    [warnings],
  );
});
