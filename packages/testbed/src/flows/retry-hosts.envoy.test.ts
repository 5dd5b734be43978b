import assert from "node:assert/strict";
import { test } from "node:test";
import { startTcpEcho } from "../apps/tcp-echo.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { applied, deleted, documents, meshYaml, policy, resource } from "./scene.ts";
import { CALL, dataplane, serverByHand } from "./servers-by-hand.ts";
import { asker, greeter, tally } from "./who-answers.ts";

/** Where the caller's proxy takes calls. */
const PORTS = {
  "check-in-api": 10_001,
  "flight-control": 10_002,
  tower: 10_003,
  everywhere: 10_004,
} as const;
type Callee = keyof typeof PORTS;
/**
 * So often an instance is drawn again when the policy does not like it. Of two, drawn by chance, the wrong one is then
 * taken with a probability of 2^-41, so that in all {@link CALLS} calls it happens with one below 1e-10.
 */
const OFTEN = 40;
/** What is done to an eighth of calls, or to more, is done to none of so many with a probability of (7/8)^200 < 1e-11. */
const CALLS = 200;
const BACK_OFF = { baseInterval: "1ms", maxInterval: "2ms" };

const tags = (callee: Callee, others: object = {}) => ({ "kuma.io/service": callee, ...others });
const SICK_SEAT = { seat: "window", row: "1" };
const WELL_SEAT = { seat: "aisle", row: "1" };
const EVERYWHERE = { everywhere: "yes" };

/** The mesh: every balancer throws dice, so that chance decides what the policies do not. */
function mesh(address: Readonly<Record<"sick" | "well" | "bytes" | "nobody", string>>): string {
  const { sick, well, bytes, nobody } = address;
  const west = { "kuma.io/origin": "global", "kuma.io/zone": "west" };
  return documents(
    meshYaml(),
    policy("MeshLoadBalancingStrategy", "by-chance", {
      to: [{ targetRef: { kind: "Mesh" }, default: { loadBalancer: { type: "Random" } } }],
    }),
    policy("MeshLoadBalancingStrategy", "far", {
      to: [
        {
          targetRef: { kind: "MeshService", name: "everywhere" },
          default: { localityAwareness: { crossZone: { failover: [{ to: { type: "Any" } }] } } },
        },
      ],
    }),
    resource("MeshService", "everywhere", {
      spec: {
        selector: { dataplaneLabels: { matchLabels: EVERYWHERE } },
        ports: [{ port: 8080, targetPort: 8080, appProtocol: "http" }],
      },
    }),
    dataplane("sick", sick, { protocol: "http", tags: tags("check-in-api", SICK_SEAT) }),
    dataplane("well", well, { protocol: "http", tags: tags("check-in-api", WELL_SEAT) }),
    dataplane("near", sick, { protocol: "http" }, EVERYWHERE),
    dataplane("far", well, { protocol: "http" }, { ...EVERYWHERE, ...west }),
    dataplane("speaking", bytes, { protocol: "tcp", tags: tags("flight-control") }),
    dataplane("silent", nobody, { protocol: "tcp", tags: tags("flight-control") }),
    dataplane("abandoned", nobody, { protocol: "tcp", tags: tags("tower") }),
  );
}

const retries = (world: World, callee: Callee, conf: object): Promise<void> =>
  applied(
    world,
    policy("MeshRetry", callee, {
      to: [{ targetRef: { kind: "MeshService", name: callee }, default: conf }],
    }),
  );

