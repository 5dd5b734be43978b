import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { type BalancedService, INSTANCES, startBalanced } from "./same-instances.ts";
import { applied, documents, policy, WAIT } from "./scene.ts";
import type { Asking } from "./who-answers.ts";

/** So many that each of three instances is the home of one, but once in 10¹⁰ runs. */
const VALUES = Array.from({ length: 60 }, (_, i) => `passenger-${i}`);
/** Hosts of the block from which nobody else calls. */
const FIRST_SOURCE = 150;
const KEY = "airline.passenger";

type Algorithm = "RingHash" | "Maglev";
const ALGORITHMS: readonly Algorithm[] = ["RingHash", "Maglev"];
const header = (name: string, more: object = {}): object => ({ type: "Header", header: { name }, ...more });
const HASH = {
  header: header("x-passenger"),
  cookie: { type: "Cookie", cookie: { name: "seat", path: "/", ttl: "1h" } },
  query: { type: "QueryParameter", queryParameter: { name: "passenger" } },
  connection: { type: "Connection", connection: { sourceIP: true } },
  state: { type: "FilterState", filterState: { key: KEY } },
} as const;
type Way = keyof typeof HASH;

const service = (
  name: string,
  algorithm: Algorithm,
  hashPolicies: readonly object[],
  protocol: BalancedService["protocol"] = "http",
): BalancedService => ({ name, protocol, strategy: { loadBalancer: { type: algorithm }, hashPolicies } });
const named = (protocol: BalancedService["protocol"], ways: readonly Way[]) =>
  ALGORITHMS.flatMap((algorithm) =>
    ways.map((way) => ({
      way,
      algorithm,
      service: service(`${protocol}-${algorithm}-${way}`.toLowerCase(), algorithm, [HASH[way]], protocol),
    })),
  );
const OF_REQUESTS = named("http", ["header", "cookie", "query", "connection"]);
const OF_CONNECTIONS = named("tcp", ["connection"]);
const OF_STATE = [...named("http", ["state"]), ...named("tcp", ["state"])];
const FIRST_OF = service("first-of", "RingHash", [
  header("x-seat", { terminal: true }),
  header("x-passenger", { terminal: true }),
  HASH.cookie,
]);
const ALL_OF: BalancedService = {
  name: "all-of",
  protocol: "http",
  strategy: {
    loadBalancer: { type: "RingHash", ringHash: { hashFunction: "MurmurHash2", maxRingSize: 600 } },
    hashPolicies: [header("x-seat"), header("x-passenger")],
  },
};
const cookie = (name: string, ttl?: string): BalancedService =>
  service(name, "Maglev", [
    { type: "Cookie", cookie: { name: "seat", path: "/seats", ...(ttl === undefined ? {} : { ttl }) } },
  ]);
const HOURLY = cookie("cookie-of-an-hour", "1h");
const OF_SESSION = cookie("cookie-of-a-session", "0s");
const GIVEN = cookie("cookie-of-others");

