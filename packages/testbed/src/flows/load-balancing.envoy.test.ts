import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import type { ServiceSpec } from "../world/service.ts";
import { withWorld } from "../world/world.ts";
import { applied, deleted, documents, meshYaml, policy, resource } from "./scene.ts";
import { type Asking, answeredOnlyBy, asker, greeter, tally } from "./who-answers.ts";

const INSTANCES = ["check-in-api-1", "check-in-api-2", "check-in-api-3"] as const;
const VALUES = Array.from({ length: 60 }, (_, i) => `passenger-${i}`);

const strategy = (service: string, conf: object): string =>
  policy("MeshLoadBalancingStrategy", service, {
    to: [{ targetRef: { kind: "MeshService", name: service }, default: conf }],
  });
const NEW_CONNECTION: Asking = { headers: { connection: "close" } };
/** Whether a count is within five standard deviations of what a share of so many would be. */
function isAbout(count: number, total: number, share: number): boolean {
  return Math.abs(count - total * share) <= 5 * Math.sqrt(total * share * (1 - share));
}

test("load balancing shows in traffic", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(
      documents(
        meshYaml(),
        // The same instances again, and those that other zones have of them.
        resource("MeshService", "everywhere", {
          spec: {
            selector: { dataplaneLabels: { matchLabels: { everywhere: "yes" } } },
            ports: [{ port: 8080, targetPort: 8080, appProtocol: "http" }],
          },
        }),
      ),
    );
    const instance = (n: number): ServiceSpec => ({
      service: "check-in-api",
      instance: `check-in-api-${n}`,
      host: 20 + n,
      labels: { rack: `r${n}`, floor: n < 3 ? "f1" : "f2", everywhere: n === 1 ? "yes" : "no" },
    });
    const [, first] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        labels: { rack: "r1", floor: "f1" },
        outbounds: [
          { service: "check-in-api", port: 10_001 },
          { service: "flight-control", port: 10_002 },
          { service: "everywhere", port: 10_003 },
        ],
      }),
      ...[1, 2, 3].map((n) => world.startService(instance(n))),
      ...[1, 2].map((n) =>
        world.startService({
          service: "flight-control",
          instance: `flight-control-${n}`,
          host: 30 + n,
          tcp: true,
        }),
      ),
    ]);
    assert.ok(first !== undefined);
    const address = (host: number): string => world.site.block.address(host);
    const checkIn = asker(`http://${address(11)}:10001`);
    const everywhere = asker(`http://${address(11)}:10003`);
    t.after(() => {
      checkIn.close();
      everywhere.close();
    });
    const who = async (path?: string, asking?: Asking): Promise<string> =>
      (await checkIn.ask(path, asking)).instance;
    await answeredOnlyBy(INSTANCES, who);

    /** Each value has one instance whenever it asks, and together they have all. */
    const sticks = async (
      all: readonly string[],
      values: readonly string[],
      ask: (value: string) => Promise<string>,
    ): Promise<void> => {
      const homes = new Map<string, string>();
      for (let round = 0; round < 3; round++) {
        for (const value of values) {
          const name = await ask(value);
          assert.equal(homes.get(value) ?? name, name, `${value} moved in round ${round}`);
          homes.set(value, name);
        }
      }
      assert.deepEqual([...new Set(homes.values())].sort(), all);
    };
    const byHeader = (value: string) => who("/", { headers: { "x-passenger": value } });
    const HEADER = { type: "Header", header: { name: "x-passenger" } };

    await t.test("ring hash by header, cookie or query parameter: whichever there is", async () => {
      const hashPolicies = [
        { ...HEADER, terminal: true },
        { type: "Cookie", cookie: { name: "seat", ttl: "1h", path: "/" }, terminal: true },
      ];
      const conf = { loadBalancer: { type: "RingHash", ringHash: { minRingSize: 2048 } } };
      await applied(world, strategy("check-in-api", { ...conf, hashPolicies }));
      await sticks(INSTANCES, VALUES, byHeader);
      const cookies = await Promise.all(
        VALUES.map(async () => (await checkIn.ask("/", NEW_CONNECTION)).cookie),
      );
      assert.ok(
        cookies.every((cookie) => cookie?.startsWith("seat=")),
        cookies.join(),
      );
      assert.equal(new Set(cookies).size, VALUES.length, "each connection gets a cookie of its own");
      await sticks(
        INSTANCES,
        cookies.map((cookie) => cookie ?? ""),
        (cookie) => who("/", { headers: { cookie } }),
      );
      const QUERY = { type: "QueryParameter", queryParameter: { name: "passenger" } };
      await applied(world, strategy("check-in-api", { ...conf, hashPolicies: [QUERY] }));
      await sticks(INSTANCES, VALUES, (value) => who(`/?passenger=${value}`));
    });

    await t.test("maglev by header, and by the older name of the source address", async () => {
      const loadBalancer = { type: "Maglev", maglev: { tableSize: 1021 } };
      await applied(world, strategy("check-in-api", { loadBalancer, hashPolicies: [HEADER] }));
      await sticks(INSTANCES, VALUES, byHeader);
      const SOURCE = { type: "SourceIP", connection: {} };
      await applied(world, strategy("check-in-api", { loadBalancer, hashPolicies: [SOURCE] }));
      await sticks(INSTANCES, SOURCES.map(address), (from) => who("/", { from }));
    });

    await t.test("a TCP service by source address", async () => {
      const SOURCE = { type: "Connection", connection: { sourceIP: true } };
      const conf = { loadBalancer: { type: "RingHash" }, hashPolicies: [SOURCE] };
      await applied(world, strategy("flight-control", conf));
      await sticks(["flight-control-1", "flight-control-2"], SOURCES.map(address), (from) =>
        greeter(address(11), 10_002, from),
      );
    });

    await t.test("round robin, random and least request spread", async () => {
      const spread = async (loadBalancer: object, total: number) => {
        await applied(world, strategy("check-in-api", { loadBalancer }));
        return [...(await tally(total, who))].sort();
      };
      const inTurn = await spread({ type: "RoundRobin" }, 90);
      for (const [name, count] of inTurn) assert.ok(Math.abs(count - 30) <= 1, `${name} got ${count} of 90`);
      const byChance = await spread({ type: "Random" }, 300);
      assert.deepEqual(
        byChance.map(([name]) => name),
        INSTANCES,
      );
      for (const [name, count] of byChance) assert.ok(isAbout(count, 300, 1 / 3), `${name} got ${count}`);

      // With so many draws from three instances, one that is idle is practically always among them.
      await spread({ type: "LeastRequest", leastRequest: { choiceCount: 40 } }, 1);
      let isOver = false;
      const slow = who("/delay?ms=6000").finally(() => {
        isOver = true;
      });
      const quick = await tally(30, who);
      assert.ok(!isOver, "all were asked while the slow one was at work");
      assert.equal(quick.get(await slow), undefined, "the one at work was spared");
      await deleted(world, "meshloadbalancingstrategy", "check-in-api");
    });

    await t.test("affinity tags weight the traffic inside a zone", async () => {
      const affinityTags = [{ key: "rack" }, { key: "floor" }];
      await applied(world, strategy("check-in-api", { localityAwareness: { localZone: { affinityTags } } }));
      const total = 1_000;
      const counts = await tally(total, who);
      for (const [i, share] of [0.9, 0.09, 0.01].entries()) {
        const count = counts.get(INSTANCES[i] ?? "") ?? 0;
        assert.ok(isAbout(count, total, share), `${INSTANCES[i]} got ${count} of ${total}`);
      }
      const weighted = affinityTags.map(({ key }, i) => ({ key, weight: i + 1 }));
      await applied(
        world,
        strategy("check-in-api", { localityAwareness: { localZone: { affinityTags: weighted } } }),
      );
      const others = await tally(400, who);
      for (const [i, share] of [0.25, 0.5, 0.25].entries()) {
        const count = others.get(INSTANCES[i] ?? "") ?? 0;
        assert.ok(isAbout(count, 400, share), `${INSTANCES[i]} got ${count} of 400`);
      }
      await deleted(world, "meshloadbalancingstrategy", "check-in-api");
    });

    await t.test(
      "the own zone wins; when it is empty, the zones that may be called follow in order",
      async () => {
        const far = (zone: string, host: number): string =>
          resource("Dataplane", `far-${zone}`, {
            labels: { everywhere: "yes", "kuma.io/origin": "global", "kuma.io/zone": zone },
            networking: { address: address(host), inbound: [{ port: 8080, protocol: "http" }] },
          });
        const failover = (...rules: object[]) =>
          applied(world, strategy("everywhere", { localityAwareness: { crossZone: { failover: rules } } }));
        const whoEverywhere = async (): Promise<string> => (await everywhere.ask()).instance;
        await applied(world, documents(far("west", 22), far("north", 23)));
        await answeredOnlyBy(["check-in-api-1"], whoEverywhere);
        await failover(
          { to: { type: "Only", zones: ["north"] } },
          { to: { type: "AnyExcept", zones: ["north"] } },
        );
        await answeredOnlyBy(["check-in-api-1"], whoEverywhere);
        assert.deepEqual(await first.sidecar.child.stop(10_000), { code: 0, signal: null });
        await answeredOnlyBy(["check-in-api-3"], whoEverywhere);
        await failover({ to: { type: "Only", zones: ["west"] } });
        await answeredOnlyBy(["check-in-api-2"], whoEverywhere);
        await failover({ from: { zones: ["elsewhere"] }, to: { type: "Any" } });
        await until("nobody may be called", async () => (await everywhere.ask()).status === 503);
        await failover({ to: { type: "Any" } });
        await answeredOnlyBy(["check-in-api-2", "check-in-api-3"], whoEverywhere);
        await world.startSidecar(instance(1));
        await answeredOnlyBy(["check-in-api-1"], whoEverywhere);
      },
    );
  });
});

/** Hosts of the block from which nobody else calls. */
const SOURCES = Array.from({ length: 40 }, (_, i) => 40 + i);
