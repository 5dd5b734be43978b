import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { type BalancedService, INSTANCES, startBalanced } from "./same-instances.ts";
import { applied, policy, WAIT } from "./scene.ts";
import { assertShare } from "./shares.ts";
import { answeredOnlyBy, asker, tally } from "./who-answers.ts";

const DRAWS = 400;

const service = (
  name: string,
  loadBalancer: object,
  protocol: BalancedService["protocol"] = "http",
): BalancedService => ({ name, protocol, strategy: { loadBalancer } });
const least = (name: string, leastRequest: object): BalancedService =>
  service(name, { type: "LeastRequest", leastRequest });
const IN_TURN = [
  service("in-turn", { type: "RoundRobin" }),
  service("connections-in-turn", { type: "RoundRobin" }, "tcp"),
];
/** With the number of instances that are looked at. */
const LEAST = [
  { to: service("least-of-unsaid", { type: "LeastRequest" }), choices: 2 },
  { to: least("least-of-three", { choiceCount: 3 }), choices: 3 },
  { to: least("least-of-forty", { choiceCount: 40 }), choices: 40 },
];
const FLAT = least("flat", { choiceCount: 40, activeRequestBias: 0 });
const STEEP = least("steep", { activeRequestBias: "20.5" });

/** All instances are new for an hour, so that Envoy weighs them. */
const SLOW_START = policy("MeshProxyPatch", "slow-start", {
  default: {
    appendModifications: [
      {
        cluster: {
          operation: "Patch",
          match: { origin: "outbound" },
          value: JSON.stringify({ leastRequestLbConfig: { slowStartConfig: { slowStartWindow: "3600s" } } }),
        },
      },
    ],
  },
});

test("how an instance is chosen", async (t) => {
  await withWorld(async (world) => {
    const services = [...IN_TURN, ...LEAST.map(({ to }) => to), FLAT, STEEP];
    const balanced = await startBalanced(world, services);
    t.after(() => balanced.reconnect());
    const { stdout, stderr } = await world.apply(balanced.strategies, [WAIT]);
    const warned = (stdout + stderr).match(/leastRequest\.activeRequestBias has no effect/g);
    assert.equal(warned?.length, 2, stdout + stderr);

    /** How many of some requests go to the instance that has been at work on one request all the time. */
    const toTheBusy = async (to: BalancedService, count: number): Promise<number> => {
      const slow = asker(balanced.url(to));
      const endless = slow.ask("/delay?ms=60000").then(
        () => "answered",
        () => "given up",
      );
      const busy = await until("an instance is at work", async () => (await balanced.atWork(to))[0]);
      const seen = await tally(count, () => balanced.who(to));
      assert.deepEqual(await balanced.atWork(to), [busy]);
      slow.close();
      assert.equal(await endless, "given up");
      await until("nobody is at work", async () => (await balanced.atWork(to)).length === 0);
      return seen.get(busy) ?? 0;
    };

    for (const to of IN_TURN) {
      await t.test(
        `RoundRobin: one after the other, each time in the same order, of ${to.protocol}`,
        async () => {
          const names: string[] = [];
          for (let i = 0; i < 60; i++) names.push(await balanced.who(to));
          assert.deepEqual(names.slice(0, 3).sort(), INSTANCES);
          for (const [i, name] of names.entries()) assert.equal(name, names[i % 3], names.join());
        },
      );
    }

    for (const { to, choices } of LEAST) {
      await t.test(`LeastRequest: the busy one only when nobody else is looked at (${to.name})`, async () => {
        const draws = choices > 3 ? 60 : DRAWS;
        assertShare(await toTheBusy(to, draws), draws, (1 / 3) ** choices, "the busy one");
      });
    }

    await t.test("LeastRequest: a bias has no effect between instances of one weight", async () => {
      assert.equal(await toTheBusy(FLAT, 60), 0);
    });

    await t.test(
      "LeastRequest: a bias has its effect where a MeshProxyPatch makes weights differ",
      async () => {
        await applied(world, SLOW_START);
        for (const to of [FLAT, STEEP]) await answeredOnlyBy(INSTANCES, () => balanced.who(to));
        const flat = await toTheBusy(FLAT, 60);
        assert.ok(flat >= 18 && flat <= 22, `${flat} of 60, where being busy does not count`);
        const steep = await toTheBusy(STEEP, 60);
        assert.ok(steep <= 2, `${steep} of 60, where it counts for everything`);
      },
    );
  });
});