test("requests and connections are told apart by every kind of hash policy", async (t) => {
  await withWorld(async (world) => {
    const groups = [...OF_REQUESTS, ...OF_CONNECTIONS, ...OF_STATE].map((each) => each.service);
    const balanced = await startBalanced(world, [...groups, FIRST_OF, ALL_OF, HOURLY, OF_SESSION, GIVEN]);
    t.after(() => balanced.reconnect());
    const source = (n: number): string => world.site.block.address(FIRST_SOURCE + n);
    /** How a request has one of the values. */
    const WAYS: Readonly<Record<Way, (value: string, n: number) => Asking & { readonly path?: string }>> = {
      header: (value) => ({ headers: { "x-passenger": value } }),
      cookie: (value) => ({ headers: { cookie: `other=1; seat=${value}` } }),
      query: (value) => ({ path: `/?other=1&passenger=${value}` }),
      connection: (_, n) => ({ from: source(n) }),
      state: (value, n) => ({ headers: { "x-passenger": value }, from: source(n) }),
    };
    type Ask = (typeof WAYS)[Way];
    /** Who answers each value, in turns. */
    const homes = async (
      to: BalancedService,
      ask: Ask,
      count = VALUES.length,
    ): Promise<readonly string[][]> => {
      const found: string[][] = Array.from({ length: count }, () => []);
      for (let turn = 0; turn < 2; turn++) {
        await Promise.all(
          found.map(async (names, n) => names.push(await balanced.who(to, ask(VALUES[n] as string, n)))),
        );
      }
      return found;
    };
    const sticks = async (to: BalancedService, ask: Ask): Promise<void> => {
      const found = await homes(to, ask);
      for (const [n, names] of found.entries()) {
        assert.equal(new Set(names).size, 1, `${to.name}: ${VALUES[n]} went to ${names.join()}`);
      }
      assert.deepEqual([...new Set(found.flat())].sort(), INSTANCES, to.name);
    };
    const wanders = async (to: BalancedService, ask: Ask): Promise<void> => {
      const found = await homes(to, ask, 20);
      assert.ok(
        found.some((names) => new Set(names).size > 1),
        `${to.name}: nobody moved`,
      );
    };
    const isConstant = async (to: BalancedService, ask: Ask): Promise<void> => {
      const found = await homes(to, ask, 30);
      assert.equal(new Set(found.flat()).size, 1, `${to.name}: ${found.join()}`);
    };

    await t.test("a state that nothing sets is told of", async () => {
      const { stdout, stderr } = await world.apply(balanced.strategies, [WAIT]);
      const warned = (stdout + stderr).match(
        /filterState\.key: no MeshProxyPatch sets "airline\.passenger"/g,
      );
      assert.equal(warned?.length, OF_STATE.length, stdout + stderr);
    });

    for (const { way, algorithm, service: to } of [...OF_REQUESTS, ...OF_CONNECTIONS]) {
      await t.test(`${algorithm} of ${to.protocol} by ${way}`, async () => {
        await sticks(to, WAYS[way]);
        // What the policy does not look at makes no difference, neither to who has a value nor to who has none.
        if (way === "connection") {
          await isConstant(to, WAYS.header);
          return;
        }
        const other = way === "header" ? WAYS.query("p", 0) : WAYS.header("p", 0);
        // Who brings no cookie gets one for its connection.
        await wanders(to, () => ({ ...other, headers: { ...other.headers, connection: "close" } }));
      });
    }

    await t.test("of a list, a terminal policy that finds something is the last one", async () => {
      const both = (value: string) => ({ headers: { "x-seat": "12a", "x-passenger": value } });
      await isConstant(FIRST_OF, both);
      await sticks(FIRST_OF, (value) => ({ headers: { "x-seat": value } }));
      await sticks(FIRST_OF, WAYS.header);
      assert.deepEqual(await cookiesOf(FIRST_OF, { "x-seat": "12a" }), []);
      assert.equal((await cookiesOf(FIRST_OF)).length, 1);
      await sticks(ALL_OF, both);
      await isConstant(ALL_OF, () => both("passenger-0"));
    });

    await t.test("a cookie is made where it has a life, and lives as long as that", async () => {
      const [hourly] = await cookiesOf(HOURLY);
      assert.match(hourly ?? "", /^seat="?[0-9a-f]+"?; Max-Age=3600; Path=\/seats; HttpOnly$/);
      const [ofSession] = await cookiesOf(OF_SESSION);
      assert.match(ofSession ?? "", /^seat="?[0-9a-f]+"?; Path=\/seats; HttpOnly$/);
      assert.deepEqual(await cookiesOf(GIVEN), []);
      for (const to of [HOURLY, OF_SESSION, GIVEN]) {
        assert.deepEqual(await cookiesOf(to, { cookie: "seat=12a" }), [], "who has one keeps it");
        await sticks(to, WAYS.cookie);
      }
      await isConstant(HOURLY, () => ({ headers: { cookie: hourly?.split(";")[0] ?? "" } }));
    });

    await t.test("a state has no effect until a MeshProxyPatch sets it", async () => {
      for (const { service: to } of OF_STATE) await wanders(to, WAYS.state);
      await applied(world, documents(SET_STATE));
      const { stdout, stderr } = await world.apply(balanced.strategies, [WAIT]);
      assert.doesNotMatch(stdout + stderr, /filterState/);
      balanced.reconnect();
      for (const { service: to } of OF_STATE) {
        await until(`${to.name} has the filter`, async () => {
          const names = new Set<string>();
          for (let i = 0; i < 30; i++) names.add(await balanced.who(to, WAYS.state("passenger-0", 0)));
          return names.size === 1;
        });
        await sticks(to, WAYS.state);
      }
    });

    async function cookiesOf(
      to: BalancedService,
      headers: Record<string, string> = {},
    ): Promise<readonly string[]> {
      const answer = await fetch(balanced.url(to), { headers });
      await answer.arrayBuffer();
      assert.equal(answer.status, 200);
      return answer.headers.getSetCookie();
    }
  });
});

/** Requests are known by a header, connections by their source. */
const SET_STATE = ((): string => {
  const set = (place: "http" | "network", when: string, inlineString: string): string =>
    JSON.stringify({
      name: "passenger",
      typedConfig: {
        "@type": `type.googleapis.com/envoy.extensions.filters.${place}.set_filter_state.v3.Config`,
        [when]: [
          {
            objectKey: KEY,
            factoryKey: "envoy.hashable_string",
            formatString: { textFormatSource: { inlineString } },
          },
        ],
      },
    });
  const match = { origin: "outbound" };
  return policy("MeshProxyPatch", "passenger", {
    targetRef: { kind: "Dataplane", labels: { app: "passenger-portal" } },
    default: {
      appendModifications: [
        {
          httpFilter: {
            operation: "AddFirst",
            match,
            value: set("http", "onRequestHeaders", "%REQ(x-passenger)%"),
          },
        },
        {
          networkFilter: {
            operation: "AddBefore",
            match: { ...match, name: "envoy.filters.network.tcp_proxy" },
            value: set("network", "onNewConnection", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
          },
        },
      ],
    },
  });
})();
