import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { ALLOW_ALL, IDENTITY, STRICT } from "../demo/documents.ts";
import { appUrl, callThrough } from "../kong-air/call.ts";
import { MESH_YAML, outboundsTo, spiffeId } from "../kong-air/cast.ts";
import { isAlive, ownerOf } from "../net/owner.ts";
import { until } from "../poll.ts";
import type { Service } from "../world/service.ts";
import { createWorld, type World } from "../world/world.ts";
import { type Api, at, createApi, listAt } from "./testing/api.ts";
import { withTraffic } from "./testing/witness.ts";

let world: World;
let api: Api;
let portal: Service;
let checkIn: Service;

before(async () => {
  world = await createWorld();
  await world.startControlPlane();
  api = createApi(world.controlPlane.api);
  await world.apply([MESH_YAML, ALLOW_ALL, STRICT, IDENTITY].join("---\n"));
  [portal, checkIn] = await Promise.all([
    world.startService({ service: "passenger-portal", host: 11, outbounds: outboundsTo(["check-in-api"]) }),
    world.startService({ service: "check-in-api", host: 12 }),
  ]);
  await until("the portal reaches check-in with its identity", reaches, { timeoutMs: 15_000 });
});
after(() => world.stop());

const url = (): string => `${appUrl(world, "passenger-portal")}/call/check-in-api/`;

async function reaches(): Promise<boolean> {
  const { status, caller, detail } = await callThrough(world, "passenger-portal", "check-in-api");
  if (status !== 200 || caller !== spiffeId("passenger-portal"))
    throw new Error(`${status} ${caller} ${detail}`);
  return true;
}

/** The Envoy that a launcher supervises: its only child. */
function envoyOf({ sidecar }: Service): number {
  const { pid } = sidecar.child;
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  if (!child) throw new Error(`the launcher ${pid} has no child`);
  return Number(child);
}

/** Serial number of the certificate that an Envoy presents to others. */
async function serialOf({ sidecar }: Service): Promise<string> {
  const dump = JSON.parse(await sidecar.admin("/config_dump?resource=dynamic_active_secrets"));
  const identity = listAt(dump, "configs").find((each) => String(at(each, "name")).startsWith("kri_mid_"));
  const chain = at(identity, "secret", "tls_certificate", "certificate_chain");
  const text = at(chain, "inline_bytes");
  const pem =
    typeof text === "string"
      ? Buffer.from(text, "base64").toString("utf8")
      : String(at(chain, "inline_string"));
  return new X509Certificate(pem).serialNumber;
}

async function counter({ sidecar }: Service, filter: string): Promise<number> {
  const stats = await sidecar.stats(filter);
  return [...stats.values()].reduce((sum, each) => sum + each, 0);
}

const LISTENERS = "listener_manager.listener_(create|modified|removed|in_place_updated)";

for (const [whose, service] of [
  ["the caller's", () => portal],
  ["the callee's", () => checkIn],
] as const) {
  test(`${whose} Envoy is killed: its launcher restarts it, traffic recovers, the identity is the same`, async () => {
    const killed = ownerOf(envoyOf(service()));
    assert.ok(killed !== undefined);
    const serial = await serialOf(service());
    process.kill(killed.pid, "SIGKILL");
    await until("it is gone", () => !isAlive(killed));
    await until("another Envoy runs", () => envoyOf(service()) !== killed.pid);
    await until("traffic flows again, with the same identity", reaches, { timeoutMs: 10_000 });
    assert.ok(service().sidecar.child.running, "the launcher itself lives on");
    assert.equal(
      await serialOf(service()),
      serial,
      "the same certificate: it belongs to the proxy, not to the process",
    );
    const ready = await fetch(`http://${service().sidecar.address}:9902/ready`);
    assert.equal(ready.status, 200);
    await withTraffic({ url: url(), rate: 50 }, async (witness) => {
      await until("a second of calls", () => witness.report().sent > 50);
    });
  });
}

/**
 * How often an Envoy has taken something, by kind. Not its own certificates: a control plane keeps no private keys of
 * proxies, so a new one has to make new ones, which changes neither a listener nor a connection.
 */
async function updates({ sidecar }: Service): Promise<Readonly<Record<string, number>>> {
  const stats = [...(await sidecar.stats("update_success$"))];
  return Object.fromEntries(stats.filter(([name]) => !/^sds\.(kri_mid_|system_envoy_admin_cert)/.test(name)));
}

test("the control plane is killed under traffic: no request is lost, a proxy is sent nothing when it is back", async () => {
  const sidecars = [portal, checkIn];
  const listeners = await Promise.all(sidecars.map((each) => counter(each, LISTENERS)));
  const taken = await Promise.all(sidecars.map(updates));
  assert.ok(Object.keys(taken[0] ?? {}).length >= 5, JSON.stringify(taken));
  await withTraffic({ url: url(), rate: 100 }, async () => {
    for (let round = 0; round < 3; round++) {
      await world.killControlPlane();
      await until("the sidecars have noticed", async () => {
        const states = await Promise.all(
          sidecars.map((each) => counter(each, "^control_plane.connected_state$")),
        );
        return states.every((state) => state === 0);
      });
      await reaches();
      await world.startControlPlane();
      const isBack = async (): Promise<boolean> => {
        const items = listAt(await api.get(`/meshes/${world.mesh}/_proxy-status`), "items");
        return items.length === 2 && items.every((item) => at(item, "state") === "in-sync");
      };
      await until("both are back and in sync", isBack, { timeoutMs: 20_000 });
    }
  });
  assert.deepEqual(
    await Promise.all(sidecars.map((each) => counter(each, LISTENERS))),
    listeners,
    "a listener was replaced",
  );
  assert.deepEqual(await Promise.all(sidecars.map(updates)), taken, "something was sent");
  assert.equal(await counter(portal, "update_rejected$"), 0);

  const spec = { to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout: "9s" } } }] };
  const change = await api.put(`/meshes/${world.mesh}/meshtimeouts/everybody`, {
    type: "MeshTimeout",
    mesh: world.mesh,
    name: "everybody",
    spec,
  });
  const counts = await api.settled(change);
  assert.ok((counts.acknowledged ?? 0) >= 1, "changes arrive as before");
  await until("the insight has one open subscription: those of the killed are closed", async () => {
    const path = `/meshes/${world.mesh}/dataplane-insights/passenger-portal`;
    const subscriptions = listAt(await api.get(path), "subscriptions");
    return subscriptions.filter((each) => at(each, "disconnectTime") === undefined).length === 1;
  });
});
