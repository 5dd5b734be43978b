import assert from "node:assert/strict";
import { test } from "node:test";
import { callThrough } from "../kong-air/call.ts";
import { until } from "../poll.ts";
import type { Service } from "../world/service.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { differences, held } from "./held.ts";
import {
  applied,
  callerSeen,
  deleted,
  documents,
  MESH,
  meshYaml,
  outOfSync,
  policy,
  reachable,
  type Scene,
  withScene,
} from "./scene.ts";

interface Preview {
  readonly revision: number;
  readonly proxies: {
    readonly changed: number;
    readonly groups: {
      readonly items: readonly {
        readonly proxies: { readonly items: readonly string[] };
        readonly resources: {
          readonly items: readonly {
            readonly type: string;
            readonly name: string;
            readonly change: string;
          }[];
        };
      }[];
    };
  };
  readonly access: {
    readonly items: readonly {
      readonly source: string;
      readonly destination: string;
      readonly change: string;
    }[];
  };
}

const DENY = policy("MeshTrafficPermission", "deny-portal", {
  targetRef: { kind: "Dataplane", labels: { app: "check-in-api" } },
  rules: [{ default: { deny: [{ spiffeID: { type: "Exact", value: idOf("passenger-portal") } }] } }],
});
const TIMEOUT = policy("MeshTimeout", "quick", {
  to: [{ targetRef: { kind: "Mesh" }, default: { connectionTimeout: "3s", http: { requestTimeout: "4s" } } }],
});

test("what a preview says happens on the real proxies, and the preview itself changes nothing", async () => {
  await withScene(documents(meshYaml(), identity(), ALLOW_ALL), async (scene) => {
    const { world } = scene;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    await until("every proxy holds what it should", async () => (await outOfSync(scene.world)).length === 0);
    const change = documents(DENY, TIMEOUT);
    const before = await heldByAll(scene);
    const preview = await asked(scene, ["apply", "-f", "-"], change);
    assert.deepEqual(await heldByAll(scene), before, "the preview changed what proxies hold");
    assert.equal((await callThrough(world, "passenger-portal", "check-in-api")).status, 200);
    assert.deepEqual(pairs(preview), ["passenger-portal check-in-api newly-denied"]);

    await applied(world, change);
    const happened = changesOf(before, await heldByAll(scene));
    assert.ok(happened.length > 0);
    assert.deepEqual(said(preview), happened);
    const denied = await callThrough(world, "passenger-portal", "check-in-api");
    assert.equal(denied.status, 403);

    const blamed = await world.ctl(["blame", "check-in-api", "--type=route", "-m", MESH]);
    assert.match(blamed.stdout, /MeshTrafficPermission deny-portal rules\[0\]/);
    const fields = await world.ctl([
      "inspect",
      "dataplane",
      "passenger-portal",
      "-m",
      MESH,
      "--type=fields",
      "--outbound",
      "check-in-api",
    ]);
    assert.match(fields.stdout, /http\.requestTimeout +4s +everybody +quick to\[0\]/);

    const away = await asked(scene, ["delete", "meshtrafficpermission", "deny-portal", "-m", MESH]);
    assert.deepEqual(pairs(away), ["passenger-portal check-in-api newly-allowed"]);
    const denying = await heldByAll(scene);
    await deleted(world, "meshtrafficpermission", "deny-portal");
    assert.deepEqual(said(away), changesOf(denying, await heldByAll(scene)));
    assert.equal((await callThrough(world, "passenger-portal", "check-in-api")).status, 200);
  });
});

test("a new MeshIdentity: the end of its rollout is foreseen, with the certificates that are issued", async () => {
  await withScene(documents(meshYaml(), ALLOW_ALL), async (scene) => {
    await reachable(scene);
    await until("every proxy holds what it should", async () => (await outOfSync(scene.world)).length === 0);
    const before = await heldByAll(scene);
    const preview = await asked(scene, ["apply", "-f", "-"], identity());
    assert.deepEqual(await heldByAll(scene), before);
    assert.ok(pairs(preview).includes("passenger-portal check-in-api newly-encrypted"));
    await applied(scene.world, identity());
    assert.deepEqual(said(preview), changesOf(before, await heldByAll(scene)));
    assert.equal(await callerSeen(scene), idOf("passenger-portal"));
  });
});

/** `--dry-run=server -o json`. */
async function asked({ world }: Scene, args: readonly string[], stdin?: string): Promise<Preview> {
  const output = await world.ctl(
    [...args, "--dry-run=server", "-o", "json"],
    stdin === undefined ? {} : { stdin },
  );
  assert.equal(output.code, 0, output.stderr);
  return JSON.parse(output.stdout) as Preview;
}

async function heldByAll(scene: Scene): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const services: readonly Service[] = [scene.portal, scene.checkIn, scene.flightControl];
  const names = ["passenger-portal", "check-in-api", "flight-control"];
  return new Map(
    await Promise.all(services.map(async ({ sidecar }, i) => [names[i] ?? "", await held(sidecar)] as const)),
  );
}

function changesOf(
  before: ReadonlyMap<string, ReadonlyMap<string, string>>,
  after: ReadonlyMap<string, ReadonlyMap<string, string>>,
): readonly string[] {
  const none = new Map<string, string>();
  return [...before.keys()]
    .flatMap((name) =>
      differences(before.get(name) ?? none, after.get(name) ?? none).map((each) => `${name} ${each}`),
    )
    .sort();
}

function said({ proxies }: Preview): readonly string[] {
  return proxies.groups.items
    .flatMap((group) =>
      group.proxies.items.flatMap((name) =>
        group.resources.items.map((each) => `${name} ${each.type} ${each.name} ${each.change}`),
      ),
    )
    .sort();
}

function pairs({ access }: Preview): readonly string[] {
  return access.items.map(({ source, destination, change }) => `${source} ${destination} ${change}`).sort();
}