test("where calls that failed go when they are made again", async (t) => {
  await withWorld(async (world) => {
    const host = world.site.block.address(11);
    const [sick, well, bytes, nobody] = [21, 22, 23, 24].map((n) => world.site.block.address(n)) as [
      ...[string, string, string, string],
    ];
    /** Which servers each call came to, in that order. */
    const seen = new Map<string, string[]>();
    const serve = (address: string, name: string, status: number): Promise<void> =>
      serverByHand(t, address, ({ headers }, response) => {
        seen.get(String(headers[CALL]))?.push(name);
        response.writeHead(status);
        response.end(JSON.stringify({ instance: name }));
      });
    await Promise.all([serve(sick, "sick", 503), serve(well, "well", 200), world.startControlPlane()]);
    const echo = await startTcpEcho({ instance: "flight-control", address: bytes, port: 8080 });
    t.after(() => echo.close());
    await world.apply(mesh({ sick, well, bytes, nobody }));
    const portal = await world.startSidecar({
      service: "passenger-portal",
      host: 11,
      outbounds: Object.entries(PORTS).map(([service, port]) => ({ service, port })),
    });
    const [checkIn, everywhere] = (["check-in-api", "everywhere"] as const).map((callee) => {
      const client = asker(`http://${host}:${PORTS[callee]}`);
      t.after(() => client.close());
      return client;
    }) as [ReturnType<typeof asker>, ReturnType<typeof asker>];
    /** The way of one call: the servers it came to, and the status that the caller got. */
    const way = async ({ ask }: ReturnType<typeof asker>): Promise<string> => {
      const servers: string[] = [];
      const call = `call-${seen.size}`;
      seen.set(call, servers);
      const { status } = await ask("/", { headers: { [CALL]: call } });
      return [...servers, status].join(" ");
    };
    /** All ways that calls went, sorted. */
    const ways = async (client: ReturnType<typeof asker>, calls = CALLS): Promise<readonly string[]> =>
      [...(await tally(calls, () => way(client))).keys()].sort();
    await until("check-in-api answers", async () => (await checkIn.ask()).status === 200);
    await until("the near ones are asked", async () => (await everywhere.ask()).instance === "sick");

    const selection = (http: object): Promise<void> =>
      retries(world, "check-in-api", { http: { numRetries: 1, backOff: BACK_OFF, ...http } });

    await t.test("to any instance, where the policy does not say", async () => {
      assert.deepEqual(await ways(checkIn), ["sick 503", "well 200"]);
      await selection({});
      assert.deepEqual(await ways(checkIn), ["sick sick 503", "sick well 200", "well 200"]);
    });

    await t.test("to one that has not been asked: OmitPreviousHosts", async () => {
      const hostSelection = [{ predicate: "OmitPreviousHosts" }];
      // Unless it says more, one that was asked is drawn again only once: an eighth of the calls finds none but the sick.
      await selection({ hostSelection });
      assert.deepEqual(await ways(checkIn), ["sick sick 503", "sick well 200", "well 200"]);
      await selection({ hostSelection, hostSelectionMaxAttempts: OFTEN });
      assert.deepEqual(await ways(checkIn), ["sick well 200", "well 200"]);
    });

    await t.test("to one without certain tags, all of them: OmitHostsWithTags", async () => {
      const omit = (omitted: object): Promise<void> =>
        selection({
          hostSelection: [{ predicate: "OmitHostsWithTags", tags: omitted }],
          hostSelectionMaxAttempts: OFTEN,
        });
      await omit(SICK_SEAT);
      assert.deepEqual(await ways(checkIn), ["sick well 200", "well 200"]);
      await omit({ seat: "aisle" });
      assert.deepEqual(await ways(checkIn), ["sick sick 503", "well 200"]);
      await omit({ seat: "aisle", row: "2" });
      assert.deepEqual(await ways(checkIn), ["sick sick 503", "sick well 200", "well 200"]);
    });

    await t.test("to those of another priority: OmitPreviousPriorities", async () => {
      const http = { numRetries: 3, backOff: BACK_OFF };
      await retries(world, "everywhere", { http });
      assert.deepEqual(await ways(everywhere, 5), ["sick sick sick sick 503"]);
      const omit = (more: object): Promise<void> =>
        retries(world, "everywhere", {
          http: { ...http, hostSelection: [{ predicate: "OmitPreviousPriorities", ...more }] },
        });
      await omit({ updateFrequency: 1 });
      assert.deepEqual(await ways(everywhere, 5), ["sick well 200"]);
      await omit({});
      assert.deepEqual(await ways(everywhere, 5), ["sick sick well 200"]);
      await omit({ updateFrequency: 3 });
      assert.deepEqual(await ways(everywhere, 5), ["sick sick sick well 200"]);
    });

    await t.test("connections of bytes are tried as often as maxConnectAttempt says", async () => {
      /** How often a connection to a service that nobody has was tried. */
      const attempts = async (): Promise<number> => {
        const failed = async (): Promise<number> =>
          [...(await portal.stats("tower.*\\.upstream_cx_connect_fail$")).values()].reduce(
            (a, b) => a + b,
            0,
          );
        const before = await failed();
        assert.equal(await greeter(host, PORTS.tower), "");
        return (await failed()) - before;
      };
      const greetings = async (): Promise<readonly string[]> =>
        [...(await tally(CALLS, () => greeter(host, PORTS["flight-control"]))).keys()].sort();
      assert.equal(await attempts(), 1);
      assert.deepEqual(await greetings(), ["", "flight-control"]);
      await retries(world, "tower", { tcp: { maxConnectAttempt: 3 } });
      assert.equal(await attempts(), 3);
      await retries(world, "flight-control", { tcp: { maxConnectAttempt: OFTEN + 1 } });
      assert.deepEqual(await greetings(), ["flight-control"]);
      await deleted(world, "meshretry", "tower");
      assert.equal(await attempts(), 1);
    });
  });
});
