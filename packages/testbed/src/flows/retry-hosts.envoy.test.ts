import assert from "node:assert/strict";
import { test } from "node:test";
import { startTcpEcho } from "../apps/tcp-echo.ts";
import { patiently } from "../patience.ts";
import { until } from "../poll.ts";
import { type World, withWorld } from "../world/world.ts";
import { deleted, documents, meshYaml, policy, resource, WAIT } from "./scene.ts";
import { CALL, dataplane, PORT, serverByHand } from "./servers-by-hand.ts";
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
        ports: [{ port: PORT, targetPort: PORT, appProtocol: "http" }],
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

/** The retries of calls to a service, when the caller's proxy has them; answers what the command says. */
async function retries(world: World, callee: Callee, conf: object): Promise<string> {
  const to = [{ targetRef: { kind: "MeshService", name: callee }, default: conf }];
  const { stdout, stderr } = await world.apply(policy("MeshRetry", callee, { to }), [WAIT]);
  return stdout + stderr;
}

test("where calls that failed go when they are made again", async (t) => {
  await withWorld(async (world) => {
    const at = (n: number): string => world.site.block.address(n);
    const host = at(11);
    const address = { sick: at(21), well: at(22), bytes: at(23), nobody: at(24) };
    /** Which servers each call came to, in that order. */
    const seen = new Map<string, string[]>();
    const serve = (name: "sick" | "well", status: number): Promise<void> =>
      serverByHand(t, address[name], ({ headers }, response) => {
        seen.get(String(headers[CALL]))?.push(name);
        response.writeHead(status);
        response.end(JSON.stringify({ instance: name }));
      });
    await Promise.all([serve("sick", 503), serve("well", 200), world.startControlPlane()]);
    const echo = await startTcpEcho({ instance: "flight-control", address: address.bytes, port: PORT });
    t.after(() => echo.close());
    await world.apply(mesh(address));
    const portal = await world.startSidecar({
      service: "passenger-portal",
      host: 11,
      outbounds: Object.entries(PORTS).map(([service, port]) => ({ service, port })),
    });
    const clientOf = (callee: Callee): ReturnType<typeof asker> => {
      const client = asker(`http://${host}:${PORTS[callee]}`);
      t.after(() => client.close());
      return client;
    };
    const checkIn = clientOf("check-in-api");
    const everywhere = clientOf("everywhere");
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

    const selection = (http: object): Promise<string> =>
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
      const omit = (omitted: object): Promise<string> =>
        selection({
          hostSelection: [{ predicate: "OmitHostsWithTags", tags: omitted }],
          hostSelectionMaxAttempts: OFTEN,
        });
      await omit(SICK_SEAT);
      assert.deepEqual(await ways(checkIn), ["sick well 200", "well 200"]);
      await omit({ seat: "aisle" });
      assert.deepEqual(await ways(checkIn), ["sick sick 503", "well 200"]);
      assert.match(await omit({ seat: "aisle", row: "2" }), /tags: no inbound has all of these tags now/);
      assert.deepEqual(await ways(checkIn), ["sick sick 503", "sick well 200", "well 200"]);
    });

    await t.test("to those of another priority: OmitPreviousPriorities", async () => {
      const http = { numRetries: 3, backOff: BACK_OFF };
      await retries(world, "everywhere", { http });
      assert.deepEqual(await ways(everywhere, 5), ["sick sick sick sick 503"]);
      const omit = (more: object, numRetries = 3): Promise<string> =>
        retries(world, "everywhere", {
          http: { ...http, numRetries, hostSelection: [{ predicate: "OmitPreviousPriorities", ...more }] },
        });
      await omit({ updateFrequency: 1 });
      assert.deepEqual(await ways(everywhere, 5), ["sick well 200"]);
      await omit({});
      assert.deepEqual(await ways(everywhere, 5), ["sick sick well 200"]);
      await omit({ updateFrequency: 3 });
      assert.deepEqual(await ways(everywhere, 5), ["sick sick sick well 200"]);
      assert.match(
        await omit({ updateFrequency: 3 }, 2),
        /http\.hostSelection\[0\]\.updateFrequency: priorities are left out from retry 3 on, and numRetries is 2/,
      );
      assert.deepEqual(await ways(everywhere, 5), ["sick sick sick 503"]);
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
      // Whoever is not connected hears so: no stall of the machine is taken for that.
      const greeting = (): Promise<string> =>
        greeter(host, PORTS["flight-control"], undefined, patiently(30_000));
      const greetings = async (): Promise<readonly string[]> =>
        [...(await tally(CALLS, greeting)).keys()].sort();
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
