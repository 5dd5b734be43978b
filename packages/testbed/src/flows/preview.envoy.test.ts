import assert from "node:assert/strict";
import { test } from "node:test";
import { callThrough } from "../kong-air/call.ts";
import { until } from "../poll.ts";
import type { Service } from "../world/service.ts";
import { withWorld } from "../world/world.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { differences, held } from "./held.ts";
import { get } from "./load.ts";
import {
  applied,
  callerSeen,
  deleted,
  documents,
  inSync,
  MESH,
  meshYaml,
  policy,
  reachable,
  resource,
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
  readonly names: {
    readonly items: readonly {
      readonly type: string;
      readonly name: string;
      readonly change: string;
      readonly hostnames: { readonly added: readonly string[] };
      readonly addresses: { readonly added: readonly string[] };
      readonly goesAt?: string;
    }[];
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
    await inSync(scene.world);
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
    await inSync(scene.world);
    const before = await heldByAll(scene);
    const preview = await asked(scene, ["apply", "-f", "-"], identity());
    assert.deepEqual(await heldByAll(scene), before);
    assert.ok(pairs(preview).includes("passenger-portal check-in-api newly-encrypted"));
    await applied(scene.world, identity());
    assert.deepEqual(said(preview), changesOf(before, await heldByAll(scene)));
    assert.equal(await callerSeen(scene), idOf("passenger-portal"));
  });
});

test("a Dataplane with a service that nobody knew: its address and names, and then calls to that very address", async () => {
  await withWorld(async (world) => {
    const { block } = world.site;
    await world.startControlPlane({ KUMA_IPAM_MESH_SERVICE_CIDR: `${block.prefix}.192/26` });
    await world.apply(meshYaml());
    // Its proxy listens at the addresses of services itself.
    const settings = { KUMA_DATAPLANE_RUNTIME_BIND_OUTBOUNDS: "true" };
    const portal = await world.startService({ service: "passenger-portal", host: 11, settings });
    await world.startService({ service: "check-in-api", host: 12 });
    const changed = (before: ReadonlyMap<string, string>, preview: Preview): Promise<unknown> =>
      until("the portal's proxy holds what was said", async () => {
        const happened = differences(before, await held(portal.sidecar));
        const expected = said(preview).filter((each) => each.startsWith("passenger-portal "));
        assert.deepEqual(
          happened.map((each) => `passenger-portal ${each}`),
          expected,
        );
        return true;
      });
    await until("the portal has its services", async () =>
      [...(await held(portal.sidecar)).keys()].some((key) => /^cluster .*check-in-api/.test(key)),
    );
    await inSync(world);
    // Whose instance is the one of `check-in-api`.
    const loyalty = resource("Dataplane", "loyalty-1", {
      networking: {
        address: block.address(12),
        inbound: [{ port: 8080, protocol: "http", tags: { "kuma.io/service": "loyalty" } }],
      },
    });
    const before = await held(portal.sidecar);
    const preview = await asked({ world }, ["apply", "-f", "-"], loyalty);
    assert.deepEqual(await held(portal.sidecar), before, "the preview changed what the proxy holds");
    const [service, ...others] = preview.names.items;
    assert.deepEqual(others, []);
    assert.deepEqual([service?.type, service?.name, service?.change], ["MeshService", "loyalty", "appears"]);
    assert.deepEqual(service?.hostnames.added, ["loyalty.svc.mesh.local"]);
    const [address] = service?.addresses.added ?? [];

    await applied(world, loyalty);
    await changed(before, preview);
    assert.ok(said(preview).some((each) => /^passenger-portal listener .* added$/.test(each)));
    const after = await held(portal.sidecar);
    assert.equal((await get(undefined, `http://${address}:8080/`)).status, 200);

    const away = await asked({ world }, ["delete", "dataplane", "loyalty-1", "-m", MESH]);
    const [leaving] = away.names.items;
    assert.deepEqual([leaving?.name, leaving?.change, leaving?.addresses.added], ["loyalty", "changes", []]);
    const inAnHour = Date.parse(leaving?.goesAt ?? "") - Date.now();
    assert.ok(inAnHour > 3_000_000 && inAnHour <= 3_600_000, `it would go in ${inAnHour} ms`);
    await deleted(world, "dataplane", "loyalty-1");
    await changed(after, away);
    assert.equal((await get(undefined, `http://${address}:8080/`)).status, 503, "nobody is there");
  });
});

/** `--dry-run=server -o json`. */
async function asked(
  { world }: Pick<Scene, "world">,
  args: readonly string[],
  stdin?: string,
): Promise<Preview> {
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
